"""deploy: an environment, code and a model become a service that answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bedplate.model import (
    AzureMlV1Deploy,
    ContainerDeploy,
    Deployment,
    OnlineEndpointDeploy,
    ServiceEntry,
    Spec,
)
from bedplate.questions import Answers, Question
from bedplate.step import Clients, Given, Task, Tree
from bedplate.variants import Variants

if TYPE_CHECKING:
    from bedplate.azureml.drift import Difference

VARIANTS = Variants(
    "steps.deploy",
    {
        ContainerDeploy: "container",
        OnlineEndpointDeploy: "online_endpoint",
        AzureMlV1Deploy: "azureml_v1",
    },
)


def tasks(spec: Spec) -> Iterable[Task]:
    entry = spec.target.deploy
    if entry is None or not spec.services:
        return
    variant = VARIANTS.of_entry(entry)
    more = variant.files(entry) if hasattr(variant, "files") else ()
    for service in spec.services.values():
        yield Task(
            "deploy",
            service.name,
            variant.inputs(spec, service, entry),
            files=(*_files(spec, service, as_az_sends=isinstance(entry, OnlineEndpointDeploy)), *more),
            needs=(f"create_environment:{service.environment}",),
            after=("resolve_registry",),
            aside=variant.aside(spec, service, entry),
        )


def run(inputs: Any, given: Given, clients: Clients) -> Deployment:  # each variant has Inputs of its own
    deployed: Deployment = VARIANTS.of_inputs(inputs).run(inputs, given, clients)
    return deployed


def asks(output: Deployment, spec: Spec) -> Sequence[Question]:
    questions: Sequence[Question] = VARIANTS.of_kind(output.kind).asks(output, spec)
    return questions


def present(output: Deployment, answers: Answers) -> str | None:
    why: str | None = VARIANTS.of_kind(output.kind).present(output, answers)
    return why


def stop(output: Deployment, clients: Clients) -> str | None:
    said: str | None = VARIANTS.of_kind(output.kind).stop(output, clients)
    return said


def drift(inputs: Any, given: Given, clients: Clients) -> list[Difference] | None:
    """Where what serves elsewhere is not as the spec says; None: it is none of Azure's. Raises SpecError, StepError."""
    drift = getattr(VARIANTS.of_inputs(inputs), "drift", None)
    found: list[Difference] | None = drift(inputs, given, clients) if drift else None
    return found


def _files(spec: Spec, service: ServiceEntry, *, as_az_sends: bool) -> Iterable[Tree]:
    """The code, without what reaches the service in another way; then the model."""
    environment = spec.environments[service.environment]
    model = spec.models[service.model].path if service.model else None
    if service.code is not None:
        elsewhere = (environment.pip, environment.conda, model)
        exclude = tuple(path for path in elsewhere if path and path != service.code)
        yield Tree(service.code, exclude, as_az_sends)
    if model is not None:
        yield Tree(model)
