"""endpoint_handover: traffic of an endpoint goes to a new deployment only after that has been seen to work."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bedplate import labels, smoke
from bedplate.azureml import bodies as azureml_bodies
from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml.documents import OnlineDeployment, OnlineEndpoint
from bedplate.clients.azure_versions import ML
from bedplate.clients.azureml_scoring import sign_in
from bedplate.clients.endpoint import Endpoint
from bedplate.errors import StepError
from bedplate.model import OnlineEndpointDeploy
from bedplate.step import Clients, Given

if TYPE_CHECKING:
    from steps.deploy.online_endpoint import Aside, Inputs

LINES = 60  # of a failed deployment's log
UP_WITHIN_S = 60.0  # a deployment that is made answers; its route may be a moment late
SERVICE = "bedplate.service"
PICK = "azureml-model-deployment"  # header that names a deployment whatever its traffic


def deploy(
    wanted: OnlineDeployment,
    environment: str | None,
    model: str | None,
    code: str | None,
    inputs: Inputs,
    given: Given,
    clients: Clients,
) -> tuple[str, str]:
    """Name of the deployment that has all traffic now, and the scoring URL. Safe to begin again at any point."""
    return _Handover(wanted, inputs, given, clients).run(environment, model, code)


class _Handover:
    def __init__(self, wanted: OnlineDeployment, inputs: Inputs, given: Given, clients: Clients) -> None:
        self._wanted, self._inputs, self._clients = wanted, inputs, clients
        self._azure, self._log = clients.azure, clients.log
        self._aside: Aside = given.aside
        self._workspace = self._azure.workspace_id
        self._endpoint = f"{self._workspace}/onlineEndpoints/{wanted.endpoint}"
        self._what = f"endpoint {wanted.endpoint}"

    def run(self, environment: str | None, model: str | None, code: str | None) -> tuple[str, str]:
        found = self._made_endpoint()
        before = _serving(found)
        body = azureml_bodies.deployment(self._wanted, found["location"], environment, model, code)
        body["tags"] |= {labels.PROJECT: self._inputs.project, SERVICE: self._inputs.service}
        name = f"v-{azureml_bodies.content(body)}"
        url = str(found["properties"].get("scoringUri") or "")
        moves = before.get(name) != 100
        if moves and before:
            self._may_ask()
        try:
            self._made_deployment(name, body, serves=name in before)
            if moves:
                self._tried(name, url)
        except StepError as error:
            raise self._undone(name, error, before) from None
        if moves:
            if before and not self._agreed(name, before):
                self._remove(name)
                raise StepError(f"{self._what}: traffic was not moved; {_names(before)} still serves")
            self._moved(name)
        else:
            self._log.note(f"deployment {name} has all traffic already: kept")
        self._tidied(name, before)
        return name, url

    # ---- the endpoint

    def _made_endpoint(self) -> dict[str, Any]:
        azure, inputs = self._azure, self._inputs
        found = azure.settled(self._endpoint, ML, self._what, self._log)
        entry = OnlineEndpointDeploy(None, inputs.compute, None, 1, False, None, inputs.settings)
        made = azureml_yaml.endpoint(self._wanted.endpoint, entry)
        if found is not None and found["properties"].get("provisioningState") != "Failed":
            self._check(found, made)
            return found
        workspace = azure.get(self._workspace, ML)
        if workspace is None:
            hint = "correct `workspace.name`; `az ml workspace list` shows what there is"
            raise StepError(f"there is no workspace {self._workspace.rpartition('/')[2]}", hint)
        body = azureml_bodies.endpoint(made, self._workspace, workspace["location"], {})
        body["tags"] |= {labels.PROJECT: inputs.project}
        self._log.note(f"creating {self._what}")
        return azure.wait(azure.put(self._endpoint, body, ML), self._what, self._log)

    def _check(self, found: Mapping[str, Any], made: OnlineEndpoint) -> None:
        """An endpoint that is there is taken as it is, if it is of the kind that the spec names."""
        told = str(found["properties"].get("compute") or "").rpartition("/")[2]
        wanted = (made.compute or "").rpartition("/")[2].removeprefix("azureml:")
        if told.lower() != wanted.lower():
            has = f"runs on compute {told}" if told else "is a managed one"
            hint = "set `compute` to that, or `endpoint` to another name"
            raise StepError(f"{self._what} {has}, and the spec asks for {wanted or 'a managed one'}", hint)

    # ---- the deployment

    def _made_deployment(self, name: str, body: Mapping[str, Any], *, serves: bool) -> None:
        azure, place, what = self._azure, self._place(name), f"deployment {name}"
        found = azure.settled(place, ML, what, self._log)
        if found is not None and found["properties"].get("provisioningState") == "Succeeded":
            self._log.note(f"{what} of {self._what} is there")
            return
        if found is not None and not serves:  # one with traffic cannot be removed: it is mended in place
            self._remove(name)
        self._log.note(f"creating {what} of {self._what} at 0 % traffic")
        azure.wait(azure.put(place, body, ML), what, self._log)

    def _tried(self, name: str, url: str) -> None:
        """The smoke test, on this deployment alone. Raises StepError."""
        if not self._aside.cases:
            return
        headers = {**sign_in(self._azure, self._endpoint), PICK: name}
        until = time.monotonic() + UP_WITHIN_S
        wrong: list[str] = []
        with Endpoint(direct=False) as endpoint:
            for case in self._aside.cases:
                message = smoke.message(case, url, self._clients.root, headers)
                outcome = smoke.outcome(case, message, endpoint.send, until)
                self._log.note(f"{name}: {outcome}")
                wrong += [f"{case.name}: {problem}" for problem in outcome.problems]
        if wrong:
            raise StepError(
                f"deployment {name} does not answer as expected",
                "mend the service, or `smoke_test` in pipeline.yaml",
                "\n".join(wrong),
            )

    def _undone(self, name: str, error: StepError, before: Mapping[str, int]) -> StepError:
        """The failed deployment is taken away, after its log has been read; traffic is as it was."""
        message, detail = error.message, error.detail
        if name in before:
            return StepError(message, error.hint, detail)
        try:
            told = self._azure.post(f"{self._place(name)}/getLogs", {"tail": LINES}, ML).document
            said = str(told.get("content") or "").strip()
            if said:
                detail += f"\nthe last lines of deployment {name}:\n{said}"
        except StepError:
            pass  # what went wrong first is what is told
        try:
            self._remove(name)
        except StepError as left:
            detail += f"\nit is still there: {left.message}"
        if before:
            message += f"; traffic is untouched: {_names(before)} still serves"
        return StepError(message, error.hint, detail.strip())

    def _remove(self, name: str) -> None:
        self._azure.wait(self._azure.delete(self._place(name), ML), f"removing deployment {name}", self._log)

    def _place(self, name: str) -> str:
        return f"{self._endpoint}/deployments/{name}"

    # ---- traffic

    def _may_ask(self) -> None:
        """Before anything is made that costs: can somebody be asked?"""
        if self._aside.protect and not self._clients.yes and not sys.stdin.isatty():
            message = f"target {self._clients.spec.target.name} is protected, and nobody can be asked here"
            raise StepError(message, "`doit --yes` lets it change what serves")

    def _agreed(self, name: str, before: Mapping[str, int]) -> bool:
        if not self._aside.protect or self._clients.yes:
            return True
        what = f"{self._what}: move all traffic from {_names(before)} to {name}? [y/N] "
        sys.stderr.write(what)
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _moved(self, name: str) -> None:
        # as it is now: another may have changed it since
        found = self._azure.settled(self._endpoint, ML, self._what, self._log) or {}
        body = azureml_bodies.with_traffic(found, {name: 100})
        self._azure.wait(self._azure.put(self._endpoint, body, ML), f"traffic of {self._what}", self._log)
        self._log.note(f"{self._what}: all traffic goes to {name}")

    def _tidied(self, name: str, before: Mapping[str, int]) -> None:
        """Earlier versions of this service go, but for the one to keep. What others made is left."""
        for one in self._azure.pages(f"{self._endpoint}/deployments", ML):
            other, tags = str(one["name"]).rpartition("/")[2], one.get("tags") or {}
            ours = tags.get(labels.PROJECT) == self._inputs.project and tags.get(SERVICE) == self._inputs.service
            if other.lower() == name:
                continue
            if not ours:
                self._log.note(f"deployment {other} is not of this service: left at 0 %")
            elif self._aside.keep_previous and (other in before or not before or name in before):
                self._log.note(f"deployment {other} is kept at 0 %")
            else:
                self._remove(other)
                self._log.note(f"deployment {other} removed")


def _serving(found: Mapping[str, Any]) -> dict[str, int]:
    traffic = (found.get("properties") or {}).get("traffic") or {}
    return {name.lower(): share for name, share in traffic.items() if share}


def _names(before: Mapping[str, int]) -> str:
    return ", ".join(before)
