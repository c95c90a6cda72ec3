"""azureml_assets: code and models in Azure ML's storage, each content sent once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bedplate.azureml import bodies as azureml_bodies
from bedplate.clients.azure_versions import ML
from bedplate.errors import StepError
from bedplate.step import FileSet

if TYPE_CHECKING:
    from bedplate.clients.azure import Azure
    from bedplate.step import Log

DATASTORE = "workspaceblobstore"  # the one that each workspace has


@dataclass(frozen=True)
class Upload:
    """Files under one name. `name`: of the folder, or of the one file, that Azure ML mounts; `files`: by path there."""

    name: str
    files: Mapping[str, Path]
    sha256: str

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())


def upload(path: str, found: FileSet, root: Path) -> Upload:
    """What stands at `path` of the project, read as `found`. Links are followed: storage has none."""
    name = PurePosixPath(path).name or "code"
    below = root / found.root
    whole = PurePosixPath(found.root) == PurePosixPath(path)
    paths = (file.path for file in found.files if (below / file.path).is_file())
    return _hashed(name, {f"{name}/{one}" if whole else one: below / one for one in paths})


def at(path: str, root: Path) -> Upload:
    """What stands at `path` of the project now, but for what Python leaves behind."""
    place = root / path
    if place.is_file():
        return _hashed(place.name, {place.name: place})
    inside = (one for one in sorted(place.rglob("*")) if one.is_file() and "__pycache__" not in one.parts)
    return _hashed(place.name, {f"{place.name}/{one.relative_to(place).as_posix()}": one for one in inside})


def _hashed(name: str, files: Mapping[str, Path]) -> Upload:
    total = hashlib.sha256()
    for place in sorted(files):
        total.update(f"{place}\0{hashlib.sha256(files[place].read_bytes()).hexdigest()}\n".encode())
    return Upload(name, files, total.hexdigest())


def put_version(azure: Azure, place: str, body: Mapping[str, Any], log: Log, what: str) -> bool:
    """Whether it had to be written: a version that is there holds just this, and is left as it is."""
    if azure.get(place, ML) is not None:
        log.note(f"{what} is there: nothing is sent")
        return False
    azure.wait(azure.put(place, body, ML), what, log)
    log.note(f"{what} written")
    return True


def code(azure: Azure, sent: Upload, log: Log) -> str:
    """ARM id of the code's version."""
    place = f"{azure.workspace_id}/codes/{sent.sha256[:32]}/versions/1"
    if azure.get(place, ML) is not None:
        log.note(f"code {sent.name} is in the workspace: nothing is sent")
        return place
    told = azure.post(f"{place}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}, ML).document
    reference = told.get("blobReferenceForConsumption") or {}
    signed = str((reference.get("credential") or {}).get("sasUri") or "")
    if not signed:
        raise StepError("the workspace names no place for code to be sent to", "is its storage account reachable?")
    container, _, signature = signed.partition("?")
    _send(azure, container, signature, sent, log, "code")
    azure.put(place, azureml_bodies.code(f"{container}/{sent.name}", sent.sha256), ML)
    return place


def model(azure: Azure, name: str, sent: Upload, log: Log, kind: str | None, tags: Mapping[str, str]) -> str:
    """ARM id of the model's version, which is named by its content."""
    place = f"{azure.workspace_id}/models/{name}/versions/{sent.sha256[:16]}"
    if azure.get(place, ML) is not None:
        log.note(f"model {name} is in the workspace: nothing is sent")
        return place
    datastore = f"{azure.workspace_id}/datastores/{DATASTORE}"
    found = azure.get(datastore, ML)
    if found is None:
        raise StepError(f"the workspace has no datastore {DATASTORE}", "register the model and write `registered:`")
    token = str(azure.post(f"{datastore}/listSecrets", None, ML).document.get("sasToken") or "").lstrip("?")
    if not token:
        hint = "register the model yourself and write `registered: NAME:VERSION`"
        raise StepError(f"datastore {DATASTORE} gives no signed address to send the model to", hint)
    said = found["properties"]
    protocol, suffix = said.get("protocol") or "https", said.get("endpoint") or "core.windows.net"
    container = f"{protocol}://{said['accountName']}.blob.{suffix}/{said['containerName']}"
    above = f"LocalUpload/{sent.sha256}"
    _send(azure, f"{container}/{above}", token, sent, log, f"model {name}")
    azure.put(place, azureml_bodies.model(datastore, f"{above}/{sent.name}", kind, tags), ML)
    return place


def _send(azure: Azure, above: str, signature: str, sent: Upload, log: Log, what: str) -> None:
    from urllib.parse import quote

    log.note(f"sending {what}: {len(sent.files)} files, {sent.size} bytes")
    for place in sorted(sent.files):
        azure.upload_blob(f"{above}/{quote(place)}?{signature}", sent.files[place], log, f"{what} {place}")
