"""push_paths: whether this account may put images where the target wants them, as far as asking tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bedplate.checks.finding import Finding, of_mistake
from bedplate.clients.connections import Connections
from bedplate.errors import Mistake, StepError
from bedplate.model import AcrTasksBuilder, DockerfileImage, Registry, Spec
from bedplate.step import Task
from steps.create_environment.local import REPOSITORY
from steps.create_environment.local import Inputs as OwnImage

ANSWER_S = 5.0
AT_ONCE = 16
SPEC = "pipeline.yaml"
CODE = "PushRefused"
REFUSED = re.compile(r": 40[13]\b")


def find(spec: Spec, tasks: Sequence[Task], registry: Registry, clients: Connections) -> Iterator[Finding]:
    """`registry`: the target's own, once it has answered. Nothing is written there: its tokens say what is granted."""
    pushed = list(dict.fromkeys(_repositories(spec, tasks)))
    if not pushed:
        return
    host, _, below = registry.address.partition("/")
    repositories = [f"{below}/{path}" if below else path for path in pushed]
    remote = clients.registry(registry).hurried(ANSWER_S)

    def ask(repository: str) -> frozenset[str] | None:
        try:
            return remote.granted(repository)
        except StepError as error:  # one that does not answer is told by others
            return frozenset() if REFUSED.search(error.message) else None

    with ThreadPoolExecutor(AT_ONCE) as asking:
        granted = dict(zip(repositories, asking.map(ask, repositories), strict=True))
    refused = [name for name, may in granted.items() if may is not None and "push" not in may]
    if refused:
        yield _refused(refused, granted[refused[0]] or frozenset(), registry, clients)
    if isinstance(spec.target.builder, AcrTasksBuilder) and registry.kind == "acr":
        yield from _building(spec, registry, clients)


def _repositories(spec: Spec, tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        if task.step == "push":
            yield task.inputs.path
        elif task.step == "create_environment":
            own = task.inputs if isinstance(task.inputs, OwnImage) else getattr(task.inputs, "own", None)
            if own and not own.user_managed:
                yield REPOSITORY.format(project=spec.project, name=own.name.lower())


def _refused(repositories: list[str], may: frozenset[str], registry: Registry, clients: Connections) -> Finding:
    host = registry.address.partition("/")[0]
    who, hint = _who_and_hint(host, registry, clients)
    more = f" and {len(repositories) - 1} more" if len(repositories) > 1 else ""
    grants = f"its token grants {' and '.join(sorted(may))} alone" if may else "its token grants nothing there"
    return _say(f"{who} may not push to {host}/{repositories[0]}{more}: {grants}", hint)


def _who_and_hint(host: str, registry: Registry, clients: Connections) -> tuple[str, str]:
    """Whom the registry knows us as, and what gives them the right."""
    login = clients.registry(registry).credentials()
    if registry.kind != "acr":
        if login is None:
            other = "`username: {env: ...}` and `password: {env: ...}` of the registry in pipeline.yaml"
            return "nobody is signed in, and a stranger", f"`docker login {host}`, or {other}"
        who = f"the account of `docker login {host}`" if login.identity else login.username
        return who, "give the account write access, or sign in with one that has it"
    from bedplate.clients import azure_roles

    return azure_roles.to_push(clients.azure, host, login)


def _building(spec: Spec, registry: Registry, clients: Connections) -> Iterator[Finding]:
    """Whoever may not ask where to upload to may not build; asking keeps nothing there."""
    from bedplate.clients import azure_registry
    from bedplate.clients.azure_versions import TASKS

    if not any(isinstance(image, DockerfileImage) for image in spec.images.values()):
        return
    try:
        found = azure_registry.by_name(clients.azure, registry.address)
        clients.azure.post(f"{found.id}/listBuildSourceUploadUrl", None, TASKS)
    except StepError as error:
        yield _say(error.message, error.hint)


def _say(message: str, hint: str) -> Finding:
    return of_mistake(Mistake(SPEC, 0, 0, message, hint, code=CODE))
