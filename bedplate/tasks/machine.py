"""machine: whether this machine has what a run needs: sign-ins, an engine, a registry, free ports, room on the disk."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bedplate import labels
from bedplate.checks.finding import Finding
from bedplate.clients import credentials, docker_ports, listener, registry_program
from bedplate.clients.connections import Connections
from bedplate.errors import Mistake, StepError
from bedplate.log import Log
from bedplate.model import (
    AcrRegistry,
    AzureMlEnvironment,
    ContainerDeploy,
    DockerfileImage,
    EnvSecret,
    FileSecret,
    GenericRegistry,
    LocalBuilder,
    LocalEnvironment,
    LocalRegistry,
    OnlineEndpointDeploy,
    Registry,
    SecretSource,
    Spec,
    WorkspaceRegistry,
)
from bedplate.reads import Reads
from bedplate.state import State
from bedplate.step import Given, Task
from bedplate.tasks import push_paths, room
from steps import resolve_registry
from steps.resolve_registry import workspace

SPEC = "pipeline.yaml"
ANSWER_S = 5.0


class Heard:
    """A `log.Log` that keeps the notes."""

    path = Path("/dev/null")

    def __init__(self) -> None:
        self.notes: list[str] = []

    def line(self, text: str) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, done: float, total: float | None) -> None: ...

    def ask(self, question: str) -> str:
        return ""


def clients(root: Path, spec: Spec, reads: Reads, log: Log) -> Connections:
    """Connections of a check's own: whoever waits for it is not kept waiting for a service that is down."""
    shared: dict[Any, Any] = {}
    if _uses_azure(spec):
        from bedplate.clients.azure import Azure
        from bedplate.clients.azure_patience import Patience

        shared["azure"] = Azure(spec.target.workspace, Patience(ANSWER_S, ANSWER_S, ANSWER_S))
    return Connections(root, spec, log, reads, False, shared)


def find(
    spec: Spec, root: Path, tasks: Sequence[Task], state: State, clients: Connections, *, offline: bool
) -> Iterator[Finding]:
    """`offline`: only what needs no network; an engine behind a socket of this machine needs none."""
    yield from _secrets(spec, root)
    engine = False
    if _uses_engine(spec) and (not offline or clients.engine.address.startswith("unix:")):
        wrong = list(_engine(clients))
        engine = not wrong
        yield from wrong
    if not offline and _uses_azure(spec):
        yield from _azure(spec, tasks, clients)
    yield from _registry(spec, tasks, clients, offline=offline)
    yield from _ports(spec, clients if engine else None)
    yield from room.find(tasks, state, root, clients if engine else None)


def _uses_engine(spec: Spec) -> bool:
    return isinstance(spec.target.builder, LocalBuilder) or isinstance(spec.target.deploy, ContainerDeploy)


def _uses_azure(spec: Spec) -> bool:
    registry, deploy = spec.target.registry, spec.target.deploy
    at_azure = isinstance(registry, (AcrRegistry, WorkspaceRegistry)) or isinstance(deploy, OnlineEndpointDeploy)
    return at_azure or not isinstance(spec.target.environment, LocalEnvironment)


def _azure(spec: Spec, tasks: Sequence[Task], clients: Connections) -> Iterator[Finding]:
    """Sign-in, registry, workspace and the ways that images take; what the registry is, in the log's notes."""
    from bedplate.tasks import pull_paths

    entry, registry, code = spec.target.registry, None, "AzureRefused"
    speaks = (AzureMlEnvironment, OnlineEndpointDeploy, WorkspaceRegistry)
    try:
        if any(isinstance(part, speaks) for part in (spec.target.environment, spec.target.deploy, entry)):
            workspace.document(clients)
        if isinstance(entry, (AcrRegistry, WorkspaceRegistry)):
            clients.azure.sign_in.account  # noqa: B018  # a sign-in that is missing is not the registry's refusal
            code = "RegistryRefused"
            (task,) = resolve_registry.tasks(spec)
            registry = resolve_registry.run(task.inputs, Given(task.name, "", (), {}), clients)  # it asks, and no more
            yield from push_paths.find(spec, tasks, registry, clients)
        elif isinstance(entry, GenericRegistry):
            registry = Registry("generic", entry.address.rstrip("/"), entry.insecure)
        code = "AzureRefused"
        yield from pull_paths.find(spec, tasks, registry, clients)
    except StepError as error:
        yield _say(code, error.message, error.hint)


def _secrets(spec: Spec, root: Path) -> Iterator[Finding]:
    wanted: list[tuple[str, SecretSource]] = []
    registry = spec.target.registry
    if isinstance(registry, (GenericRegistry, AcrRegistry)):
        keys = f"targets.{spec.target.name}.registry"
        for name, source in (("username", registry.username), ("password", registry.password)):
            if isinstance(source, (EnvSecret, FileSecret)):
                wanted.append((f"{keys}.{name}", source))
    for image in spec.images.values():
        if isinstance(image, DockerfileImage):
            wanted += [(f"images.{image.name}.secrets.{name}", source) for name, source in image.secrets.items()]
    for what, source in wanted:
        try:
            credentials.read_secret(source, root, what)
        except StepError as error:
            yield _say("SecretMissing", error.message, error.hint, root, tuple(what.split(".")))


def _engine(clients: Connections) -> Iterator[Finding]:
    try:
        clients.engine.version()
    except StepError as error:
        yield _say("EngineUnreachable", error.message, error.hint or "`./run` starts one; DOCKER_HOST names another")


def _registry(spec: Spec, tasks: Sequence[Task], clients: Connections, *, offline: bool) -> Iterator[Finding]:
    entry = spec.target.registry
    if isinstance(entry, LocalRegistry):
        if registry_program.answers(entry.port) is False:
            who = listener.listener(entry.port) or "another program"
            message = f"port {entry.port} of the registry is held by {who}, which is no registry"
            yield _say("PortTaken", message, "end it, or give the target's registry another `port`")
    elif isinstance(entry, GenericRegistry) and not offline:
        registry = Registry("generic", entry.address.rstrip("/"), entry.insecure)
        try:
            clients.registry(registry).hurried(ANSWER_S).check()
            yield from push_paths.find(spec, tasks, registry, clients)
        except StepError as error:
            yield _say("RegistryRefused", error.message, error.hint)


def _ports(spec: Spec, clients: Connections | None) -> Iterator[Finding]:
    """The ports of the services; one that the service itself holds is as it should be."""
    deploy = spec.target.deploy
    if not isinstance(deploy, ContainerDeploy):
        return
    for service in spec.services:
        port = deploy.ports.get(service, deploy.port)
        if not _held(deploy.host, port):
            continue
        container = docker_ports.container_at(clients.engine, port) if clients else None
        if container and clients:
            found = clients.engine.container(container) or {}
            if found.get("Config", {}).get("Labels", {}).get(labels.PROJECT) == spec.project:
                continue
        elif clients is None:
            continue  # it may well be the service itself
        who = f"container {container}" if container else listener.listener(port) or "another program"
        hint = f"`docker rm -f {container}`" if container else "end it"
        message = f"port {port} of service '{service}' is held by {who}"
        yield _say("PortTaken", message, f"{hint}, or choose another in pipeline.yaml")


def _held(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _say(code: str, message: str, hint: str = "", root: Path | None = None, keys: tuple[str, ...] = ()) -> Finding:
    """`root`, `keys`: where in the spec it stands."""
    if root is None:
        return Finding(code, Mistake(SPEC, 0, 0, message, hint))
    from bedplate.specfile import places
    from bedplate.yamlfile import text as yaml_text

    content = (root / SPEC).read_bytes()
    node = places.key_at(yaml_text.read(content, SPEC)[0], keys)
    return Finding(code, Mistake(SPEC, node.line, node.column, message, hint))
