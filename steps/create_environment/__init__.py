"""create_environment: an image and its dependency files become what a service runs in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bedplate.model import (
    AzureMlEnvironment,
    AzureMlV1Environment,
    Environment,
    LocalEnvironment,
    Spec,
)
from bedplate.questions import Answers, Question
from bedplate.step import Clients, FileSet, Given, Made, Task
from bedplate.variants import Variants

if TYPE_CHECKING:
    from bedplate.azureml.drift import Difference

VARIANTS = Variants(
    "steps.create_environment",
    {
        LocalEnvironment: "local",
        AzureMlEnvironment: "azureml",
        AzureMlV1Environment: "azureml_v1",
    },
)


def tasks(spec: Spec) -> Iterable[Task]:
    """Raises SpecError for what a kind cannot do."""
    variant = VARIANTS.of_entry(spec.target.environment)
    for environment in spec.environments.values():
        yield variant.task(spec, environment)


def run(inputs: Any, given: Given, clients: Clients) -> Environment:  # each variant has Inputs of its own
    environment: Environment = VARIANTS.of_inputs(inputs).run(inputs, given, clients)
    return environment


def makes(inputs: Any, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made | None:
    makes = getattr(VARIANTS.of_inputs(inputs), "makes", None)
    made: Made | None = makes(inputs, fingerprint, file_sets, identities) if makes else None
    return made


def asks(output: Environment, spec: Spec) -> Sequence[Question]:
    questions: Sequence[Question] = VARIANTS.of_kind(output.kind).asks(output, spec)
    return questions


def present(output: Environment, answers: Answers) -> str | None:
    why: str | None = VARIANTS.of_kind(output.kind).present(output, answers)
    return why


def drift(inputs: Any, given: Given, clients: Clients) -> list[Difference] | None:
    """Where an environment of Azure's is not as the spec says; None: it is none. Raises SpecError, StepError."""
    drift = getattr(VARIANTS.of_inputs(inputs), "drift", None)
    found: list[Difference] | None = drift(inputs, given, clients) if drift else None
    return found
