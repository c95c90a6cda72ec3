"""azureml_assets: code and models in Azure ML's storage, each content sent once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bedplate.azureml import bodies as azureml_bodies
from bedplate.azureml import ignored
from bedplate.azureml.documents import ModelVersion
from bedplate.clients import azureml_storage
from bedplate.clients.azure import blobs
from bedplate.clients.azure.versions import ML
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.secrets import Secret
from bedplate.step import FileSet

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.log import Log

TRIES = 3  # of one file whose address has expired


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
    """What stands at `path` of the project now, but for what Python leaves behind and what `az ml` leaves out."""
    place = root / path
    if place.is_file():
        return _hashed(place.name, {place.name: place})
    left_out = ignored.in_folder(place)
    inside = (one for one in sorted(place.rglob("*")) if one.is_file() and "__pycache__" not in one.parts)
    named = ((one.relative_to(place).as_posix(), one) for one in inside)
    return _hashed(place.name, {f"{place.name}/{path}": one for path, one in named if not left_out(path)})


def _hashed(name: str, files: Mapping[str, Path]) -> Upload:
    total = hashlib.sha256()
    for place in sorted(files):
        total.update(f"{place}\0{hashlib.sha256(files[place].read_bytes()).hexdigest()}\n".encode())
    return Upload(name, files, total.hexdigest())


def put_version(azure: Azure, place: str, body: Mapping[str, Any], log: Log, what: str) -> bool:
    """Whether it had to be written: a version that is there holds just this, and is left as it is, but not archived."""
    found = azure.get(place, ML)
    if found is not None and not (found.get("properties") or {}).get("isArchived"):
        log.note(f"{what} is there: nothing is sent")
        return False
    azure.wait(azure.put(place, body, ML), what, log)
    log.note(f"{what} {'written' if found is None else 'was archived: restored'}")
    return True


def code_place(azure: Azure, sent: Upload) -> str:
    """ARM id of the version that holds this code, whether or not it is there."""
    return f"{azure.workspace_id}/codes/{sent.sha256[:32]}/versions/1"


def model_place(azure: Azure, name: str, sent: Upload, version: str | None = None) -> str:
    """ARM id of the version that holds this model: its content names it, where nothing else does."""
    return f"{azure.workspace_id}/models/{name}/versions/{version or sent.sha256[:16]}"


def code(azure: Azure, sent: Upload, log: Log) -> str:
    """ARM id of the code's version, which is sent if it is not there."""
    place = code_place(azure, sent)
    if azure.get(place, ML) is not None:
        log.note(f"code {sent.name} is in the workspace: nothing is sent")
        return place

    def pending() -> _To:
        body = {"pendingUploadType": "TemporaryBlobReference"}
        told = azure.post(f"{place}/startPendingUpload", body, ML).document
        reference = told.get("blobReferenceForConsumption") or {}
        signed = str((reference.get("credential") or {}).get("sasUri") or "")
        if not signed:
            raise StepError("the workspace names no place for code to be sent to", "is its storage account reachable?")
        above, _, signature = signed.partition("?")
        return _To(above, Secret(signature), None)

    container = _send(azure, pending, sent, log, "code")
    azure.put(place, azureml_bodies.code(f"{container}/{sent.name}", sent.sha256), ML)
    return place


def model(azure: Azure, name: str, sent: Upload, log: Log, told: ModelVersion) -> str:
    """ARM id of the model's version, which is sent if it is not there.

    Where `told` has a version: that one. StepError: it was sent from here, and is another model."""
    place = model_place(azure, name, sent, told.version)
    found = azure.get(place, ML)
    if found is not None:
        _check_content(found, name, sent, told, log)
        return place
    above = f"LocalUpload/{sent.sha256}"
    send(azure, above, sent, log, f"model {name}")
    datastore = azureml_storage.datastore(azure)
    azure.put(place, azureml_bodies.model(datastore, f"{above}/{sent.name}", told, sent.sha256), ML)
    return place


def _check_content(found: Mapping[str, Any], name: str, sent: Upload, told: ModelVersion, log: Log) -> None:
    """A version that is there cannot be changed."""
    held = ((found.get("properties") or {}).get("properties") or {}).get(azureml_bodies.CONTENT)
    which = f"model {name}:{told.version}" if told.version else f"model {name}"
    if told.version is None or held == sent.sha256:
        log.note(f"{which} is in the workspace: nothing is sent")
    elif held is None:
        log.note(f"{which} was registered by another: it is taken as it stands, and nothing is sent")
    else:
        hint = "raise its `version`, or leave that out: its content then names it"
        raise StepError(f"{which} is in the workspace, and what lies at {told.path} is another", hint)


def send(azure: Azure, above: str, sent: Upload, log: Log, what: str) -> None:
    """Into the workspace's own datastore, below the folder `above`."""

    def container() -> _To:
        to = azureml_storage.container(azure)
        return _To(f"{to.url}/{above}", to.signature, to.token)

    _send(azure, container, sent, log, what)


def registered(azure: Azure, named: str) -> str:
    """ARM id of a model that Azure ML holds: `NAME:VERSION`, `azureml:` before it or not. StepError: it is not there.

    Other workspaces' and registries' models (`azureml://...`, ARM ids) are handed on as they stand."""
    text = named.removeprefix("azureml:")
    if text.startswith("/"):
        return text if text.startswith("/subscriptions/") else named
    name, _, version = text.rpartition(":")
    place = f"{azure.workspace_id}/models/{name}/versions/{version}"
    if azure.get(place, ML) is None:
        above = azure.get(f"{azure.workspace_id}/models/{name}", ML)
        latest = ((above or {}).get("properties") or {}).get("latestVersion")
        hint = f"its latest version is {latest}" if latest else "`az ml model list` shows what there is"
        raise StepError(f"the workspace has no model {name}:{version}", hint)
    return place


@dataclass(frozen=True)
class _To:
    """`above`: the URL that files are sent below; `signature`: its query; `token`: where there is none."""

    above: str
    signature: Secret | None
    token: Secret | None


def _send(azure: Azure, where: Callable[[], _To], sent: Upload, log: Log, what: str) -> str:
    """The URL that the files stand below. `where` is asked again when its signature has expired."""
    from urllib.parse import quote

    many = len(sent.files)
    log.note(f"sending {what}: {many} file{'s' * (many != 1)}, {sent.size} bytes")
    to, left, tries = where(), sorted(sent.files), TRIES
    while left:
        query = to.signature.reveal() if to.signature else ""
        try:
            url = f"{to.above}/{quote(left[0])}?{query}"
            azure.upload_blob(url, sent.files[left[0]], log, f"{what} {left[0]}", to.token)
        except blobs.ExpiredError:
            tries -= 1
            if not tries:
                raise
            log.note("the address to upload to had expired: asked for another")
            before, to = to, where()
            if to.above != before.above:  # all must stand in one place
                left = sorted(sent.files)
            continue
        left, tries = left[1:], TRIES
    return to.above
