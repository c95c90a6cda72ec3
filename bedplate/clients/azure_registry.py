"""azure_registry: an Azure Container Registry as the Resource Manager knows it, and the sign-in of its login server."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bedplate.clients import azure_versions, registry_errors
from bedplate.clients.credentials import Credentials, Login
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import AcrRegistry, GenericRegistry, Registry, RegistryEntry, WorkspaceRegistry
from bedplate.secrets import Secret

if TYPE_CHECKING:
    from bedplate.clients.azure import Azure

EVERYONE = "00000000-0000-0000-0000-000000000000"  # the user name that goes with a refresh token
LIVES_S = 3 * 3600.0  # a refresh token of a login server
MARGIN_S = 600.0  # one that ends sooner is not pushed with
REFUSED_S = 20.0  # a refusal is not asked for again
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
    places = azure.pages(f"/subscriptions/{azure.subscription}/providers/{KIND}", azure_versions.REGISTRY)
    return [_read(document) for document in places]


def among(known: Iterable[AzureRegistry], name: str) -> AzureRegistry | None:
    """The one of this name or login server."""
    return next((one for one in known if name.lower() in (one.name.lower(), one.login_server.lower())), None)


def by_id(azure: Azure, arm_id: str) -> AzureRegistry:
    document = azure.get(arm_id, azure_versions.REGISTRY)
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


def credentials(
    azure: Azure, entry: AcrRegistry | WorkspaceRegistry, registry: Registry, otherwise: Credentials
) -> Credentials:
    """For the target's own registry as the spec says; for another of Azure's a token where Docker has no sign-in.

    `otherwise`: what the spec's password and Docker's own settings say."""
    own = registry.kind == "acr"
    server = registry.address.partition("/")[0]
    if isinstance(entry, AcrRegistry) and entry.sign_in == "service_principal":
        return otherwise if not own else functools.partial(_named, otherwise, server)
    if own and entry.sign_in == "admin":
        return functools.lru_cache(maxsize=None)(lambda: _admin(azure, server))
    exchange = _Exchange(azure, server)
    if own:
        return exchange
    return lambda: otherwise() or (exchange() if _of_azure(server, azure) else None)


def _of_azure(server: str, azure: Azure) -> bool:
    try:
        return azure.sign_in.cloud.has_registry(server)
    except StepError:  # whoever needs Azure says why it is not there
        return False


class _Exchange:
    """The `az` sign-in's token for one of the login server's own, again before it ends. A `Credentials`."""

    def __init__(self, azure: Azure, server: str) -> None:
        self._azure, self._server = azure, server
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._ends = 0.0
        self._refusal: tuple[StepError, float] | None = None

    def __call__(self) -> Login:
        with self._lock:
            if self._login is None or time.monotonic() > self._ends - MARGIN_S:
                began = time.monotonic()
                token = self._asked(began)
                self._login = Login(EVERYONE, token, renew=functools.partial(self._withdrawn, token))
                self._ends = began + LIVES_S
            return self._login

    def _asked(self, began: float) -> Secret:
        """A refusal stands for a while: what many ask for at once is not waited for by one after the other."""
        if self._refusal and began < self._refusal[1] + REFUSED_S:
            raise self._refusal[0]
        try:
            return self._exchanged()
        except StepError as error:
            self._refusal = error, time.monotonic()
            raise

    def _withdrawn(self, token: Secret) -> None:
        with self._lock:
            if self._login and self._login.password == token:  # else another thread has asked for one since
                self._login = None

    def _exchanged(self) -> Secret:
        # https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, "Calling POST /oauth2/exchange"
        import requests

        from bedplate.clients.azure_patience import Patience, patiently

        url, patience = f"https://{self._server}/oauth2/exchange", Patience(retry=30.0)
        for afresh in (False, True):
            form = {
                "grant_type": "access_token",
                "service": self._server,
                "tenant": self._azure.sign_in.account.tenant,
                "access_token": self._azure.token(self._azure.sign_in.cloud.registry_scope, afresh=afresh).reveal(),
            }
            answer = patiently(
                functools.partial(requests.post, url, form, timeout=(patience.connect, patience.read)),
                "POST",
                url,
                patience,
                "the registry's login server, as Azure names it",
                repeatable=True,
            )
            if answer.status_code != 401:
                break
        if answer.status_code != 200:
            raise refused("POST", url, answer.status_code, answer.content, self._azure)
        try:
            return Secret(str(json.loads(answer.content)["refresh_token"]))
        except (ValueError, KeyError, TypeError):
            raise StepError(f"POST {url}: no token in the answer") from None


def refused(method: str, url: str, status: int, content: bytes, azure: Azure) -> StepError:
    """What a login server said."""
    error = registry_errors.refused(method, url, status, content, True)
    if status != 401:
        return error
    from bedplate.clients import azure_roles  # which knows of registries

    tenant, hint = azure.sign_in.account.tenant, "the role 'AcrPush' is missing"
    with suppress(StepError):
        _, hint = azure_roles.to_push(azure, urlsplit(url).netloc, None)
    return StepError(
        error.message, f"{hint}; or the registry is of another tenant than {tenant}: `az login --tenant TENANT`"
    )


def _named(otherwise: Credentials, server: str) -> Login:
    login = otherwise()
    if login is None:
        raise StepError(
            f"registry {server}: sign_in is service_principal, but there is no account",
            "add `username: {env: ...}` and `password: {env: ...}` to the registry",
        )
    return login


def _admin(azure: Azure, server: str) -> Login:
    found = by_name(azure, server)
    if not found.admin:  # it would be refused in words that do not name the registry
        command = f"az acr update -n {found.name} --admin-enabled true"
        raise StepError(
            f"registry {found.name}: Admin user is disabled",
            f"take `sign_in: admin` out (a token needs no admin user), or `{command}`",
        )
    answer = azure.post(f"{found.id}/listCredentials", None, azure_versions.REGISTRY).document
    return Login(str(answer["username"]), Secret(str(answer["passwords"][0]["value"])))


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
