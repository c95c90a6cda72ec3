"""azure.server_sign_in: how a registry's login server is signed in to, as the spec says and its tokens end."""

from __future__ import annotations

import functools
import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bedplate.clients import registry_errors
from bedplate.clients.azure import registry as registries
from bedplate.clients.azure import roles, versions
from bedplate.clients.credentials import Credentials, Login
from bedplate.errors import StepError
from bedplate.model import AcrRegistry, Registry, WorkspaceRegistry
from bedplate.secrets import Secret

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure

LIVES_S = 3 * 3600.0  # a refresh token of a login server
MARGIN_S = 600.0  # one that ends sooner is not pushed with
REFUSED_S = 20.0  # a refusal is not asked for again


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
                self._login = Login(registries.EVERYONE, token, renew=functools.partial(self._withdrawn, token))
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

        from bedplate.clients.azure.patience import Patience, patiently

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
    tenant, hint = azure.sign_in.account.tenant, "the role 'AcrPush' is missing"
    with suppress(StepError):
        _, hint = roles.to_push(azure, urlsplit(url).netloc, None)
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
    found = registries.by_name(azure, server)
    if not found.admin:  # it would be refused in words that do not name the registry
        command = f"az acr update -n {found.name} --admin-enabled true"
        raise StepError(
            f"registry {found.name}: Admin user is disabled",
            f"take `sign_in: admin` out (a token needs no admin user), or `{command}`",
        )
    answer = azure.post(f"{found.id}/listCredentials", None, versions.REGISTRY).document
    return Login(str(answer["username"]), Secret(str(answer["passwords"][0]["value"])))
