"""Azure ML workspaces and their computes, and what their other modules share."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .state import TENANT, Azure, Document, Workspace

RP = "Microsoft.MachineLearningServices/workspaces"
WS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + RP + "/{workspace}"


def workspace_document(found: Workspace) -> Document:
    return {
        "id": found.id,
        "name": found.name,
        "type": RP,
        "location": found.location,
        "tags": {},
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "identity": {
            "type": "SystemAssigned",
            "principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, found.id)),
            "tenantId": TENANT,
        },
        "properties": {
            "friendlyName": found.name,
            "provisioningState": "Succeeded",
            "workspaceId": str(uuid.uuid5(uuid.NAMESPACE_URL, found.id + "/ws")),
            "storageAccount": account_id(found),
            "keyVault": account_id(found).replace("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"),
            "containerRegistry": found.container_registry,
            "publicNetworkAccess": "Enabled",
            "v1LegacyMode": False,
            "hbiWorkspace": False,
        },
    }


def workspace(azure: Azure, request: Request, subscription: str, group: str, workspace: str) -> Answer:
    return Answer.of(workspace_document(find(azure, subscription, group, workspace)))


def workspaces(azure: Azure, request: Request, subscription: str, group: str = "") -> Answer:
    found = [w for w in azure.workspaces.values() if w.subscription == subscription.lower()]
    return Answer.of({"value": [workspace_document(w) for w in found if group.lower() in ("", w.group.lower())]})


def compute(azure: Azure, request: Request, subscription: str, group: str, workspace: str, compute: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    if compute not in found.computes:
        raise Refused(404, "ResourceNotFound", f"The specified compute '{compute}' was not found.")
    return Answer.of(
        {
            "id": f"{found.id}/computes/{compute}",
            "name": compute,
            "type": f"{RP}/computes",
            "location": found.location,
            "properties": {"computeType": found.computes[compute], "provisioningState": "Succeeded"},
        }
    )


def find(azure: Azure, subscription: str, group: str, workspace: str) -> Workspace:
    azure.check_group(subscription, group)
    return azure.workspace(workspace, group)


def shown_at(found: Workspace, path: str) -> Document:
    kinds = "/".join(p for i, p in enumerate(path.split("/")) if i % 2 == 0)
    head = {"id": f"{found.id}/{path}", "name": path.rsplit("/", 1)[-1], "type": f"{RP}/{kinds}"}
    return {**head, **found.documents[path]}


def system_data() -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    who = {"createdBy": "stand-in", "createdByType": "Application"}
    return {
        "createdAt": now,
        **who,
        "lastModifiedAt": now,
        "lastModifiedBy": "stand-in",
        "lastModifiedByType": "Application",
    }


def account_id(found: Workspace) -> str:
    group = f"/subscriptions/{found.subscription}/resourceGroups/{found.group}"
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{found.account}"


ROUTES = (
    Route("GET", "/subscriptions/{subscription}/providers/" + RP, workspaces),
    Route("GET", "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + RP, workspaces),
    Route("GET", WS, workspace),
    Route("GET", WS + "/computes/{compute}", compute),
)
