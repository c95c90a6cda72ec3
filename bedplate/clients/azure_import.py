"""azure_import: an Azure registry fetches an image from another registry itself, as `az acr import` asks it to."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from bedplate.clients import azure_registry
from bedplate.clients.azure_versions import REGISTRY

if TYPE_CHECKING:
    from bedplate.clients.azure import Azure
    from bedplate.clients.azure_registry import AzureRegistry
    from bedplate.clients.credentials import Login
    from bedplate.log import Log
    from bedplate.refs import ImageRef

WITHIN_S = 3600.0  # large images between two continents take half of it
OURS = ("localhost", "local", "internal", "lan", "home.arpa")  # names that mean something in one network only


def copy(
    azure: Azure,
    source: ImageRef,
    of: AzureRegistry | None,
    login: Login | None,
    into: AzureRegistry,
    tag: str,
    log: Log,
) -> None:
    """Returns once `into` has the image under `tag` (repository:tag), whatever had that tag before.

    `source` names a digest; an index comes whole. `of`: the Azure registry of ours that it is in, which needs no
    sign-in; None: any other one, signed in to as `login`. Raises StepError with what Azure said."""
    place: dict[str, Any] = {"sourceImage": f"{source.path}@{source.digest}"}
    if of is not None:
        place["resourceId"] = of.id
    else:
        place["registryUri"] = source.domain
        if login is not None:
            user = azure_registry.EVERYONE if login.identity else login.username
            place["credentials"] = {"username": user, "password": login.password.reveal()}
    body = {"source": place, "targetTags": [tag], "mode": "Force"}
    what = f"import of {source}"
    repository = tag.rpartition(":")[0]
    with azure.under_way.going_on(what, f"az acr manifest list-metadata -r {into.name} -n {repository}"):
        reply = azure.post(f"{into.id}/importImage", body, REGISTRY)
        azure.wait(reply, what, log, WITHIN_S)


def reachable(host: str) -> bool:
    """Could Azure's network reach this host[:port]? Not one of this machine or of a private network."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_global
    except ValueError:
        return "." in name and not name.endswith(tuple(f".{ours}" for ours in OURS))
