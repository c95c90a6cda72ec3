"""container: a service is one container on the local engine, replaced only by one that has been seen to work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bedplate import labels
from bedplate.frozen import dataclass
from bedplate.model import ContainerDeploy, Deployment, Environment, InferenceConfig, ServiceEntry, SmokeCase, Spec
from bedplate.questions import Answers, AskContainer, ContainerSeen, Question, Unreachable
from bedplate.step import Clients, Given


@dataclass(frozen=True)
class Inputs:
    """`model`: its name, `model_path`: its file or folder. `host`, `port`: where the service is published.
    `variables`: those of an environment that is an image as it stands; elsewhere the image holds them."""

    project: str
    service: str
    code: str | None
    entry_script: str | None
    model: str | None
    model_version: str
    model_path: str | None
    host: str
    port: int
    memory: str | None
    inference_config: InferenceConfig | None
    variables: Mapping[str, str]
    container: str  # its name in the engine


@dataclass(frozen=True)
class Aside:
    """How the service is judged before it takes the port: no part of what runs there."""

    cases: tuple[SmokeCase, ...]
    ready_within_s: float


def inputs(spec: Spec, service: ServiceEntry, entry: ContainerDeploy) -> Inputs:
    environment = spec.environments[service.environment]
    model = spec.models[service.model] if service.model else None
    # each target has its own container; that of the first, which most projects only have, has the plain name
    other = "" if spec.target.name == spec.targets[0] else f"-{spec.target.name}"
    return Inputs(
        container=f"{spec.project}-{service.name}{other}",
        project=spec.project,
        service=service.name,
        code=service.code,
        entry_script=service.entry_script,
        model=model.name if model else None,
        model_version=model.version if model else "",
        model_path=model.path if model else None,
        host=entry.host,
        port=entry.ports.get(service.name, entry.port),
        memory=entry.memory,
        inference_config=environment.inference_config,
        variables=environment.variables if environment.user_managed else {},
    )


def aside(spec: Spec, service: ServiceEntry, entry: ContainerDeploy) -> Aside:
    return Aside(service.smoke_test, entry.ready_within_s)


def run(inputs: Inputs, given: Given, clients: Clients) -> Deployment:
    """Raises StepError; then what served before still does."""
    from steps.deploy import handover

    environment = given.one(Environment)
    name, url = handover.deploy(inputs, given, environment, clients)
    return Deployment(inputs.service, "container", url, given.fingerprint, name)


def asks(output: Deployment, spec: Spec) -> Sequence[Question]:
    return [AskContainer(output.name)]


def present(output: Deployment, answers: Answers) -> str | None:
    seen = answers[AskContainer(output.name)]
    if isinstance(seen, Unreachable):
        return "container not known: the engine does not answer"
    if not isinstance(seen, ContainerSeen):
        return "container gone"
    if seen.labels.get(labels.FINGERPRINT) != output.fingerprint:
        return "container runs another version"
    return None if seen.state == "running" else f"container {seen.state}"


def stop(output: Deployment, clients: Clients) -> str | None:
    """Removes the service's container and what an interrupted run left beside it."""
    from steps.deploy import handover

    removed = handover.remove(clients.engine, output.name, clients.spec.project, output.service)
    return f"removed container {', '.join(removed)}" if removed else None
