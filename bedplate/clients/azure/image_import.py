"""azure.image_import: an Azure registry fetches an image from another one itself, as `az acr import` asks it to."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bedplate.clients.azure import errors, registry
from bedplate.clients.azure.versions import REGISTRY
from bedplate.errors import StepError

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.clients.azure.registry import AzureRegistry
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
    begun: Callable[[str], None] = lambda where: None,
) -> None:
    """Returns once `into` has the image under `tag` (repository:tag), whatever had that tag before.

    `source` names a digest; an index comes whole. `of`: the Azure registry of ours that it is in, which needs no
    sign-in; None: any other one, signed in to as `login`. `begun` is told where Azure says how it goes, for `outlived`.
    Raises StepError with what Azure said."""
    place: dict[str, Any] = {"sourceImage": f"{source.path}@{source.digest}"}
    if of is not None:
        place["resourceId"] = of.id
    else:
        place["registryUri"] = source.domain
        if login is not None:
            user = registry.EVERYONE if login.identity else login.username
            place["credentials"] = {"username": user, "password": login.password.reveal()}
    body = {"source": place, "targetTags": [tag], "mode": "Force"}
    with _going_on(azure, source, into, tag):
        reply = azure.post(f"{into.id}/importImage", body, REGISTRY)
        begun(reply.headers.get("Location", ""))
        azure.wait(reply, _what(source), log, WITHIN_S)


def outlived(azure: Azure, where: str, source: ImageRef, into: AzureRegistry, tag: str, log: Log) -> bool:
    """Did the import end well that a run before began, and told by `begun`? Returns once it has ended."""
    if not where:
        return False
    try:
        with _going_on(azure, source, into, tag):
            reply = azure.send("GET", where, "")
            if reply.status == 202:
                log.note(f"{into.name} imports {source} since an earlier doit")
                azure.wait(replace(reply, headers={"Location": where, **reply.headers}), _what(source), log, WITHIN_S)
    except errors.OutOfSightError:
        raise
    except StepError:
        return False
    return True


def _going_on(azure: Azure, source: ImageRef, into: AzureRegistry, tag: str) -> AbstractContextManager[None]:
    shown_by = f"az acr manifest list-metadata -r {into.name} -n {tag.rpartition(':')[0]}"
    return azure.under_way.going_on(_what(source), shown_by)


def _what(source: ImageRef) -> str:
    return f"import of {source}"


def reachable(host: str) -> bool:
    """Could Azure's network reach this host[:port]? Not one of this machine or of a private network."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_global
    except ValueError:
        return "." in name and not name.endswith(tuple(f".{ours}" for ours in OURS))
