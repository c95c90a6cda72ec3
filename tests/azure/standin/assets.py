"""What is registered in a workspace: datastores, environments, models, code."""

from __future__ import annotations

import uuid

from .exchange import Answer, Refused, Request, Route
from .state import Azure, Document, Workspace
from .workspaces import WS, account_id, find, shown_at, system_data

KINDS = ("environments", "models", "codes", "data")


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
        "systemData": system_data(),
    }


def datastore(azure: Azure, request: Request, subscription: str, group: str, workspace: str, name: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    return Answer.of(shown_at(found, stored(found, f"datastores/{name}")))


def datastores(azure: Azure, request: Request, subscription: str, group: str, workspace: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    return Answer.of({"value": [shown_at(found, p) for p in list(found.documents) if p.startswith("datastores/")]})


def secrets(azure: Azure, request: Request, subscription: str, group: str, workspace: str, name: str) -> Answer:
    found = find(azure, subscription, group, workspace)
    held = found.documents[stored(found, f"datastores/{name}")]["properties"]["credentials"]["credentialsType"]
    if held == "AccountKey":
        return Answer.of({"secretsType": "AccountKey", "key": azure.blobs.key})
    if held == "None":
        raise Refused(400, "UserError", f"The datastore '{name}' has no credentials.")
    token = azure.blobs.signed(found.account, found.container, "", "rwlac").partition("?")[2]
    return Answer.of({"secretsType": "Sas", "sasToken": token})


def put_version(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str, version: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
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
    if kind != "data":
        filled["provisioningState"] = "Succeeded"
    found.documents[path] = {
        "properties": {k: v for k, v in filled.items() if v is not None},
        "systemData": before["systemData"] if before else system_data(),
    }
    found.documents.setdefault(f"{kind}/{name}", {"properties": {}, "systemData": system_data()})
    return Answer.of(shown_at(found, path), 200 if before is not None else 201)


def get_version(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str, version: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    return Answer.of(shown_at(found, stored(found, f"{_kind(kind)}/{name}/versions/{version}")))


def versions(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    head = f"{_kind(kind)}/{name}/versions/"
    listed = [shown_at(found, path) for path in reversed(list(found.documents)) if path.startswith(head)]
    if "hash" in request.query:
        # clients name each code anew, and find one that is there already by its content
        every = [
            shown_at(found, p) for p in list(found.documents) if p.startswith(f"{_kind(kind)}/") and "/versions/" in p
        ]
        listed = [d for d in every if d["properties"]["properties"].get("hash_sha256") == request.query["hash"]]
    top = request.query.get("$top")
    return Answer.of({"value": listed[: int(top)] if top else listed})


def put_container(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    path = f"{_kind(kind)}/{name}"
    before = found.documents.get(path)
    properties = request.json.get("properties") or {}
    found.documents[path] = {"properties": properties, "systemData": before["systemData"] if before else system_data()}
    return get_container(azure, request, subscription, group, workspace, kind, name)


def get_container(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, kind: str, name: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    path = stored(found, f"{_kind(kind)}/{name}")
    shown = shown_at(found, path)
    head = f"{path}/versions/"
    known = [p[len(head) :] for p in list(found.documents) if p.startswith(head)]
    numbers = [int(v) for v in known if v.isdigit()]
    more = {"latestVersion": known[-1]} if known else {}
    shown["properties"] = {**shown["properties"], **more, "nextVersion": str(max(numbers, default=0) + 1)}
    return Answer.of(shown)


def pending_upload(
    azure: Azure, request: Request, subscription: str, group: str, workspace: str, name: str, version: str
) -> Answer:
    found = find(azure, subscription, group, workspace)
    container = f"{found.name}-{uuid.uuid5(uuid.NAMESPACE_URL, found.id + name + version)}".lower()
    signed = azure.blobs.signed(found.account, container, "", "rwlac")
    return Answer.of(
        {
            "blobReferenceForConsumption": {
                "blobUri": signed.partition("?")[0],
                "storageAccountArmId": account_id(found),
                "credential": {"credentialType": "SAS", "sasUri": signed},
            },
            "pendingUploadId": request.json.get("pendingUploadId") or str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
        }
    )


def _check_unchanged(kind: str, name: str, version: str, before: Document, now: Document) -> None:
    """A version cannot be given other content; description and tags can change."""
    fixed = {
        "environments": ("image", "condaFile", "build"),
        "models": ("modelUri",),
        "codes": ("codeUri",),
        "data": ("dataUri",),
    }[kind]
    if any(key in now and before.get(key) != now[key] for key in fixed):
        noun = {"environments": "Environment", "models": "Model", "codes": "Code", "data": "Data"}[kind]
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


def stored(found: Workspace, path: str) -> str:
    if path not in found.documents:
        kind, *rest = path.split("/")
        what = ":".join(r for r in rest if r != "versions")
        raise Refused(
            404, "UserError", f"Could not find {kind.removesuffix('s')} '{what}' in workspace '{found.name}'."
        )
    return path


ROUTES = (
    Route("GET", WS + "/datastores", datastores),
    Route("GET", WS + "/datastores/{name}", datastore),
    Route("POST", WS + "/datastores/{name}/listSecrets", secrets),
    Route("POST", WS + "/codes/{name}/versions/{version}/startPendingUpload", pending_upload),
    Route("PUT", WS + "/{kind}/{name}/versions/{version}", put_version),
    Route("GET", WS + "/{kind}/{name}/versions/{version}", get_version),
    Route("GET", WS + "/{kind}/{name}/versions", versions),
    Route("PUT", WS + "/{kind}/{name}", put_container),
    Route("GET", WS + "/{kind}/{name}", get_container),
)
