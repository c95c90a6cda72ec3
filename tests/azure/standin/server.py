"""The stand-in as a whole: its listeners, what they hold, and what a client needs to know to find it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from . import (
    acr,
    arm,
    assets,
    certificates,
    config_dir,
    deployments,
    docker_registry,
    endpoints,
    following,
    importing,
    scoring,
    sign_in,
    tasks,
    workspaces,
)
from .azurite_blobs import AzuriteBlobs
from .blobs import Blobs
from .exchange import Answer, Recorder, Refused, Request, Route
from .faults import Faults
from .operations import Operations
from .registry_tokens import RegistryTokens
from .sign_in import CLOUD
from .state import GROUP, SUBSCRIPTION, TENANT, Azure, Registry, Workspace
from .tokens import CLIENT, Tokens
from .wire import Listener

OPEN = (*sign_in.ROUTES, *scoring.ROUTES)  # these ask for no token of the Resource Manager
GUARDED: tuple[Route, ...] = (
    *tasks.ROUTES,
    *importing.ROUTES,
    *acr.ROUTES,
    *following.ROUTES,
    *deployments.ROUTES,
    *endpoints.ROUTES,
    *assets.ROUTES,
    *workspaces.ROUTES,
    *arm.ROUTES,
)


class StandIn:
    """A running stand-in; `with StandIn() as azure: ...` ends all that it started.

    `blobs`: where uploads go (its own storage, or Azurite)."""

    tenant, subscription, group, client = TENANT, SUBSCRIPTION, GROUP, CLIENT

    def __init__(self, *, blobs: Blobs | AzuriteBlobs | None = None, port: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="standin-"))
        certificates.make(self.folder)
        self._listener = Listener(self.folder, port)
        self._login_servers: list[Listener] = []
        self._programs: list[docker_registry.Program] = []
        self._registry_tokens = RegistryTokens.make(self.folder)
        self.url = f"https://127.0.0.1:{self._listener.port}"
        self.azure = Azure(url=self.url)
        if blobs is not None:
            self.azure.blobs = blobs
        if isinstance(self.azure.blobs, Blobs):
            self.azure.blobs.url = self.url
        self.azure.blobs.add_account(tasks.ACCOUNT)
        self._listener.answers = self._answer
        self._listener.start()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        tasks.cancel_all(self.azure)
        self.azure.operations.end()
        for listener in (self._listener, *self._login_servers):
            listener.end()
        for program in self._programs:
            program.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what it holds

    def add_registry(self, name: str, *, program: bool = False, **facts: Any) -> Registry:
        """A container registry with a login server of its own. `program`: a docker-registry keeps its images.

        `facts`: other fields of state.Registry (admin_enabled, sku, may, ...)."""
        listener = Listener(self.folder, streams=lambda path: path.startswith("/v2/"))
        registry = Registry(name, f"127.0.0.1:{listener.port}", **facts)
        self._login_servers.append(listener)
        if program:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            started = docker_registry.start(folder, registry, self._registry_tokens.certificate)
            self._programs.append(started)
            registry.upstream = started.url
        listener.answers = lambda request: self._recorded(request, lambda r: self._login_server(registry, r))
        listener.start()
        self.azure.registries[name.lower()] = registry
        self.azure.groups.add((registry.subscription.lower(), registry.group.lower()))
        return registry

    def add_workspace(self, name: str, registry: Registry | None = None, **facts: Any) -> Workspace:
        """An Azure ML workspace with the datastore that each has; `registry` is its own container registry."""
        workspace = Workspace(name, registry.id if registry else None, **facts)
        self.azure.workspaces[name.lower()] = workspace
        self.azure.groups.add((workspace.subscription.lower(), workspace.group.lower()))
        self.azure.blobs.add_account(workspace.account)
        assets.add_datastore(workspace, self.azure)
        return workspace

    # ---- what a test says and asks

    @property
    def faults(self) -> Faults:
        return self.azure.faults

    @property
    def operations(self) -> Operations:
        return self.azure.operations

    @property
    def tokens(self) -> Tokens:
        return self.azure.tokens

    @property
    def registry_tokens(self) -> RegistryTokens:
        return self._registry_tokens

    @property
    def recorder(self) -> Recorder:
        return self.azure.recorder

    @property
    def ca(self) -> str:
        """The file of its certificate authority alone."""
        return str(self.folder / "ca.pem")

    def serve(self, endpoint: str, deployment: str, url: str) -> None:
        """The scoring URL of this deployment leads to `url`, once the deployment is there."""
        self.azure.served[(endpoint.lower(), deployment.lower())] = url

    # ---- what a client needs

    def environ(self, config: Path | None = None) -> dict[str, str]:
        """Environment variables for a client. `config`: its AZURE_CONFIG_DIR, see sign_in_*."""
        bundle, names = str(self.folder / "bundle.pem"), str(Path(__file__).parent / "names")
        found = {
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "ARM_CLOUD_METADATA_URL": f"{self.url}/metadata/endpoints?api-version=2019-05-01",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            # *.localhost is this machine (RFC 6761), which not every resolver knows
            "PYTHONPATH": os.pathsep.join(filter(None, (names, os.environ.get("PYTHONPATH")))),
        }
        return found | ({"AZURE_CONFIG_DIR": str(config)} if config else {})

    def sign_in(
        self, config: Path, how: str = "service_principal", subscription: str | None = None, cloud: str = CLOUD
    ) -> dict[str, str]:
        """Writes the AZURE_CONFIG_DIR that `az login` would leave; returns the environment that goes with it.

        `how`: service_principal | user | managed_identity | nobody"""
        more = config_dir.write(self.azure, config, how, subscription, cloud)
        return self.environ(config) | more

    # ---- answering

    def _answer(self, request: Request) -> Answer | None:
        return self._recorded(request, self._route)

    def _recorded(self, request: Request, answers: Any) -> Answer | None:
        began = time.time()
        fault = self.azure.faults.take(request)
        if fault is not None and fault.cut:
            self.azure.recorder.add(request, Answer(0), began)
            return None
        try:
            if fault is not None:
                time.sleep(fault.delay)
                if fault.gate is not None and not fault.gate.done:
                    fault.gate.stand()
            answer: Answer = fault.answer if fault is not None and fault.answer is not None else answers(request)
            if fault is not None and fault.gate is not None and fault.gate.done:
                fault.gate.stand()
        except Refused as refused:
            answer = refused.answer
        answer = Answer(answer.status, answer.body, dict(answer.headers), answer.broken)
        answer.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        self.azure.recorder.add(request, answer, began)
        return answer

    def _route(self, request: Request) -> Answer:
        blob = self.azure.blobs.answer(request)
        if blob is not None:
            return blob
        for route in OPEN:
            found = route.match(request)
            if found is not None:
                return route.handler(self.azure, request, **found)
        known = [r for r in GUARDED if Route(request.method, r.template, r.handler).match(request) is not None]
        self.azure.tokens.check(request)
        if known and "api-version" not in request.query:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise Refused(400, "MissingApiVersionParameter", message)
        for route in GUARDED:
            found = route.match(request)
            if found is not None:
                return route.handler(self.azure, request, **found)
        if known:
            raise Refused(405, "MethodNotAllowed", f"The request '{request.method} {request.path}' is not allowed.")
        raise Refused(404, "NotFound", f"No resource matches '{request.method} {request.path}'.")

    def _login_server(self, registry: Registry, request: Request) -> Answer:
        if registry.public_network_access == "Disabled":
            message = (
                "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."
            )
            return Answer.of({"errors": [{"code": "DENIED", "message": message}]}, 403)
        if request.path == "/oauth2/exchange" and request.method == "POST":
            return acr.exchange(self.azure, self._registry_tokens, registry, request)
        if request.path == "/oauth2/token" and request.method in ("GET", "POST"):
            return acr.token(self.azure, self._registry_tokens, registry, request)
        if not request.path.startswith("/v2/"):
            return Answer.of({"errors": [{"code": "NOT_FOUND", "message": "not found"}]}, 404)
        if not request.headers.get("authorization", "").lower().startswith("bearer "):
            return acr.challenge(self.azure, registry)
        if registry.upstream is not None:
            return docker_registry.forward(registry.upstream, request)
        return Answer.of({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})


def environment_lines(found: Mapping[str, str]) -> str:
    """The environment as a shell reads it."""
    import shlex

    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(found.items()))
