"""Online endpoints and their deployments: created by long operations, driven by traffic."""

from __future__ import annotations

import secrets
import time
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .ml import RP, _found, _system_data
from .operations import Operation
from .state import Azure, DeploymentFailed, Document, Workspace

_WS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + RP + "/{workspace}"
_EP = _WS + "/onlineEndpoints/{endpoint}"
_DP = _EP + "/deployments/{deployment}"


# ---- endpoints


def endpoints(azure: Azure, request: Request, subscription: str, group: str, workspace: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    paths = [p for p in found.documents if p.startswith("onlineEndpoints/") and p.count("/") == 1]
    return Answer.of({"value": [_shown(found, p) for p in paths]})


def get(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    return Answer.of(_shown(found, _stored(found, _path(endpoint))))


def put(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found, path = _found(azure, subscription, group, workspace), _path(endpoint)
    asked = request.json
    properties = asked.get("properties") or {}
    _check_idle(azure, found, path)
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
        "systemData": before["systemData"] if before else _system_data(),
    }
    found.keys.setdefault(endpoint.lower(), [secrets.token_hex(20) for _ in range(2)])
    operation = azure.operations.begin(f"{found.id}/{path}", lambda: _settle(found, path, "Succeeded"))
    return _accepted(azure, found, operation, _shown(found, path), 200 if before else 201)


def patch(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    """Tags and identity alone, as the document says: traffic moves by PUT."""
    found = _found(azure, subscription, group, workspace)
    path = _stored(found, _path(endpoint))
    found.documents[path]["tags"] = request.json.get("tags") or found.documents[path]["tags"]
    return Answer.of(_shown(found, path))


def delete(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found, path = _found(azure, subscription, group, workspace), _path(endpoint)
    if path not in found.documents:
        return Answer(204)
    _check_idle(azure, found, path)

    def finish() -> None:
        for below in [p for p in found.documents if p == path or p.startswith(path + "/")]:
            _remove(azure, found, below)

    return _begin_delete(azure, found, path, finish)


def keys(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    path = _stored(found, _path(endpoint))
    if found.documents[path]["properties"].get("authMode") != "Key":
        raise Refused(400, "UserError", "Keys can be listed only for endpoints whose authMode is 'key'.")
    first, second = found.keys[endpoint.lower()]
    return Answer.of({"primaryKey": first, "secondaryKey": second})


def token(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    _stored(found, _path(endpoint))
    later = int(time.time()) + 3600
    one = {"accessToken": azure.tokens.issue("https://ml.azure.com"), "tokenType": "Bearer"}
    return Answer.of(one | {"expiryTimeUtc": later, "refreshAfterTimeUtc": later - 600})


# ---- deployments


def deployments(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    head = _stored(found, _path(endpoint)) + "/deployments/"
    return Answer.of({"value": [_shown(found, p) for p in found.documents if p.startswith(head)]})


def get_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    return Answer.of(_shown(found, _stored(found, _path(endpoint, deployment))))


def put_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    _stored(found, _path(endpoint))
    path, asked = _path(endpoint, deployment), request.json
    properties = asked.get("properties") or {}
    _check_idle(azure, found, _path(endpoint))
    _check_idle(azure, found, path)
    _check_assets(found, properties)
    before = found.documents.get(path)
    kubernetes = properties.get("endpointComputeType") == "Kubernetes"
    scale = {"scaleType": "TargetUtilization" if kubernetes else "Default"}
    found.documents[path] = {
        "location": asked.get("location", found.location),
        "tags": asked.get("tags") or {},
        "sku": {"name": "Default", "capacity": 1, **(asked.get("sku") or {})},
        "properties": {
            "scaleSettings": scale,
            "environmentVariables": {},
            "properties": {},
            "appInsightsEnabled": False,
            **{k: v for k, v in properties.items() if v is not None},
            "provisioningState": "Updating" if before else "Creating",
        },
        "systemData": before["systemData"] if before else _system_data(),
    }

    def finish() -> None:
        if azure.serve is not None:
            try:
                url = azure.serve(found, endpoint, deployment, found.documents[path])
            except DeploymentFailed as failed:
                found.logs.setdefault(f"{endpoint}/{deployment}".lower(), failed.message)
                raise Refused(400, failed.code, failed.message) from failed
            azure.served[(endpoint.lower(), deployment.lower())] = url
        _settle(found, path, "Succeeded")

    operation = azure.operations.begin(f"{found.id}/{path}", finish)
    return _accepted(azure, found, operation, _shown(found, path), 200 if before else 201)


def patch_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    """The number of instances (sku.capacity) and tags."""
    found = _found(azure, subscription, group, workspace)
    path = _stored(found, _path(endpoint, deployment))
    asked = request.json
    found.documents[path]["tags"] = asked.get("tags") or found.documents[path]["tags"]
    found.documents[path]["sku"] |= asked.get("sku") or {}
    operation = azure.operations.begin(f"{found.id}/{path}", lambda: _settle(found, path, "Succeeded"))
    return Answer(202, b"", _places(azure, found, operation, ("Location",)))


def delete_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found, path = _found(azure, subscription, group, workspace), _path(endpoint, deployment)
    if path not in found.documents:
        return Answer(204)
    traffic = found.documents[_path(endpoint)]["properties"].get("traffic") or {}
    if any(name.lower() == deployment.lower() and share for name, share in traffic.items()):
        message = f"Cannot delete deployment '{deployment}' as it has non-zero traffic. Set its traffic to 0 first."
        raise Refused(400, "UserError", message)
    _check_idle(azure, found, path)
    return _begin_delete(azure, found, path, lambda: _remove(azure, found, path))


def logs(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    _stored(found, _path(endpoint, deployment))
    lines = found.logs.get(f"{endpoint}/{deployment}".lower(), "").splitlines(keepends=True)
    tail = request.json.get("tail")
    return Answer.of({"content": "".join(lines[-tail:] if tail else lines)})


# ---- long operations


def status(azure: Azure, request: Request, subscription: str, location: str, operation: str) -> Answer:
    one = azure.operations.poll(operation, lambda resource: _fail(azure, resource))
    body: dict[str, Any] = {"id": request.path, "name": one.id, "status": one.status, "startTime": one.started}
    if one.error is not None and one.status != "InProgress":
        body["error"] = one.error
    waits = one.status == "InProgress"
    return Answer.of(body, headers=_retry_after(azure) if waits else {})


def result(azure: Azure, request: Request, subscription: str, location: str, operation: str) -> Answer:
    """What Location leads to: 202 while it runs, then the outcome."""
    one = azure.operations.poll(operation, lambda resource: _fail(azure, resource))
    if one.status == "InProgress":
        return Answer(202, b"", {"Location": f"{azure.url}{request.target}", **_retry_after(azure)})
    if one.status != "Succeeded":
        error = one.error or {"code": one.status, "message": one.status}
        raise Refused(400, str(error["code"]), str(error["message"]))
    found, _, path = one.resource.partition("/onlineEndpoints/")
    workspace = next((w for w in azure.workspaces.values() if w.id == found), None)
    path = f"onlineEndpoints/{path}"
    if workspace is None or path not in workspace.documents:
        return Answer(204)
    return Answer.of(_shown(workspace, path))


def _retry_after(azure: Azure) -> dict[str, str]:
    seconds = azure.operations.retry_after
    return {"Retry-After": str(seconds)} if seconds else {}


def _accepted(azure: Azure, found: Workspace, operation: Operation, shown: Document, status: int) -> Answer:
    return Answer.of(shown, status, _places(azure, found, operation, ("Azure-AsyncOperation",)))


def _begin_delete(azure: Azure, found: Workspace, path: str, finish: Any) -> Answer:
    found.documents[path]["properties"]["provisioningState"] = "Deleting"
    operation = azure.operations.begin(f"{found.id}/{path}", finish)
    return Answer(202, b"", _places(azure, found, operation, ("Location", "Azure-AsyncOperation")))


def _places(azure: Azure, found: Workspace, operation: Operation, wanted: tuple[str, ...]) -> dict[str, str]:
    head = f"{azure.url}/subscriptions/{found.subscription}/providers/{RP.split('/')[0]}/locations/{found.location}"
    known = {
        "Azure-AsyncOperation": f"{head}/mfeOperationsStatus/{operation.id}?api-version=2024-04-01",
        "Location": f"{head}/mfeOperationResults/{operation.id}?api-version=2024-04-01",
    }
    return {name: known[name] for name in wanted} | {"x-ms-async-operation-timeout": "PT1H"} | _retry_after(azure)


def _fail(azure: Azure, resource: str) -> None:
    head, _, path = resource.partition("/onlineEndpoints/")
    for workspace in azure.workspaces.values():
        if workspace.id == head:
            _settle(workspace, f"onlineEndpoints/{path}", "Failed")


def _settle(found: Workspace, path: str, state: str) -> None:
    if path in found.documents:
        found.documents[path]["properties"]["provisioningState"] = state


def _remove(azure: Azure, found: Workspace, path: str) -> None:
    found.documents.pop(path, None)
    parts = path.split("/")
    if len(parts) == 4:
        azure.served.pop((parts[1], parts[3]), None)
        if azure.unserve is not None:
            azure.unserve(parts[1], parts[3])


# ---- rules of the service


def _check_idle(azure: Azure, found: Workspace, path: str) -> None:
    if azure.operations.running(f"{found.id}/{path}"):
        raise Refused(
            409,
            "ResourceNotReady",
            f"'{path.rsplit('/', 1)[-1]}' has an operation in progress. Please wait until it has ended.",
        )


def _check_traffic(found: Workspace, path: str, traffic: dict[str, int]) -> None:
    known = {p.rsplit("/", 1)[-1] for p in found.documents if p.startswith(f"{path}/deployments/")}
    unknown = [name for name in traffic if name.lower() not in known]
    if unknown:
        raise Refused(400, "UserError", f"Traffic names deployments that do not exist: {', '.join(unknown)}.")
    if traffic and sum(traffic.values()) not in (0, 100):
        raise Refused(400, "UserError", f"Sum of traffic percentages must be 0 or 100; it is {sum(traffic.values())}.")


def _check_compute(found: Workspace, properties: Document) -> None:
    name = str(properties.get("compute") or "").rsplit("/", 1)[-1]
    if name and name not in found.computes:
        raise Refused(400, "UserError", f"The compute '{name}' was not found in workspace '{found.name}'.")


def _check_assets(found: Workspace, properties: Document) -> None:
    code = (properties.get("codeConfiguration") or {}).get("codeId")
    for what in (properties.get("environmentId"), properties.get("model"), code):
        if isinstance(what, str) and what.lower().startswith(found.id.lower() + "/"):
            path = what[len(found.id) + 1 :]
            if path not in found.documents:
                raise Refused(404, "UserError", f"Could not find the asset '{what}'.")


def _identity(found: Workspace, asked: Document) -> Document:
    from .ml import workspace_document

    kind = (asked.get("identity") or {}).get("type", "SystemAssigned")
    shown: Document = workspace_document(found)["identity"]
    more = {k: v for k, v in (asked.get("identity") or {}).items() if k == "userAssignedIdentities" and v}
    return {**shown, "type": kind, **more}


def _without_secrets(properties: Document) -> Document:
    return {k: v for k, v in properties.items() if k != "keys" and v is not None}


def _path(endpoint: str, deployment: str = "") -> str:
    return f"onlineEndpoints/{endpoint.lower()}" + (f"/deployments/{deployment.lower()}" if deployment else "")


def _stored(found: Workspace, path: str) -> str:
    if path not in found.documents:
        kind = "Deployment" if "/deployments/" in path else "Endpoint"
        raise Refused(
            404, "ResourceNotFound", f"{kind} '{path.rsplit('/', 1)[-1]}' was not found in workspace '{found.name}'."
        )
    return path


def _shown(found: Workspace, path: str) -> Document:
    kinds = "/".join(p for i, p in enumerate(path.split("/")) if i % 2 == 0)
    head = {"id": f"{found.id}/{path}", "name": path.rsplit("/", 1)[-1], "type": f"{RP}/{kinds}"}
    return {**head, **found.documents[path]}


_LOCATION = "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}"
ROUTES = (
    Route("GET", _LOCATION + "/mfeOperationsStatus/{operation}", status),
    Route("GET", _LOCATION + "/mfeOperationResults/{operation}", result),
    Route("GET", _WS + "/onlineEndpoints", endpoints),
    Route("GET", _EP, get),
    Route("PUT", _EP, put),
    Route("PATCH", _EP, patch),
    Route("DELETE", _EP, delete),
    Route("POST", _EP + "/listKeys", keys),
    Route("POST", _EP + "/token", token),
    Route("GET", _EP + "/deployments", deployments),
    Route("GET", _DP, get_deployment),
    Route("PUT", _DP, put_deployment),
    Route("PATCH", _DP, patch_deployment),
    Route("DELETE", _DP, delete_deployment),
    Route("POST", _DP + "/getLogs", logs),
)
