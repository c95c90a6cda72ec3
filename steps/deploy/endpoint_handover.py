"""endpoint_handover: traffic of an endpoint goes to a new deployment only after that has been seen to work."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from bedplate import labels, smoke
from bedplate.azureml import commands
from bedplate.clients.azure.errors import OutOfSightError
from bedplate.clients.azure.versions import ML
from bedplate.clients.azureml_scoring import sign_in
from bedplate.clients.endpoint import Endpoint
from bedplate.errors import StepError
from bedplate.step import Clients, Given
from steps.deploy import endpoint_changes as endpoints
from steps.deploy.endpoint_wanted import OWN_NAME, SERVICE, Wanted

if TYPE_CHECKING:
    from steps.deploy.online_endpoint import Aside

LINES = 60  # of a failed deployment's log
UP_WITHIN_S = 60.0  # a deployment that is made answers; its route may be a moment late
PICK = "azureml-model-deployment"  # header that names a deployment whatever its traffic


def deploy(wanted: Wanted, given: Given, clients: Clients) -> str:
    """The scoring URL, once the wanted deployment has all traffic. Safe to begin again at any point."""
    return _Handover(wanted, given, clients).run()


class _Handover:
    def __init__(self, wanted: Wanted, given: Given, clients: Clients) -> None:
        self._wanted, self._clients = wanted, clients
        self._azure, self._log = clients.azure, clients.log
        self._aside: Aside = given.aside
        self._what = f"endpoint {wanted.endpoint}"

    def run(self) -> str:
        wanted = self._wanted
        found = endpoints.made_endpoint(
            self._azure, wanted.endpoint_place, wanted.endpoint_body, self._log, self._allow
        )
        before = endpoints.serving(found)
        name, url = wanted.name, str(found["properties"].get("scoringUri") or "")
        moves = before.get(name) != 100
        if moves and before:
            self._may_ask()
        agreed = True
        try:
            with self._serving_on(before if moves else {}):
                endpoints.made_deployment(
                    self._azure, wanted.place, wanted.body, self._log, self._allow if name in before else None
                )
                if moves:
                    with self._waiting(name):
                        self._tried(name, url)
                        agreed = not before or self._agreed(f"move all traffic from {_names(before)} to {name}")
        except StepError as error:
            raise self._undone(name, error, before) from None
        if not agreed:
            self._remove(name)
            raise StepError(f"{self._what}: traffic was not moved; {_names(before)} still serves")
        if moves:
            self._move(name, before)
            self._log.note(f"{self._what}: all traffic goes to {name}")
        else:
            self._log.note(f"deployment {name} has all traffic already: kept")
        self._tidied(name, before)
        return url

    # ---- what is told of it, should the run be interrupted

    def _serving_on(self, before: Mapping[str, int]) -> AbstractContextManager[None]:
        if not before:
            return nullcontext()
        return self._azure.under_way.going_on(f"deployment {_names(before)} of {self._what}", does="serves on")

    def _waiting(self, name: str) -> AbstractContextManager[None]:
        what = f"deployment {name} of {self._what}, at 0 % traffic"
        return self._azure.under_way.going_on(what, commands.show(self._wanted.place), "waits")

    # ---- the new deployment

    def _tried(self, name: str, url: str) -> None:
        """The smoke test, on this deployment alone. Raises StepError."""
        if not self._aside.cases:
            return
        headers = {**sign_in(self._azure, self._wanted.endpoint_place), PICK: name}
        until = time.monotonic() + UP_WITHIN_S
        wrong: list[str] = []
        hint = ""
        with Endpoint(direct=False) as endpoint:
            for case in self._aside.cases:
                message = smoke.message(case, url, self._clients.root, headers)
                outcome = smoke.outcome(case, message, endpoint.send, until)
                self._log.note(f"{name}: {outcome}")
                wrong += [f"{case.name}: {problem}" for problem in outcome.problems]
                hint = hint or outcome.hint
        if wrong:
            hint = hint or "mend the service, or `smoke_test` in pipeline.yaml"
            raise StepError(f"deployment {name} does not answer as expected", hint, "\n".join(wrong))

    def _undone(self, name: str, error: StepError, before: Mapping[str, int]) -> StepError:
        """The failed deployment is taken away, after its log has been read; traffic is as it was."""
        message, detail = error.message, error.detail
        if name in before:
            return error
        if before:
            message += f"; traffic is untouched: {_names(before)} still serves"
        if isinstance(error, OutOfSightError):  # Azure may be about to end it well: the next run takes it up
            return StepError(message, error.hint, detail)
        with suppress(StepError):  # what went wrong first is what is told
            told = self._azure.post(f"{self._wanted.place}/getLogs", {"tail": LINES}, ML).document
            said = str(told.get("content") or "").strip()
            last = f"the last lines of deployment {name}:\n{said}" if said else f"deployment {name} has logged nothing"
            detail += f"\n{last}"
        try:
            self._remove(name)
        except StepError as left:
            if left.message != error.message:  # else the same refusal kept it from being made
                detail += f"\ndeployment {name} could not be removed: {left.message}"
        return StepError(message, error.hint, detail.strip())

    def _remove(self, name: str) -> None:
        endpoints.removed(self._azure, f"{self._wanted.endpoint_place}/deployments/{name}", self._log)

    # ---- traffic

    def _may_ask(self) -> None:
        """Before anything is made that costs: can somebody be asked?"""
        if self._aside.protect and not self._clients.yes and not sys.stdin.isatty():
            message = f"target {self._clients.spec.target.name} is protected, and nobody can be asked here"
            raise StepError(message, "with `--yes`, doit changes what serves without asking", option="--yes")

    def _agreed(self, change: str) -> bool:
        if not self._aside.protect or self._clients.yes:
            return True
        return self._log.ask(f"{self._what}: {change}? [y/N] ").lower() in ("y", "yes")

    def _allow(self, change: str) -> None:
        """Raises StepError where what serves is not to be changed in this way."""
        self._may_ask()
        if not self._agreed(change):
            raise StepError(f"{self._what}: not done: {change}")

    def _move(self, name: str, before: Mapping[str, int]) -> None:
        try:
            endpoints.moved(self._azure, self._wanted.endpoint_place, {name: 100}, self._log)
        except StepError as error:
            message = f"{error.message}; deployment {name} works, and waits for the next run"
            with suppress(StepError):  # a change that has failed may have been made all the same: Azure is asked
                now = endpoints.serving(self._azure.get(self._wanted.endpoint_place, ML) or {})
                message += f"; {_names(now) or 'nothing'} has traffic"
            raise StepError(message, error.hint) from None

    def _tidied(self, name: str, before: Mapping[str, int]) -> None:
        """Earlier versions of this service go, but for the one to keep. What others made is left.

        Ours has our tags and a name of ours: who makes one from the YAML that is written here copies the tags."""
        mine = self._wanted.body["tags"]
        for one in self._azure.pages(f"{self._wanted.endpoint_place}/deployments", ML):
            other, tags = str(one["name"]).rpartition("/")[2], one.get("tags") or {}
            tagged = all(tags.get(label) == mine[label] for label in (labels.PROJECT, SERVICE))
            if other.lower() == name:
                continue
            if not tagged or not OWN_NAME.fullmatch(other.lower()):
                by_hand = commands.delete(f"{self._wanted.endpoint_place}/deployments/{other}")
                self._log.note(f"deployment {other} was made elsewhere: left at 0 %; `{by_hand}` removes it")
            elif self._aside.keep_previous and (other in before or not before or name in before):
                self._log.note(f"deployment {other} is kept at 0 %")
            else:
                self._remove(other)
                self._log.note(f"deployment {other} removed")


def _names(before: Mapping[str, int]) -> str:
    return ", ".join(before)
