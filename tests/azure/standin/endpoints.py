"""Online endpoints: created by long operations, driven by traffic."""

from __future__ import annotations

import secrets
import time

from .exchange import Answer, Refused, Request, Route
from .following import accepted, begin, begin_delete, check_idle
from .state import Azure, Document, Workspace
from .workspaces import WS, find, shown_at, system_data, workspace_document

EP = WS + "/onlineEndpoints/{endpoint}"


def endpoints(azure: Azure, request: Request, subscription: str, group: str, workspace: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    paths = [p for p in list(found.documents) if p.startswith("onlineEndpoints/") and p.count("/") == 1]
    return Answer.of({"value": [shown_at(found, p) for p in paths]})


def get(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    return Answer.of(shown_at(found, stored(found, path_of(endpoint))))


def put(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found, path = find(azure, subscription, group, workspace), path_of(endpoint)
    asked = request.json
    properties = asked.get("properties") or {}
    check_idle(azure, found, path)
    _check_traffic(found, path, properties.get("traffic") or {})
    _check_compute(found, properties)
    before = found.documents.get(path)
    kept = {k: v for k, v in (before or {}).get("properties", {}).items() if k in ("scoringUri", "swaggerUri")}
    found.documents[path] = {
        "location": asked.get("location", found.location),
        "tags": asked.get("tags") or {},
        "kind": "Managed" if not properties.get("compute") else "K8S",
        "identity": _identity(found, asked),
        "properties": {
            "publicNetworkAccess": "Enabled",
            "traffic": {},
            "mirrorTraffic": {},
            "properties": {},
            **_without_secrets(properties),
            **kept,
            "scoringUri": f"{azure.url}/endpoints/{endpoint.lower()}/score",
            "swaggerUri": f"{azure.url}/endpoints/{endpoint.lower()}/swagger.json",
            "provisioningState": "Updating" if before else "Creating",
        },
        "systemData": before["systemData"] if before else system_data(),
    }
    found.keys.setdefault(endpoint.lower(), [secrets.token_hex(20) for _ in range(2)])
    operation = begin(azure, found, path)
    return accepted(azure, found, operation, shown_at(found, path), 200 if before else 201)


def patch(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    """Tags and identity alone, as the document says: traffic moves by PUT."""
    found = find(azure, subscription, group, workspace)
    path = stored(found, path_of(endpoint))
    found.documents[path]["tags"] = request.json.get("tags") or found.documents[path]["tags"]
    return Answer.of(shown_at(found, path))


def delete(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found, path = find(azure, subscription, group, workspace), path_of(endpoint)
    if path not in found.documents:
        return Answer(204)
    check_idle(azure, found, path)

    def finish() -> None:
        for below in [p for p in list(found.documents) if p.startswith(path + "/")]:
            unserved(azure, below)
            found.documents.pop(below, None)

    return begin_delete(azure, found, path, finish)


def keys(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    path = stored(found, path_of(endpoint))
    if found.documents[path]["properties"].get("authMode") != "Key":
        raise Refused(400, "UserError", "Keys can be listed only for endpoints whose authMode is 'key'.")
    first, second = found.keys[endpoint.lower()]
    return Answer.of({"primaryKey": first, "secondaryKey": second})


def token(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    stored(found, path_of(endpoint))
    later = int(time.time()) + 3600
    one = {"accessToken": azure.tokens.issue("https://ml.azure.com"), "tokenType": "Bearer"}
    return Answer.of(one | {"expiryTimeUtc": later, "refreshAfterTimeUtc": later - 600})


def path_of(endpoint: str, deployment: str = "") -> str:
    return f"onlineEndpoints/{endpoint.lower()}" + (f"/deployments/{deployment.lower()}" if deployment else "")


def stored(found: Workspace, path: str) -> str:
    if path not in found.documents:
        kind = "Deployment" if "/deployments/" in path else "Endpoint"
        raise Refused(
            404, "ResourceNotFound", f"{kind} '{path.rsplit('/', 1)[-1]}' was not found in workspace '{found.name}'."
        )
    return path


def unserved(azure: Azure, path: str) -> None:
    """The container of this deployment ends."""
    parts = path.split("/")
    if len(parts) == 4:
        azure.served.pop((parts[1], parts[3]), None)
        if azure.unserve is not None:
            azure.unserve(parts[1], parts[3])


def _check_traffic(found: Workspace, path: str, traffic: dict[str, int]) -> None:
    known = {p.rsplit("/", 1)[-1] for p in list(found.documents) if p.startswith(f"{path}/deployments/")}
    unknown = [name for name in traffic if name.lower() not in known]
    if unknown:
        raise Refused(400, "UserError", f"Traffic names deployments that do not exist: {', '.join(unknown)}.")
    if traffic and sum(traffic.values()) not in (0, 100):
        raise Refused(400, "UserError", f"Sum of traffic percentages must be 0 or 100; it is {sum(traffic.values())}.")


def _check_compute(found: Workspace, properties: Document) -> None:
    name = str(properties.get("compute") or "").rsplit("/", 1)[-1]
    if name and name not in found.computes:
        raise Refused(400, "UserError", f"The compute '{name}' was not found in workspace '{found.name}'.")


def _identity(found: Workspace, asked: Document) -> Document:
    kind = (asked.get("identity") or {}).get("type", "SystemAssigned")
    shown: Document = workspace_document(found)["identity"]
    more = {k: v for k, v in (asked.get("identity") or {}).items() if k == "userAssignedIdentities" and v}
    return {**shown, "type": kind, **more}


def _without_secrets(properties: Document) -> Document:
    return {k: v for k, v in properties.items() if k != "keys" and v is not None}


ROUTES = (
    Route("GET", WS + "/onlineEndpoints", endpoints),
    Route("GET", EP, get),
    Route("PUT", EP, put),
    Route("PATCH", EP, patch),
    Route("DELETE", EP, delete),
    Route("POST", EP + "/listKeys", keys),
    Route("POST", EP + "/token", token),
)
