"""The sign-in service: metadata of the cloud, OpenID discovery, tokens, and a managed identity's endpoint."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .state import TENANT, Azure
from .tokens import CLIENT, OBJECT, USER

CLOUD = "StandIn"


def metadata(azure: Azure, request: Request) -> Answer:
    """As a private cloud gives it: one object to `az cloud register`, a list to ARM_CLOUD_METADATA_URL."""
    one = cloud(azure)
    return Answer.of(one if request.query.get("api-version", "") >= "2022" else [one])


def cloud(azure: Azure) -> dict[str, Any]:
    host = azure.url.removeprefix("https://")
    return {
        "name": CLOUD,
        "portal": f"{azure.url}/portal.stand.in",
        "authentication": {
            "loginEndpoint": azure.url,
            "audiences": [azure.url],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": azure.url,
        "graphAudience": f"{azure.url}/graph",
        "graph": f"{azure.url}/graph",
        "microsoftGraphResourceId": f"{azure.url}/graph",
        "gallery": f"{azure.url}/gallery",
        "batch": f"{azure.url}/batch",
        "media": f"{azure.url}/media",
        "sqlManagement": f"{azure.url}/sql",
        "vmImageAliasDoc": f"{azure.url}/aliases.json",
        "activeDirectoryDataLake": f"{azure.url}/datalake",
        "suffixes": {
            "acrLoginServer": host,
            "storage": "localhost:" + host.rsplit(":", 1)[-1],
            "keyVaultDns": "vault.localhost",
        },
    }


def discovery(azure: Azure, request: Request, tenant: str) -> Answer:
    base = f"{azure.url}/{tenant}"
    return Answer.of(
        {
            "issuer": f"{azure.url}/{TENANT}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }
    )


def token(azure: Azure, request: Request, tenant: str) -> Answer:
    """Client credentials and refresh tokens (RFC 6749, 4.4 and 6), in the answers of Microsoft Entra."""
    form = request.form
    tokens = azure.tokens
    if tokens.refuse:
        return _refused("invalid_grant", tokens.refuse)
    if tenant.lower() not in (TENANT, "organizations", "common"):
        return _refused(
            "invalid_request",
            f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.",
        )
    scope = form.get("scope", "")
    audience = next((s.removesuffix("/.default") for s in scope.split() if s.endswith("/.default")), scope)
    answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": tokens.lifetime, "ext_expires_in": tokens.lifetime}
    if form.get("grant_type") == "client_credentials":
        if form.get("client_id") != CLIENT:
            name = form.get("client_id")
            return _refused(
                "unauthorized_client",
                f"AADSTS700016: Application with identifier '{name}' was not found in the directory 'Stand-in'.",
            )
        if form.get("client_secret") != tokens.secret:
            return _refused(
                "invalid_client",
                "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the "
                f"client secret value, not the client secret ID, for a secret added to app '{CLIENT}'.",
                401,
            )
    elif form.get("grant_type") == "refresh_token":
        if form.get("refresh_token") != tokens.refresh_token:
            return _refused("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.")
        answer |= {
            "scope": scope,
            "refresh_token": tokens.refresh_token,
            "client_info": encoded({"uid": OBJECT, "utid": TENANT}),
            "id_token": id_token(form.get("client_id", "")),
        }
    else:
        return _refused(
            "unsupported_grant_type",
            f"AADSTS70003: The app requested an unsupported grant type '{form.get('grant_type')}'.",
        )
    return Answer.of(answer | {"access_token": tokens.issue(audience)})


def id_token(client: str) -> str:
    claims = {
        "aud": client,
        "iss": "https://sts.windows.net/",
        "exp": int(time.time()) + 3600,
        "iat": int(time.time()),
        "oid": OBJECT,
        "sub": OBJECT,
        "tid": TENANT,
        "preferred_username": USER,
        "name": "Someone",
    }
    return f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def managed_identity(azure: Azure, request: Request) -> Answer:
    """As App Service gives it: IDENTITY_ENDPOINT and IDENTITY_HEADER (api-version 2019-08-01)."""
    if azure.tokens.refuse:
        raise Refused(400, "invalid_request", azure.tokens.refuse)
    audience = request.query.get("resource", "")
    expires = str(int(time.time()) + azure.tokens.lifetime)
    found = {"access_token": azure.tokens.issue(audience), "expires_on": expires, "resource": audience}
    return Answer.of(found | {"token_type": "Bearer", "client_id": CLIENT})


def _refused(error: str, description: str, status: int = 400) -> Answer:
    code = description.split(":", 1)[0].removeprefix("AADSTS")
    numbers = [int(code)] if code.isdigit() else []
    return Answer.of({"error": error, "error_description": description, "error_codes": numbers}, status)


ROUTES = (
    Route("GET", "/metadata/endpoints", metadata),
    Route("GET", "/msi/token", managed_identity),
    Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", discovery),
    Route("GET", "/{tenant}/.well-known/openid-configuration", discovery),
    Route("POST", "/{tenant}/oauth2/v2.0/token", token),
)
