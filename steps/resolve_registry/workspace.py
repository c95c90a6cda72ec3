"""workspace: the registry that belongs to the target's Azure ML workspace, or the one to fall back on."""

from __future__ import annotations

from typing import Any

from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import AcrRegistry, Registry, WorkspaceRegistry
from bedplate.step import Clients
from steps.resolve_registry import acr, generic


@dataclass(frozen=True)
class Inputs:
    sign_in: str
    fallback: acr.Inputs | generic.Inputs | None


def inputs(entry: WorkspaceRegistry) -> Inputs:
    other = entry.fallback
    if other is None:
        return Inputs(entry.sign_in, None)
    return Inputs(entry.sign_in, acr.inputs(other) if isinstance(other, AcrRegistry) else generic.inputs(other))


def document(clients: Clients) -> dict[str, Any]:  # Any: Azure's JSON
    """What Azure says of the target's workspace. Raises StepError."""
    from bedplate.clients.azure import hints, versions

    azure = clients.azure
    found = azure.get(azure.workspace_id, versions.ML)
    if found is None:
        name, group = _named(azure.workspace_id)
        raise StepError(
            f"no workspace {name} in resource group {group} of subscription {azure.subscription}",
            hints.workspaces(group),
        )
    return found


def run(inputs: Inputs, clients: Clients) -> Registry:
    from bedplate.clients.azure import registry as azure_registry

    azure = clients.azure
    name, group = _named(azure.workspace_id)
    arm_id = (document(clients).get("properties") or {}).get("containerRegistry")
    if arm_id:
        clients.log.note(f"workspace {name} has the registry {arm_id.rpartition('/')[2]}")
        return acr.signed_in(azure_registry.by_id(azure, arm_id), inputs.sign_in, clients)
    if inputs.fallback is None:
        raise StepError(
            f"workspace {name} has no registry yet: Azure ML makes one when something is first trained or deployed",
            "add `fallback: {kind: acr, name: ...}` to the registry, or attach one: "
            f"`az ml workspace update -n {name} -g {group} --container-registry ID`",
        )
    clients.log.note(f"workspace {name} has no registry yet: the fallback is taken")
    if isinstance(inputs.fallback, acr.Inputs):
        return acr.run(inputs.fallback, clients)
    return generic.run(inputs.fallback, clients)


def stop(registry: Registry) -> None:
    """It is not ours to stop."""


def _named(place: str) -> tuple[str, str]:
    """Name and resource group, of an ARM id."""
    return place.rpartition("/")[2], place.split("/")[4]
