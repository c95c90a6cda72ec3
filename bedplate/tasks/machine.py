"""machine: whether this machine has what a run needs: sign-ins, an engine, a registry, free ports, room on the disk."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bedplate import labels
from bedplate.checks import in_spec
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
from bedplate.specfile.places import Keys
from bedplate.state import State
from bedplate.step import Given, Task
from bedplate.tasks import push_paths, room
from bedplate.tasks.push_paths import Making
from steps import resolve_registry
from steps.resolve_registry import workspace

SPEC = "pipeline.yaml"
ANSWER_S = 5.0
OF_A_SIGN_IN = ("RegistryRefused", "AzureRefused")


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
        from bedplate.clients.azure.client import Azure
        from bedplate.clients.azure.patience import Patience

        shared["azure"] = Azure(spec.target.workspace, Patience(ANSWER_S, ANSWER_S, ANSWER_S))
    return Connections(root, spec, log, reads, False, shared)


def find(
    spec: Spec,
    root: Path,
    tasks: Sequence[Task],
    state: State,
    clients: Connections,
    *,
    offline: bool,
    making: Making | None = None,
) -> Iterator[Finding]:
    """`offline`: only what needs no network; an engine behind a socket of this machine needs none. `making`: see
    `push_paths.find`."""
    missing = list(_secrets(spec, root))
    yield from missing
    known = {finding.mistake.hint for finding in missing} - {""}
    for finding in _asked(spec, root, tasks, state, clients, offline, making):
        if finding.code not in OF_A_SIGN_IN or finding.mistake.hint not in known:  # it is told of the secret itself
            yield finding


def _asked(
    spec: Spec,
    root: Path,
    tasks: Sequence[Task],
    state: State,
    clients: Connections,
    offline: bool,
    making: Making | None,
) -> Iterator[Finding]:
    engine = False
    if _uses_engine(spec) and (not offline or clients.engine.address.startswith("unix:")):
        wrong = list(_engine(clients))
        engine = not wrong
        yield from wrong
    if not offline and _uses_azure(spec):
        yield from _azure(spec, tasks, clients, making)
    yield from _registry(spec, tasks, clients, making, offline=offline)
    yield from _ports(spec, root, clients if engine else None)
    yield from room.find(tasks, state, root, clients if engine else None)


def _uses_engine(spec: Spec) -> bool:
    return isinstance(spec.target.builder, LocalBuilder) or isinstance(spec.target.deploy, ContainerDeploy)


def _uses_azure(spec: Spec) -> bool:
    registry, deploy = spec.target.registry, spec.target.deploy
    at_azure = isinstance(registry, (AcrRegistry, WorkspaceRegistry)) or isinstance(deploy, OnlineEndpointDeploy)
    return at_azure or not isinstance(spec.target.environment, LocalEnvironment)


def _azure(spec: Spec, tasks: Sequence[Task], clients: Connections, making: Making | None) -> Iterator[Finding]:
    """Sign-in, registry, workspace and the ways that images take; what the registry is, in the log's notes."""
    from bedplate.tasks import pull_paths

    entry, registry, code = spec.target.registry, None, "AzureRefused"
    speaks = (AzureMlEnvironment, OnlineEndpointDeploy, WorkspaceRegistry)
    try:
        if any(isinstance(part, speaks) for part in (spec.target.environment, spec.target.deploy, entry)):
            workspace.document(clients)
        if isinstance(entry, (AcrRegistry, WorkspaceRegistry)):
            sign_in = clients.azure.sign_in
            sign_in.token(sign_in.account.scope)  # one that is missing or refused is not the registry's refusal
            code = "RegistryRefused"
            (task,) = resolve_registry.tasks(spec)
            registry = resolve_registry.run(task.inputs, Given(task.name, "", (), {}), clients)  # it asks, and no more
            yield from push_paths.find(spec, tasks, registry, clients, making)
        elif isinstance(entry, GenericRegistry):
            registry = Registry("generic", entry.address.rstrip("/"), entry.insecure)
        code = "AzureRefused"
        yield from pull_paths.find(spec, tasks, registry, clients)
    except StepError as error:
        keys = in_spec.azure(spec, error.hint) if code == "AzureRefused" else in_spec.registry(spec)
        yield in_spec.finding(clients.root, keys, code, error.message, error.hint)


def _secrets(spec: Spec, root: Path) -> Iterator[Finding]:
    wanted: list[tuple[Keys, SecretSource]] = []
    registry = spec.target.registry
    if isinstance(registry, (GenericRegistry, AcrRegistry)):
        for name, source in (("username", registry.username), ("password", registry.password)):
            if isinstance(source, (EnvSecret, FileSecret)):
                wanted.append((("targets", spec.target.name, "registry", name), source))
    for image in spec.images.values():
        if isinstance(image, DockerfileImage):
            wanted += [(("images", image.name, "secrets", name), source) for name, source in image.secrets.items()]
    for keys, source in wanted:
        try:
            credentials.read_secret(source, root, ".".join(keys))
        except StepError as error:
            kind = "env" if isinstance(source, EnvSecret) else "file"
            yield in_spec.finding(root, (*keys, kind), "SecretMissing", error.message, error.hint)


def _engine(clients: Connections) -> Iterator[Finding]:
    try:
        clients.engine.version()
    except StepError as error:
        hint = error.hint or "`./run` starts one; DOCKER_HOST names another"
        yield Finding("EngineUnreachable", Mistake(SPEC, 0, 0, error.message, hint))


def _registry(
    spec: Spec, tasks: Sequence[Task], clients: Connections, making: Making | None, *, offline: bool
) -> Iterator[Finding]:
    entry = spec.target.registry
    if isinstance(entry, LocalRegistry):
        if registry_program.answers(entry.port) is False:
            who = listener.listener(entry.port) or "another program"
            message = f"port {entry.port} of the registry is held by {who}, which is no registry"
            keys = ("targets", spec.target.name, "registry", "port")
            hint = "end it, or give the target's registry another `port`"
            yield in_spec.finding(clients.root, keys, "PortTaken", message, hint)
    elif isinstance(entry, GenericRegistry) and not offline:
        registry = Registry("generic", entry.address.rstrip("/"), entry.insecure)
        try:
            clients.registry(registry).hurried(ANSWER_S).check()
            yield from push_paths.find(spec, tasks, registry, clients, making)
        except StepError as error:
            yield in_spec.finding(clients.root, in_spec.registry(spec), "RegistryRefused", error.message, error.hint)


def _ports(spec: Spec, root: Path, clients: Connections | None) -> Iterator[Finding]:
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
        own = ("ports", service) if service in deploy.ports else ("port",)
        keys = ("targets", spec.target.name, "deploy", *own)
        yield in_spec.finding(root, keys, "PortTaken", message, f"{hint}, or choose another in pipeline.yaml")


def _held(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
