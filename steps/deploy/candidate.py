"""candidate: a container of a new version, from its creation until it has been seen to work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bedplate import context, labels, readiness, smoke
from bedplate.clients.endpoint import Endpoint
from bedplate.errors import StepError
from bedplate.model import Environment, Registry
from bedplate.step import Clients, FileSet, Given, ReadFile
from steps.deploy import layout
from steps.deploy.layout import SERVER_PORT, Layout

if TYPE_CHECKING:
    from steps.deploy.container import Aside, Inputs

LINES = 40  # of a failed container's log
LOOPBACK = "127.0.0.1"
FAILED_INIT = 3  # azureml-inference-server-http: init() raised, or there is no such script


class Candidate:
    """One container at a time: first the one that is tried, then the one that will serve."""

    def __init__(self, inputs: Inputs, given: Given, environment: Environment, clients: Clients) -> None:
        self.inputs = inputs
        self._given = given
        self._environment = environment
        self._clients = clients
        self._engine = clients.engine
        self._routes = layout.routes(inputs.inference_config)
        self._container = ""
        self._began = 0.0
        aside: Aside = given.aside
        self._cases = aside.cases
        self._within_s = aside.ready_within_s

    @property
    def public_url(self) -> str:
        return self._url(_reached(self.inputs.host), self.inputs.port, self._routes.scoring_path)

    def is_version(self, found: Mapping[str, Any]) -> bool:
        said = found["Config"].get("Labels") or {}
        return bool(said.get(labels.FINGERPRINT) == self._given.fingerprint)

    def image(self) -> str:
        """The image's name in the engine; it is pulled where it is not there."""
        reference = self._environment.image
        if self._engine.image(reference) is None:
            registry = self._given.one(Registry)
            auth = self._clients.registry(registry).credentials()
            self._clients.log.note(f"pulling {reference}")
            self._engine.pull(reference, None, auth, self._clients.log)
        return reference

    def create(self, name: str, marks: Mapping[str, str], *, spare: bool) -> None:
        """The container with its files in it, not started. `spare`: at a port that the engine picks."""
        inputs, routes = self.inputs, self._routes
        place = layout.layout(inputs.code, inputs.entry_script, inputs.model, inputs.model_version)
        ports: dict[int, tuple[str, int | None]] = {routes.ready_port: (LOOPBACK, None)}
        ports[routes.scoring_port] = (LOOPBACK, None) if spare else (inputs.host, inputs.port)
        self._container = self._engine.create(
            name,
            self.image(),
            environment={**inputs.variables, **place.variables},
            ports=ports,
            labels=marks,
            memory=inputs.memory,
        )
        placed = self._placed(place)
        # put_archive wants a folder that is there
        folders = FileSet("", tuple(_folder(folder) for _, folder in placed))
        self._engine.put(self._container, "/", context.tar(folders, self._clients.root, {}))
        for files, folder in placed:
            self._engine.put(self._container, folder, context.tar(files, self._clients.root, {}))

    def _placed(self, place: Layout) -> list[tuple[FileSet, str]]:
        """Each set of files with its folder in the container."""
        sets = list(self._given.file_sets)
        placed = [(sets.pop(0), place.code)] if place.code else []
        path = self.inputs.model_path
        if place.model and path is not None:
            # a folder keeps its own name, as it does in Azure ML's store; a file has it already
            whole = PurePosixPath(sets[0].root) == PurePosixPath(path)
            placed.append((sets.pop(0), place.model + (f"/{PurePosixPath(path).name}" if whole else "")))
        return placed

    def prove(self, where: str, *, smoke: bool) -> None:
        """Starts it and returns once it is ready and, with `smoke`, answers as the spec expects. Raises StepError."""
        self._began = time.time()
        began = time.monotonic()
        self._engine.start(self._container)
        with Endpoint(direct=True) as endpoint:
            why = readiness.wait(endpoint.send, self._ready_url(self._container), self._within_s, self._ended)
            if why:
                raise self._failed(why)
            self._clients.log.note(f"ready {where} after {time.monotonic() - began:.2f} s")
            if smoke:
                self._smoke(endpoint)

    def answers(self, container: str, within_s: float | None = None) -> bool:
        """Does this container, which runs, become ready in time? Yes too where it has other ports than this version."""
        if self._engine.port(container, self._routes.ready_port) is None:
            return True

        def ended() -> str | None:
            found = self._engine.container(container)
            return None if found and found["State"]["Running"] else "gone"

        with Endpoint(direct=True) as endpoint:
            url = self._ready_url(container)
            return readiness.wait(endpoint.send, url, within_s or self._within_s, ended) is None

    def remove(self) -> None:
        if self._container:
            self._engine.remove(self._container, force=True)
            self._container = ""

    def _smoke(self, endpoint: Endpoint) -> None:
        port = self._engine.port(self._container, self._routes.scoring_port)
        url = self._url(LOOPBACK, port or 0, self._routes.scoring_path)
        until = time.monotonic() + self._within_s
        for case in self._cases:
            message = smoke.message(case, url, self._clients.root)
            outcome = smoke.outcome(case, message, endpoint.send, until, self._ended)
            if outcome.problems:
                raise self._failed(f"smoke test '{case.name}': {'; '.join(outcome.problems)}")
            self._clients.log.note(f"smoke test {outcome}")

    def _ready_url(self, container: str) -> str:
        port = self._engine.port(container, self._routes.ready_port) or 0
        single = self._routes.ready_port == self._routes.scoring_port
        host = _reached(self.inputs.host) if single and port == self.inputs.port else LOOPBACK
        return self._url(host, port, self._routes.ready_path)

    def _url(self, host: str, port: int, path: str) -> str:
        return f"http://{host}:{port}/{path.lstrip('/')}"

    def _ended(self) -> str | None:
        found = self._engine.container(self._container)
        if found is None:
            return "somebody removed the container"
        state = found["State"]
        if state["Running"]:
            return None
        if state.get("OOMKilled"):
            return f"the container ran out of memory ({self._limit()}) and ended with exit code {state['ExitCode']}"
        return f"the container ended with exit code {state['ExitCode']}" + (
            f": {state['Error']}" if state.get("Error") else ""
        )

    def _failed(self, why: str) -> StepError:
        """With the container's last words; the container is still there."""
        found = self._engine.container(self._container) or {"State": {}}
        state = found["State"]
        hint = ""
        if state.get("OOMKilled") or self._out_of_memory():
            hint = "give it more: `memory` of the target's deploy in pipeline.yaml"
            if not state.get("OOMKilled"):
                why += f"; a process in it ran out of memory ({self._limit()})"
        elif state.get("ExitCode") == FAILED_INIT and self._routes.scoring_port == SERVER_PORT:
            hint = f"init() of {self.inputs.entry_script} raised, or could not be imported: the log says where"
        log = self._engine.logs(self._container, LINES).strip()
        return StepError(f"{self.inputs.service}: {why}", hint, log or "the container has logged nothing")

    def _limit(self) -> str:
        return f"limit {self.inputs.memory}" if self.inputs.memory else "the machine's, no limit is set"

    def _out_of_memory(self) -> bool:
        """A child that is killed for it leaves the container running: only the engine's events tell."""
        with self._engine.asking("asking for the container's events"):
            kinds = {"container": self._container, "event": "oom"}
            since, until = f"{self._began:.6f}", f"{time.time():.6f}"
            stream = self._engine.api.events(since=since, until=until, filters=kinds, decode=True)
            return any(True for _ in stream)


def _reached(host: str) -> str:
    """The address that a client on this machine uses for one that a port is bound to."""
    if host in ("", "0.0.0.0", "::"):
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def _folder(path: str) -> ReadFile:
    return ReadFile(path.lstrip("/"), "dir", 0o755, "", 0, (0, 0, 0, 0))
