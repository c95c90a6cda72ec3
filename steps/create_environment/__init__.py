"""create_environment: an image and its dependency files become what a service runs in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from bedplate.errors import Mistake, SpecError
from bedplate.model import (
    AzureMlEnvironment,
    AzureMlV1Environment,
    Environment,
    EnvironmentKind,
    LocalEnvironment,
    Spec,
)
from bedplate.questions import Answers, Question
from bedplate.step import Clients, FileSet, Given, Made, Task
from steps.create_environment import azureml, azureml_v1, local

VARIANTS: Mapping[str, ModuleType] = {
    "local": local,
    "azureml": azureml,
    "azureml_v1": azureml_v1,
}
KINDS: Mapping[type[EnvironmentKind], str] = {
    LocalEnvironment: "local",
    AzureMlEnvironment: "azureml",
    AzureMlV1Environment: "azureml_v1",
}


def tasks(spec: Spec) -> Iterable[Task]:
    """Raises SpecError for a kind that there is no variant of."""
    kind = KINDS[type(spec.target.environment)]
    if not spec.environments:
        return
    if kind not in VARIANTS:
        where = f"targets.{spec.target.name}.environment"
        message = f"{where}: environment kind '{kind}' is not supported by this version yet"
        raise SpecError([Mistake("pipeline.yaml", 0, 0, message, f"it supports: {', '.join(VARIANTS)}")])
    for environment in spec.environments.values():
        yield VARIANTS[kind].task(spec, environment)


def run(inputs: Any, given: Given, clients: Clients) -> Environment:  # each variant has Inputs of its own
    environment: Environment = _variant(inputs).run(inputs, given, clients)
    return environment


def makes(inputs: Any, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made | None:
    makes = getattr(_variant(inputs), "makes", None)
    made: Made | None = makes(inputs, fingerprint, file_sets, identities) if makes else None
    return made


def asks(output: Environment, spec: Spec) -> Sequence[Question]:
    questions: Sequence[Question] = VARIANTS[output.kind].asks(output, spec)
    return questions


def present(output: Environment, answers: Answers) -> str | None:
    why: str | None = VARIANTS[output.kind].present(output, answers)
    return why


def _variant(inputs: Any) -> ModuleType:
    return next(module for module in VARIANTS.values() if isinstance(inputs, module.Inputs))
