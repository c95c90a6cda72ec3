"""resolve_registry: a target's registry becomes an address that answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from bedplate import variants
from bedplate.model import AcrRegistry, GenericRegistry, LocalRegistry, Registry, RegistryEntry, Spec, WorkspaceRegistry
from bedplate.questions import Answers, AskAddress, Question
from bedplate.step import Clients, Given, Task
from steps.resolve_registry import acr, generic, local, workspace

VARIANTS: Mapping[str, ModuleType] = {
    "local": local,
    "generic": generic,
    "acr": acr,
    "workspace": workspace,
}
KINDS: Mapping[type[RegistryEntry], str] = {
    LocalRegistry: "local",
    GenericRegistry: "generic",
    AcrRegistry: "acr",
    WorkspaceRegistry: "workspace",
}
Inputs = local.Inputs | generic.Inputs | acr.Inputs | workspace.Inputs


def tasks(spec: Spec) -> Iterable[Task]:
    entry = spec.target.registry
    yield Task("resolve_registry", "", variants.of_entry(entry, KINDS, VARIANTS).inputs(entry))


def run(inputs: Inputs, given: Given, clients: Clients) -> Registry:
    registry: Registry = variants.of_inputs(inputs, VARIANTS).run(inputs, clients)
    return registry


def asks(output: Registry, spec: Spec) -> Sequence[Question]:
    # a registry elsewhere stays what it is while the network is down: the step that needs it says so
    return [AskAddress(_host(output))] if output.kind == "local" else []


def present(output: Registry, answers: Answers) -> str | None:
    if output.kind != "local" or answers[AskAddress(_host(output))] is True:
        return None
    return f"registry {output.address} does not answer"


def stop(output: Registry, clients: Clients) -> str | None:
    stopped: str | None = VARIANTS[output.kind].stop(output)
    return stopped


def _host(output: Registry) -> str:
    return output.address.partition("/")[0]
