"""Azure ML's workspaces and what is registered in them: datastores, environments, models, code."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .state import TENANT, Azure, Document, Workspace

RP = "Microsoft.MachineLearningServices/workspaces"
KINDS = ("environments", "models", "codes")


# ---- workspaces


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
            "storageAccount": _account_id(found),
            "keyVault": _account_id(found).replace("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"),
            "containerRegistry": found.container_registry,
            "publicNetworkAccess": "Enabled",
            "v1LegacyMode": False,
            "hbiWorkspace": False,
        },
    }


def workspace(azure: Azure, request: Request, subscription: str, group: str, workspace: str) -> Answer:
    return Answer.of(workspace_document(_found(azure, subscription, group, workspace)))


def workspaces(azure: Azure, request: Request, subscription: str, group: str = "") -> Answer:
    found = [w for w in azure.workspaces.values() if w.subscription == subscription.lower()]
    return Answer.of({"value": [workspace_document(w) for w in found if group.lower() in ("", w.group.lower())]})


def compute(azure: Azure, request: Request, subscription: str, group: str, workspace: str, compute: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
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


# ---- datastores


def add_datastore(found: Workspace, azure: Azure) -> None:
    found.documents["datastores/workspaceblobstore"] = {
        "properties": {
            "datastoreType": "AzureBlob",
            "isDefault": True,
            "accountName": azure.blobs.account_of(found.account),
            "containerName": found.container,
            "endpoint": "localhost:" + azure.blobs.url.rsplit(":", 1)[-1],
            "protocol": azure.blobs.url.partition(":")[0],
            "serviceDataAccessAuthIdentity": "None",
            "credentials": {"credentialsType": "Sas"},
            "subscriptionId": found.subscription,
            "resourceGroup": found.group,
            "tags": {},
            "properties": {},
        },
        "systemData": _system_data(),
    }


def datastore(azure: Azure, request: Request, subscription: str, group: str, workspace: str, name: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    return Answer.of(_shown(found, _stored(found, f"datastores/{name}")))


def datastores(azure: Azure, request: Request, subscription: str, group: str, workspace: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    return Answer.of({"value": [_shown(found, p) for p in found.documents if p.startswith("datastores/")]})


def secrets(azure: Azure, request: Request, subscription: str, group: str, workspace: str, name: str) -> Answer:
    found = _found(azure, subscription, group, workspace)
    _stored(found, f"datastores/{name}")
    token = azure.blobs.signed(found.account, found.container, "", "rwlac").partition("?")[2]
    return Answer.of({"secretsType": "Sas", "sasToken": token})


# ---- environments, models, codes


def put_version(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str, version: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    kind = _kind(kind)
    path = f"{kind}/{name}/versions/{version}"
    asked = request.json
    properties = asked.get("properties")
    if not isinstance(properties, dict):
        raise Refused(400, "UserError", "Missing required property 'properties'.")
    before = found.documents.get(path)
    if before is not None:
        _check_unchanged(kind, name, version, before["properties"], properties)
    if kind == "environments" and bool(properties.get("image")) == bool(properties.get("build")):
        raise Refused(400, "UserError", "Exactly one of Image and Build must be specified for an environment.")
    filled = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "isAnonymous": False,
        **properties,
    }
    filled |= _defaults(kind, properties)
    filled["properties"] = {k: str(v) for k, v in (filled["properties"] or {}).items()}
    filled["provisioningState"] = "Succeeded"
    found.documents[path] = {
        "properties": {k: v for k, v in filled.items() if v is not None},
        "systemData": before["systemData"] if before else _system_data(),
    }
    found.documents.setdefault(f"{kind}/{name}", {"properties": {}, "systemData": _system_data()})
    return Answer.of(_shown(found, path), 200 if before is not None else 201)


def get_version(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str, version: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    return Answer.of(_shown(found, _stored(found, f"{_kind(kind)}/{name}/versions/{version}")))


def versions(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    head = f"{_kind(kind)}/{name}/versions/"
    listed = [_shown(found, path) for path in reversed(found.documents) if path.startswith(head)]
    if "hash" in request.query:
        # clients name each code anew, and find one that is there already by its content
        every = [_shown(found, p) for p in found.documents if p.startswith(f"{_kind(kind)}/") and "/versions/" in p]
        listed = [d for d in every if d["properties"]["properties"].get("hash_sha256") == request.query["hash"]]
    top = request.query.get("$top")
    return Answer.of({"value": listed[: int(top)] if top else listed})


def put_container(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    path = f"{_kind(kind)}/{name}"
    before = found.documents.get(path)
    properties = request.json.get("properties") or {}
    found.documents[path] = {"properties": properties, "systemData": before["systemData"] if before else _system_data()}
    return get_container(azure, request, subscription, group, workspace, kind, name)


def get_container(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    path = _stored(found, f"{_kind(kind)}/{name}")
    shown = _shown(found, path)
    head = f"{path}/versions/"
    known = [p[len(head) :] for p in found.documents if p.startswith(head)]
    numbers = [int(v) for v in known if v.isdigit()]
    more = {"latestVersion": known[-1]} if known else {}
    shown["properties"] = {**shown["properties"], **more, "nextVersion": str(max(numbers, default=0) + 1)}
    return Answer.of(shown)


def pending_upload(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, name: str, version: str
) -> Answer:
    found = _found(azure, subscription, group, workspace)
    container = f"{found.name}-{uuid.uuid5(uuid.NAMESPACE_URL, found.id + name + version)}".lower()
    signed = azure.blobs.signed(found.account, container, "", "rwlac")
    return Answer.of(
        {
            "blobReferenceForConsumption": {
                "blobUri": signed.partition("?")[0],
                "storageAccountArmId": _account_id(found),
                "credential": {"credentialType": "SAS", "sasUri": signed},
            },
            "pendingUploadId": request.json.get("pendingUploadId") or str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
        }
    )


def _check_unchanged(kind: str, name: str, version: str, before: Document, now: Document) -> None:
    """A version cannot be given other content; description and tags can change."""
    fixed = {"environments": ("image", "condaFile", "build"), "models": ("modelUri",), "codes": ("codeUri",)}[kind]
    if any(key in now and before.get(key) != now[key] for key in fixed):
        noun = {"environments": "Environment", "models": "Model", "codes": "Code"}[kind]
        message = f"{noun} {name} with version {version} is already registered and cannot be changed."
        raise Refused(409, "UserError", message)


def _defaults(kind: str, properties: Document) -> Document:
    if kind == "models":
        return {"modelType": properties.get("modelType", "custom_model"), "flavors": properties.get("flavors") or {}}
    if kind == "environments":
        return {"environmentType": "UserCreated", "osType": properties.get("osType", "Linux")}
    return {}


def _kind(text: str) -> str:
    if text.lower() not in KINDS:
        raise Refused(404, "NotFound", f"The resource type '{text}' is not known.")
    return text.lower()


def _found(azure: Azure, subscription: str, group: str, workspace: str) -> Workspace:
    azure.check_group(subscription, group)
    return azure.workspace(workspace, group)


def _stored(found: Workspace, path: str) -> str:
    if path not in found.documents:
        kind, *rest = path.split("/")
        what = ":".join(r for r in rest if r != "versions")
        raise Refused(
            404, "UserError", f"Could not find {kind.removesuffix('s')} '{what}' in workspace '{found.name}'."
        )
    return path


def _shown(found: Workspace, path: str) -> Document:
    kinds = "/".join(p for i, p in enumerate(path.split("/")) if i % 2 == 0)
    head = {"id": f"{found.id}/{path}", "name": path.rsplit("/", 1)[-1], "type": f"{RP}/{kinds}"}
    return {**head, **found.documents[path]}


def _system_data() -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    who = {"createdBy": "stand-in", "createdByType": "Application"}
    return {
        "createdAt": now,
        **who,
        "lastModifiedAt": now,
        "lastModifiedBy": "stand-in",
        "lastModifiedByType": "Application",
    }


def _account_id(found: Workspace) -> str:
    group = f"/subscriptions/{found.subscription}/resourceGroups/{found.group}"
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{found.account}"


_WS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + RP + "/{workspace}"
ROUTES = (
    Route("GET", "/subscriptions/{subscription}/providers/" + RP, workspaces),
    Route("GET", "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + RP, workspaces),
    Route("GET", _WS, workspace),
    Route("GET", _WS + "/computes/{compute}", compute),
    Route("GET", _WS + "/datastores", datastores),
    Route("GET", _WS + "/datastores/{name}", datastore),
    Route("POST", _WS + "/datastores/{name}/listSecrets", secrets),
    Route("POST", _WS + "/codes/{name}/versions/{version}/startPendingUpload", pending_upload),
    Route("PUT", _WS + "/{kind}/{name}/versions/{version}", put_version),
    Route("GET", _WS + "/{kind}/{name}/versions/{version}", get_version),
    Route("GET", _WS + "/{kind}/{name}/versions", versions),
    Route("PUT", _WS + "/{kind}/{name}", put_container),
    Route("GET", _WS + "/{kind}/{name}", get_container),
)
