"""One suite for the stand-in's blob storage and for Azurite, by Microsoft's own client: they behave alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.clients.azure import blobs as azure_blobs
from bedplate.clients.azure.patience import Patience
from tests.azure.client import TASKS, Client, ended
from tests.azure.signed_in import KeptLog
from tests.azure.standin import StandIn
from tests.azure.standin.building import scripted


@pytest.fixture(params=["standin", pytest.param("azurite", marks=pytest.mark.judges)])
def storage(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """A stand-in whose uploads go to its own storage, or to Azurite."""
    blobs = request.getfixturevalue("azurite").blobs() if request.param == "azurite" else None
    with StandIn(blobs=blobs) as running:
        yield running


def blob(standin: StandIn, url: str) -> Any:
    from azure.storage.blob import BlobClient

    return BlobClient.from_blob_url(url, connection_verify=standin.ca, retry_total=0)


class Progress(KeptLog):
    def __init__(self) -> None:
        super().__init__()
        self.done: list[float] = []

    def progress(self, what: str, done: float, total: float | None) -> None:
        self.done.append(done)

    def ask(self, question: str) -> str:
        return ""


def test_a_context_is_uploaded_and_the_log_read_while_it_grows(storage: StandIn) -> None:
    client, registry = Client(storage), storage.add_registry("standinacr")
    storage.azure.builds = scripted(["one", "two"], pause=0.2)
    place = client.ask("POST", f"{registry.id}/listBuildSourceUploadUrl", version=TASKS).json()
    blob(storage, place["uploadUrl"]).upload_blob(b"tar" * 1000, overwrite=True)
    container, _, name = place["relativePath"].partition("/")
    assert storage.azure.blobs.read("acrtaskslogs", container, name) == b"tar" * 1000
    body = {
        "type": "DockerBuildRequest",
        "dockerFilePath": "Dockerfile",
        "platform": {"os": "Linux"},
        "sourceLocation": place["relativePath"],
    }
    run = client.ask("POST", f"{registry.id}/scheduleRun", body, TASKS).json()["properties"]["runId"]
    log = blob(storage, client.ask("POST", f"{registry.id}/runs/{run}/listLogSasUrl", version=TASKS).json()["logLink"])
    text = b""
    while True:
        seen = log.get_blob_properties()
        if seen.size > len(text):
            text += log.download_blob(offset=len(text), length=seen.size - len(text)).readall()
        if {k.lower() for k in seen.metadata} & {"complete"}:
            break
    assert text.startswith(b"one\r\ntwo\r\nRun ID: ca1 was successful")
    assert ended(client, registry, run)["status"] == "Succeeded"


def test_what_we_send_in_blocks_is_whole(storage: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", storage.ca)
    content = bytes(n % 251 for n in range(1 << 20)) * 17  # two blocks and a rest
    (tmp_path / "context.tar.gz").write_bytes(content)
    whole: list[Path | bytes | Iterator[bytes]] = [
        tmp_path / "context.tar.gz",
        content,
        iter([content[:5], content[5:]]),
    ]
    for number, one in enumerate(whole):
        url = storage.azure.blobs.signed("acrtaskslogs", "source", f"{number}/a b.tar.gz", "rcw")
        log = Progress()
        azure_blobs.upload(url, one, Patience(5, 20, 5), log, "context")
        assert storage.azure.blobs.read("acrtaskslogs", "source", f"{number}/a b.tar.gz") == content
        assert log.done == [8 << 20, 16 << 20, 17 << 20]
    azure_blobs.upload(url, b"small", Patience(5, 20, 5), None, "")
    assert storage.azure.blobs.read("acrtaskslogs", "source", "2/a b.tar.gz") == b"small", "it takes the place of all"


def test_a_block_that_breaks_off_is_sent_again_and_no_other(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", standin.ca)
    monkeypatch.setattr(azure_blobs, "ONE_PUT", 10)
    monkeypatch.setattr(azure_blobs, "BLOCK", 10)
    standin.faults.refuse("/source/a", 503, "ServerBusy", "Please retry.", times=1)
    azure_blobs.upload(
        standin.azure.blobs.signed("acrtaskslogs", "source", "a", "rcw"), b"x" * 25, Patience(5, 20, 5), None, ""
    )
    assert standin.azure.blobs.read("acrtaskslogs", "source", "a") == b"x" * 25
    assert [len(e.body) for e in standin.recorder if "blockid" in e.target] == [10, 10, 10, 5]


def test_a_log_is_read_by_its_pieces_from_where_it_was(storage: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", storage.ca)
    monkeypatch.setattr(azure_blobs, "LOG_PIECE", 10)
    blobs, read, come = storage.azure.blobs, Patience(5, 20, 5), b""
    blobs.begin_log("acrtaskslogs", "logs", "r/1.log")
    url = blobs.signed("acrtaskslogs", "logs", "r/1.log", "r")
    assert azure_blobs.read_log(url, 0, read) == azure_blobs.LogPart(b"", "")
    blobs.append("acrtaskslogs", "logs", "r/1.log", b"one two three four\r\n")
    blobs.describe("acrtaskslogs", "logs", "r/1.log", {"Complete": "successful"})
    while not (part := azure_blobs.read_log(url, len(come), read)).complete:
        come += part.content
    assert come + part.content == b"one two three four\r\n" and part.complete == "successful"
    missing = blobs.signed("acrtaskslogs", "logs", "r/none.log", "r")
    assert azure_blobs.read_log(missing, 0, read) == azure_blobs.LogPart(b"", ""), "the run waits for a machine"


def test_an_upload_whose_address_has_expired_is_told_apart(storage: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", storage.ca)
    storage.azure.blobs.lifetime = -60
    url = storage.azure.blobs.signed("acrtaskslogs", "source", "late", "rcw")
    with pytest.raises(azure_blobs.ExpiredError) as refused:
        azure_blobs.upload(url, b"x", Patience(5, 20, 5), None, "")
    assert "sig=" not in str(refused.value)


def test_a_folder_goes_up_in_blocks_by_the_place_that_code_is_given(storage: StandIn, tmp_path: Path) -> None:
    from azure.storage.blob import ContainerClient

    client, workspace = Client(storage), storage.add_workspace("demo")
    path = f"{workspace.id}/codes/iris/versions/1/startPendingUpload"
    place = client.ask("POST", path, {"pendingUploadType": "TemporaryBlobReference"}).json()
    url = place["blobReferenceForConsumption"]["credential"]["sasUri"]
    options: dict[str, Any] = {"max_single_put_size": 1024, "max_block_size": 1024}
    with ContainerClient.from_container_url(url, connection_verify=storage.ca, **options) as container:
        container.upload_blob("code/score.py", b"x" * 5000, overwrite=True, metadata={"name": "iris"})
        container.upload_blob("code/empty", b"", overwrite=True)
        assert sorted(b.name for b in container.list_blobs(name_starts_with="code/")) == ["code/empty", "code/score.py"]
        assert container.download_blob("code/score.py").readall() == b"x" * 5000
        assert container.get_blob_client("code/score.py").get_blob_properties().metadata == {"name": "iris"}
        assert not container.get_blob_client("code/other").exists()


def test_a_signature_for_reading_writes_nothing(storage: StandIn) -> None:
    from azure.core.exceptions import HttpResponseError

    storage.azure.blobs.begin_log("acrtaskslogs", "logs", "a")
    url = storage.azure.blobs.signed("acrtaskslogs", "logs", "a", "r")
    with pytest.raises(HttpResponseError) as refused:
        blob(storage, url).upload_blob(b"x", overwrite=True)
    assert refused.value.status_code == 403
    assert getattr(refused.value, "error_code", "") == "AuthorizationPermissionMismatch"


def test_a_signature_that_has_expired_is_refused(storage: StandIn) -> None:
    from azure.core.exceptions import HttpResponseError

    storage.azure.blobs.lifetime = -60
    url = storage.azure.blobs.signed("acrtaskslogs", "source", "a", "rcw")
    with pytest.raises(HttpResponseError) as refused:
        blob(storage, url).upload_blob(b"x", overwrite=True)
    assert refused.value.status_code == 403
    # Azure says the first, Azurite the second
    assert getattr(refused.value, "error_code", "") in ("AuthenticationFailed", "AuthorizationFailure")
