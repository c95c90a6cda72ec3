"""azure.registry: an Azure Container Registry as the Resource Manager knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bedplate.clients.azure import versions
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import AcrRegistry, GenericRegistry, Registry, RegistryEntry, WorkspaceRegistry

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure

EVERYONE = "00000000-0000-0000-0000-000000000000"  # the user name that goes with a refresh token
KIND = "Microsoft.ContainerRegistry/registries"


@dataclass(frozen=True)
class AzureRegistry:
    """`id`: ARM id. `open`: its public network access. `sku`: Basic, Standard, Premium."""

    id: str
    name: str
    login_server: str
    sku: str
    open: bool
    admin: bool
    abac: bool  # roles are given per repository


def by_name(azure: Azure, name: str) -> AzureRegistry:
    """By name or login server, among all of the subscription. StepError: there is none, and which there are."""
    known = every(azure)
    found = among(known, name)
    if found is not None:
        return found
    there = ", ".join(sorted(one.name for one in known)[:8]) or "none"
    raise StepError(
        f"no registry {name} in subscription {azure.subscription}; there: {there}",
        "correct `registry.name`, or name another subscription: `workspace.subscription`, `az account set -s NAME`",
    )


def resolved(azure: Azure, registry: Registry, target: str) -> AzureRegistry:
    """The one that resolve_registry has found in an earlier run. StepError: it is not there any more."""
    found = among(every(azure), registry.address)
    if found is None:
        raise StepError(
            f"registry {registry.address} is not in subscription {azure.subscription} any more",
            f"`doit -t {target} run -a -s resolve_registry` looks which one it is now",
        )
    return found


def every(azure: Azure) -> list[AzureRegistry]:
    """All of the subscription."""
    places = azure.pages(f"/subscriptions/{azure.subscription}/providers/{KIND}", versions.REGISTRY)
    return [_read(document) for document in places]


def among(known: Iterable[AzureRegistry], name: str) -> AzureRegistry | None:
    """The one of this name or login server."""
    return next((one for one in known if name.lower() in (one.name.lower(), one.login_server.lower())), None)


def by_id(azure: Azure, arm_id: str) -> AzureRegistry:
    document = azure.get(arm_id, versions.REGISTRY)
    if document is None:
        hint = "attach another one: `az ml workspace update --container-registry ID`, or name a `fallback:` registry"
        raise StepError(f"the workspace's registry {arm_id.rpartition('/')[2]} is not there any more", hint)
    return _read(document)


def entry_of(entry: RegistryEntry, registry: Registry) -> RegistryEntry:
    """What the spec says of this registry: of a workspace's, its fallback where that was taken."""
    server = registry.address.partition("/")[0]
    if isinstance(entry, WorkspaceRegistry) and entry.fallback is not None:
        other = entry.fallback
        taken = isinstance(other, GenericRegistry) or other.name.lower() in (server, server.partition(".")[0])
        if taken and isinstance(other, AcrRegistry) == (registry.kind == "acr"):
            entry = other
    if isinstance(entry, AcrRegistry) and registry.kind == "acr":
        return replace(entry, name=server)
    return entry


def _read(document: dict[str, object]) -> AzureRegistry:
    properties, sku = document.get("properties"), document.get("sku")
    assert isinstance(properties, dict) and isinstance(sku, dict)
    return AzureRegistry(
        id=str(document["id"]),
        name=str(document["name"]),
        login_server=str(properties["loginServer"]),
        sku=str(sku.get("name", "")),
        open=properties.get("publicNetworkAccess", "Enabled") != "Disabled",
        admin=bool(properties.get("adminUserEnabled")),
        abac="Abac" in str(properties.get("roleAssignmentMode", "")),
    )
