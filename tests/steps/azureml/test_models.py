"""Models: those that Azure ML holds, and the ways in which a datastore may be written to."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate.clients import azureml_storage
from bedplate.errors import StepError
from bedplate.secrets import Secret
from tests.azure.judges.azurite import Azurite
from tests.azure.standin import StandIn
from tests.steps.azureml.project import Project, held, of_kind, sent

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def credentials(azure: StandIn, kind: str) -> None:
    held(azure).documents["datastores/workspaceblobstore"]["properties"]["credentials"] = {"credentialsType": kind}


def weights(azure: StandIn) -> list[bytes | None]:
    blobs, workspace = azure.azure.blobs, held(azure)
    names = blobs.names(workspace.account, workspace.container, "LocalUpload/")
    return [blobs.read(workspace.account, workspace.container, name) for name in names]


@pytest.mark.parametrize("kind", ["Sas", "AccountKey", "None"])
def test_a_model_is_sent_whatever_the_datastore_has(project: Project, azure: StandIn, kind: str) -> None:
    credentials(azure, kind)
    deployed = project.deploy()
    assert weights(azure) == [b"weights"]
    assert len(of_kind(azure, "models/")) == 1
    said = "\n".join([*project.log.notes, *project.log.lines, repr(deployed)])
    assert "sig=" not in said
    assert azure.azure.blobs.key not in said


def test_a_signature_made_with_the_account_key_is_what_microsofts_own_client_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import base64
    import datetime

    from azure.storage.blob import generate_container_sas

    key, until = base64.b64encode(b"k" * 64).decode(), 1_800_000_000.0
    expiry = datetime.datetime.fromtimestamp(until, datetime.timezone.utc)
    made = generate_container_sas("account", "container", account_key=key, permission="rcw", expiry=expiry)
    theirs = dict(urllib.parse.parse_qsl(made))
    monkeypatch.setattr(azureml_storage, "BLOB", theirs["sv"])  # it signs for the version that it knows itself
    assert dict(urllib.parse.parse_qsl(azureml_storage.sign("account", "container", Secret(key), until))) == theirs


@pytest.fixture
def on_azurite(
    azurite: Azurite, echo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Project, StandIn]]:
    with StandIn(blobs=azurite.blobs()) as running:
        running.azure.serve = lambda *_: echo
        yield Project(tmp_path, running, monkeypatch), running


@pytest.mark.parametrize("kind", ["Sas", "AccountKey"])
def test_azurite_takes_it_too(on_azurite: tuple[Project, StandIn], kind: str) -> None:
    project, azure = on_azurite
    workspace = held(azure)
    azure.azure.blobs.signed(workspace.account, workspace.container)  # makes the container
    credentials(azure, kind)
    project.write("model/a.bin", f"weights {kind}")
    project.deploy()
    assert f"weights {kind}".encode() in weights(azure)


def test_a_registered_model_that_is_not_there_is_told_with_the_version_that_is(
    project: Project, azure: StandIn
) -> None:
    project.edit('{path: model, version: "7"}', '{registered: "theirs:3"}')
    with pytest.raises(StepError, match="the workspace has no model theirs:3") as refused:
        project.deploy()
    assert "az ml model list" in refused.value.hint
    documents = held(azure).documents
    documents["models/theirs"] = {"properties": {}}
    documents["models/theirs/versions/2"] = {"properties": {"modelUri": "azureml://x"}}
    with pytest.raises(StepError) as refused:
        project.deploy()
    assert refused.value.hint == "its latest version is 2"
    assert sent(azure, "PUT", "/onlineEndpoints/") == 0


def test_a_model_is_named_by_its_content(project: Project, azure: StandIn) -> None:
    project.deploy()
    project.write("model/a.bin", "other weights")
    project.deploy()
    project.write("model/a.bin", "weights")
    project.deploy()
    assert len(of_kind(azure, "models/")) == 2
    assert sent(azure, "PUT", "/models/") == 2
