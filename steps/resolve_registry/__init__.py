"""resolve_registry: a target's registry becomes an address that answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bedplate.model import AcrRegistry, GenericRegistry, LocalRegistry, Registry, Spec, WorkspaceRegistry
from bedplate.questions import Answers, AskAddress, Question
from bedplate.step import Clients, Given, Task
from bedplate.variants import Variants

VARIANTS = Variants(
    "steps.resolve_registry",
    {
        LocalRegistry: "local",
        GenericRegistry: "generic",
        AcrRegistry: "acr",
        WorkspaceRegistry: "workspace",
    },
)


def tasks(spec: Spec) -> Iterable[Task]:
    entry = spec.target.registry
    yield Task("resolve_registry", "", VARIANTS.of_entry(entry).inputs(entry))


def run(inputs: Any, given: Given, clients: Clients) -> Registry:  # each variant has Inputs of its own
    registry: Registry = VARIANTS.of_inputs(inputs).run(inputs, clients)
    return registry


def asks(output: Registry, spec: Spec) -> Sequence[Question]:
    # a registry elsewhere stays what it is while the network is down: the step that needs it says so
    return [AskAddress(_host(output))] if output.kind == "local" else []


def present(output: Registry, answers: Answers) -> str | None:
    if output.kind != "local" or answers[AskAddress(_host(output))] is True:
        return None
    return f"registry {output.address} does not answer"


def stop(output: Registry, clients: Clients) -> str | None:
    stopped: str | None = VARIANTS.of_kind(output.kind).stop(output)
    return stopped


def _host(output: Registry) -> str:
    return output.address.partition("/")[0]
