"""Container registries: their resources, and the sign-in of their login servers."""

from __future__ import annotations

import base64
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .registry_tokens import RegistryTokens
from .state import LOCATION, Azure, Registry
from .tokens import CLIENT

EMPTY = "00000000-0000-0000-0000-000000000000"  # the user name that goes with a refresh token
UNAUTHORIZED = "authentication required, visit https://aka.ms/acr/authorization for more information."


# ---- Resource Manager


def document(registry: Registry) -> dict[str, Any]:
    return {
        "id": registry.id,
        "name": registry.name,
        "type": "Microsoft.ContainerRegistry/registries",
        "location": LOCATION,
        "tags": {},
        "sku": {"name": registry.sku, "tier": registry.sku},
        "properties": {
            "loginServer": registry.login_server,
            "creationDate": "2024-01-02T03:04:05.678Z",
            "provisioningState": "Succeeded",
            "adminUserEnabled": registry.admin_enabled,
            "publicNetworkAccess": registry.public_network_access,
            "networkRuleBypassOptions": "AzureServices",
            "zoneRedundancy": "Disabled",
            "dataEndpointEnabled": False,
            "dataEndpointHostNames": [],
            "encryption": {"status": "disabled"},
            "policies": {
                "quarantinePolicy": {"status": "disabled"},
                "trustPolicy": {"type": "Notary", "status": "disabled"},
                "retentionPolicy": {"days": 7, "status": "disabled"},
                "exportPolicy": {"status": "enabled"},
            },
        },
    }


def get(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    azure.check_group(subscription, group)
    return Answer.of(document(azure.registry(registry, group)))


def update(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    """`az acr update --admin-enabled`: what can be changed here."""
    azure.check_group(subscription, group)
    found = azure.registry(registry, group)
    properties = request.json.get("properties", {})
    found.admin_enabled = properties.get("adminUserEnabled", found.admin_enabled)
    found.public_network_access = properties.get("publicNetworkAccess", found.public_network_access)
    return Answer.of(document(found))


def list_all(azure: Azure, request: Request, subscription: str, group: str = "") -> Answer:
    found = [r for r in azure.registries.values() if r.subscription == subscription.lower()]
    return Answer.of({"value": [document(r) for r in found if group.lower() in ("", r.group.lower())]})


def credentials(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    azure.check_group(subscription, group)
    found = azure.registry(registry, group)
    if not found.admin_enabled:
        raise Refused(
            400,
            "UnAuthorizedForCredentialOperations",
            "Admin user is disabled. Enable Admin user feature and try again.",
        )
    names = ("password", "password2")
    passwords = [{"name": n, "value": p} for n, p in zip(names, found.passwords, strict=True)]
    return Answer.of({"username": found.name, "passwords": passwords})


# ---- the login server


def exchange(azure: Azure, tokens: RegistryTokens, registry: Registry, request: Request) -> Answer:
    """POST /oauth2/exchange: an Entra token becomes a refresh token of the registry."""
    form = request.form
    if form.get("grant_type") not in ("access_token", "access_token_refresh_token"):
        return _refused(400, "UNSUPPORTED", f"grant_type '{form.get('grant_type')}' is not supported")
    if form.get("service") != registry.login_server:
        return _refused(401, "UNAUTHORIZED", UNAUTHORIZED)
    if not azure.tokens.holds(form.get("access_token", "")):
        return _refused(401, "UNAUTHORIZED", UNAUTHORIZED)
    return Answer.of({"refresh_token": tokens.refresh_token(registry)})


def token(azure: Azure, tokens: RegistryTokens, registry: Registry, request: Request) -> Answer:
    """/oauth2/token: GET with Basic (docker login), or POST with a refresh token or a password (OAuth 2)."""
    asked = request.query if request.method == "GET" else request.form
    if request.method == "POST" and asked.get("grant_type") == "refresh_token":
        known = tokens.is_refresh_token(registry, asked.get("refresh_token", ""))
    elif request.method == "POST":
        known = _knows(azure, tokens, registry, asked.get("username", ""), asked.get("password", ""))
    else:
        user, password = _basic(request)
        known = _knows(azure, tokens, registry, user, password)
    if not known:
        return _refused(401, "UNAUTHORIZED", UNAUTHORIZED)
    scopes = [s for s in asked.get("scope", "").split() if s]
    access = [_grant(registry, scope) for scope in scopes]
    issued = tokens.access_token(registry, [a for a in access if a["actions"]])
    return Answer.of({"access_token": issued})


def challenge(azure: Azure, registry: Registry) -> Answer:
    answer = _refused(401, "UNAUTHORIZED", UNAUTHORIZED)
    realm = f'Bearer realm="https://{registry.login_server}/oauth2/token",service="{registry.login_server}"'
    answer.headers |= {"WWW-Authenticate": realm, "Docker-Distribution-Api-Version": "registry/2.0"}
    return answer


def _knows(azure: Azure, tokens: RegistryTokens, registry: Registry, user: str, password: str) -> bool:
    if user == EMPTY:
        return tokens.is_refresh_token(registry, password)
    if user == CLIENT:
        return password == azure.tokens.secret
    return user.lower() == registry.name.lower() and registry.admin_enabled and password in registry.passwords


def _grant(registry: Registry, scope: str) -> dict[str, Any]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    wanted = [a for a in actions.split(",") if a]
    if kind == "repository":
        may = set(registry.may) | ({"metadata_read", "metadata_write"} if "push" in registry.may else {"metadata_read"})
        wanted = [a for a in wanted if a in may or (a == "*" and "delete" in may)]
    return {"type": kind, "name": name, "actions": wanted}


def _basic(request: Request) -> tuple[str, str]:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    user, _, password = base64.b64decode(text).decode().partition(":")
    return user, password


def _refused(status: int, code: str, message: str) -> Answer:
    return Answer.of({"errors": [{"code": code, "message": message}]}, status)


_RP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries"
ROUTES = (
    Route("GET", "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/registries", list_all),
    Route("GET", _RP, list_all),
    Route("GET", _RP + "/{registry}", get),
    Route("PATCH", _RP + "/{registry}", update),
    Route("POST", _RP + "/{registry}/listCredentials", credentials),
)
