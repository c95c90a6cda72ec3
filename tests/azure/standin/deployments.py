"""Deployments of online endpoints: each a container, once its long operation has ended."""

from __future__ import annotations

from .endpoints import EP, path_of, stored, unserved
from .exchange import Answer, Refused, Request, Route
from .following import accepted, begin, begin_delete, check_idle, places
from .state import Azure, DeploymentFailed, Document, Workspace
from .workspaces import find, shown_at, system_data

DP = EP + "/deployments/{deployment}"


def deployments(azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    head = stored(found, path_of(endpoint)) + "/deployments/"
    return Answer.of({"value": [shown_at(found, p) for p in list(found.documents) if p.startswith(head)]})


def get_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    return Answer.of(shown_at(found, stored(found, path_of(endpoint, deployment))))


def put_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    stored(found, path_of(endpoint))
    path, asked = path_of(endpoint, deployment), request.json
    properties = asked.get("properties") or {}
    check_idle(azure, found, path_of(endpoint))
    check_idle(azure, found, path)
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
        "systemData": before["systemData"] if before else system_data(),
    }

    def finish() -> None:
        if azure.serve is not None:
            try:
                url = azure.serve(found, endpoint, deployment, found.documents[path])
            except DeploymentFailed as failed:
                found.logs.setdefault(f"{endpoint}/{deployment}".lower(), failed.message)
                raise Refused(400, failed.code, failed.message) from failed
            azure.served[(endpoint.lower(), deployment.lower())] = url

    operation = begin(azure, found, path, finish)
    return accepted(azure, found, operation, shown_at(found, path), 200 if before else 201)


def patch_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    """The number of instances (sku.capacity) and tags."""
    found = find(azure, subscription, group, workspace)
    path = stored(found, path_of(endpoint, deployment))
    asked = request.json
    found.documents[path]["tags"] = asked.get("tags") or found.documents[path]["tags"]
    found.documents[path]["sku"] |= asked.get("sku") or {}
    operation = begin(azure, found, path)
    return Answer(202, b"", places(azure, found, operation, ("Location",)))


def delete_deployment(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found, path = find(azure, subscription, group, workspace), path_of(endpoint, deployment)
    if path not in found.documents:
        return Answer(204)
    traffic = found.documents[path_of(endpoint)]["properties"].get("traffic") or {}
    if any(name.lower() == deployment.lower() and share for name, share in traffic.items()):
        message = f"Cannot delete deployment '{deployment}' as it has non-zero traffic. Set its traffic to 0 first."
        raise Refused(400, "UserError", message)
    check_idle(azure, found, path)
    return begin_delete(azure, found, path, lambda: unserved(azure, path))


def logs(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, endpoint: str, deployment: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    stored(found, path_of(endpoint, deployment))
    live = azure.read_log(endpoint, deployment) if azure.read_log is not None else None
    text = live if live is not None else found.logs.get(f"{endpoint}/{deployment}".lower(), "")
    lines = text.splitlines(keepends=True)
    tail = request.json.get("tail")
    return Answer.of({"content": "".join(lines[-tail:] if tail else lines)})


def _check_assets(found: Workspace, properties: Document) -> None:
    code = (properties.get("codeConfiguration") or {}).get("codeId")
    for what in (properties.get("environmentId"), properties.get("model"), code):
        if isinstance(what, str) and what.lower().startswith(found.id.lower() + "/"):
            path = what[len(found.id) + 1 :]
            if path not in found.documents:
                raise Refused(404, "UserError", f"Could not find the asset '{what}'.")


ROUTES = (
    Route("GET", EP + "/deployments", deployments),
    Route("GET", DP, get_deployment),
    Route("PUT", DP, put_deployment),
    Route("PATCH", DP, patch_deployment),
    Route("DELETE", DP, delete_deployment),
    Route("POST", DP + "/getLogs", logs),
)
