"""push_paths: whether this account may put images where the target wants them, as far as asking tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from bedplate.builders import found
from bedplate.checks import in_spec
from bedplate.checks.codes import WARNING
from bedplate.checks.finding import Finding
from bedplate.clients.connections import Connections
from bedplate.errors import SpecError, StepError
from bedplate.model import AcrTasksBuilder, DockerfileImage, Registry, Spec
from bedplate.step import Made, Task
from steps.create_environment.local import REPOSITORY
from steps.create_environment.local import Inputs as OwnImage

Making: TypeAlias = "Callable[[], Iterable[Made]]"
ANSWER_S = 5.0
AT_ONCE = 16
CODE = "PushRefused"
REFUSED = re.compile(r": 40[13]\b")


def find(
    spec: Spec, tasks: Sequence[Task], registry: Registry, clients: Connections, making: Making | None = None
) -> Iterator[Finding]:
    """`registry`: the target's own, once it has answered. Nothing is written there: its tokens say what is granted.

    `making`: asked only where something is refused, for the images that the spec makes."""
    pushed = list(dict.fromkeys(_repositories(spec, tasks)))
    if not pushed:
        return
    below = registry.address.partition("/")[2]
    remote = clients.registry(registry).hurried(ANSWER_S)

    def ask(path: str) -> frozenset[str] | None:
        try:
            return remote.granted(f"{below}/{path}" if below else path)
        except StepError as error:  # one that does not answer is told by others
            return frozenset() if REFUSED.search(error.message) else None

    with ThreadPoolExecutor(AT_ONCE) as asking:
        granted = dict(zip(pushed, asking.map(ask, pushed), strict=True))
    refused = [name for name, may in granted.items() if may is not None and "push" not in may]
    if refused:
        wrong = _refused(refused, granted[refused[0]] or frozenset(), registry, clients)
        yield _weighed(*wrong, refused, making, registry, clients)
    if isinstance(spec.target.builder, AcrTasksBuilder) and registry.kind == "acr":
        for message, hint in _building(spec, registry, clients):
            yield _weighed(message, hint, pushed, making, registry, clients)


def _weighed(
    message: str, hint: str, paths: Sequence[str], making: Making | None, registry: Registry, clients: Connections
) -> Finding:
    """A right that nobody will ask for is nothing that must be mended before a run."""
    there = making is not None and _there(paths, making, registry, clients)
    severity, more = (WARNING, "; a run needs no such right now, all is there") if there else ("", "")
    keys = in_spec.registry(clients.spec)
    return in_spec.finding(clients.root, keys, CODE, f"{message}{more}", hint, severity)


def _there(paths: Sequence[str], making: Making, registry: Registry, clients: Connections) -> bool:
    """Does the registry hold in these repositories what a run would put there, under every tag?"""
    remote, below = clients.registry(registry).hurried(ANSWER_S), registry.address.partition("/")[2]

    def held(made: Made) -> bool:
        digest = found.in_registry(made.path, made.fingerprint, registry, clients)
        repository = f"{below}/{made.path}" if below else made.path
        return digest is not None and all(remote.digest(repository, tag) == digest for tag in made.tags)

    try:
        wanted = [made for made in making() if made.path in paths]
        if {made.path for made in wanted} != set(paths):
            return False
        with ThreadPoolExecutor(AT_ONCE) as asking:
            return all(asking.map(held, wanted))
    except (SpecError, StepError):  # others tell what is wrong with it
        return False


def _repositories(spec: Spec, tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        if task.step == "push":
            yield task.inputs.path
        elif task.step == "create_environment":
            own = task.inputs if isinstance(task.inputs, OwnImage) else getattr(task.inputs, "own", None)
            if own and not own.user_managed:
                yield REPOSITORY.format(project=spec.project, name=own.name.lower())


def _refused(paths: list[str], may: frozenset[str], registry: Registry, clients: Connections) -> tuple[str, str]:
    """Message and hint."""
    who, hint = _who_and_hint(registry.address.partition("/")[0], registry, clients)
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    grants = f"its token grants {' and '.join(sorted(may))} alone" if may else "its token grants nothing there"
    return f"{who} may not push to {registry.address}/{paths[0]}{more}: {grants}", hint


def _who_and_hint(host: str, registry: Registry, clients: Connections) -> tuple[str, str]:
    """Whom the registry knows us as, and what gives them the right."""
    login = clients.registry(registry).credentials()
    if registry.kind != "acr":
        if login is None:
            other = "`username: {env: ...}` and `password: {env: ...}` of the registry in pipeline.yaml"
            return "nobody is signed in, and a stranger", f"`docker login {host}`, or {other}"
        who = f"the account of `docker login {host}`" if login.identity else login.username
        return who, "give the account write access, or sign in with one that has it"
    from bedplate.clients.azure import roles

    return roles.to_push(clients.azure, host, login)


def _building(spec: Spec, registry: Registry, clients: Connections) -> Iterator[tuple[str, str]]:
    """Whoever may not ask where to upload to may not build; asking keeps nothing there."""
    from bedplate.clients.azure import registry as azure_registry
    from bedplate.clients.azure.versions import TASKS

    if not any(isinstance(image, DockerfileImage) for image in spec.images.values()):
        return
    try:
        found = azure_registry.by_name(clients.azure, registry.address)
        clients.azure.post(f"{found.id}/listBuildSourceUploadUrl", None, TASKS)
    except StepError as error:
        yield error.message, error.hint
