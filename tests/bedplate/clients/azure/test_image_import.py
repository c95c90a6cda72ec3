"""A registry of Azure's that fetches an image itself: from where, as whom, and what is said when it cannot."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from registries import put_image, real_registry

from bedplate.builders import upstream
from bedplate.clients.azure import image_import, operations, server_sign_in
from bedplate.clients.azure import registry as azure_registry
from bedplate.clients.azure.client import Azure
from bedplate.clients.azure.patience import Patience
from bedplate.clients.credentials import anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.model import AcrRegistry, AcrTasksBuilder, LocalBuilder, Registry
from bedplate.refs import ImageRef
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.signed_in import KeptLog, sign_in
from tests.azure.standin import StandIn, docker_registry

programs = pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed")
HOST = "registry.example.org"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    with real_registry(tmp_path) as address:
        yield address


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(operations, "PAUSE_S", 0.05)

    def azure(standin: StandIn) -> Azure:
        sign_in(standin, monkeypatch, tmp_path / "az")
        return Azure(None, Patience(5, 20, 6))

    return azure


def registry_of(azure: Azure, name: str) -> OciRegistry:
    found = azure_registry.by_name(azure, name)
    registry = Registry("acr", found.login_server, insecure=False)
    entry = AcrRegistry(found.login_server, "token", None, None)
    return OciRegistry(registry, server_sign_in.credentials(azure, entry, registry, anonymous))


@programs
@pytest.mark.judges
def test_it_comes_from_another_registry_and_from_one_of_ours_by_its_digest(
    judged_azure: StandIn, azure: Any, elsewhere: str
) -> None:
    for name in ("first", "second"):
        judged_azure.add_registry(name, program=True)
    judged_azure.azure.hosts[HOST] = elsewhere
    digest, log, asking = put_image(elsewhere, "team/hello", "1", {}), KeptLog(), azure(judged_azure)
    first, second = (azure_registry.by_name(asking, name) for name in ("first", "second"))
    for _ in range(2):  # safe to do again
        image_import.copy(asking, ImageRef.parse(f"{HOST}/team/hello@{digest}"), None, None, first, "p/a:fp-1", log)
    assert registry_of(asking, "first").digest("p/a", "fp-1") == digest
    image_import.copy(asking, ImageRef.parse(f"{first.login_server}/p/a@{digest}"), first, None, second, "p/b:2", log)
    assert registry_of(asking, "second").digest("p/b", "2") == digest
    *_, last = judged_azure.recorder.matching("POST", "importImage")
    assert json.loads(last.body)["source"] == {"sourceImage": f"p/a@{digest}", "resourceId": first.id}


def clients(standin: StandIn, azure: Azure, builder: Any, reference: str, root: Path = Path()) -> Any:
    entry = standin.azure.registry("first")
    spec = SimpleNamespace(target=SimpleNamespace(builder=builder, registry=AcrRegistry("first", "token", None, None)))
    return SimpleNamespace(
        root=root,
        azure=azure,
        log=KeptLog(),
        spec=spec,
        again=False,
        pinned=lambda _, platform: reference,
        registry=lambda registry: (
            registry_of(azure, "first") if registry.address == entry.login_server else OciRegistry(registry, anonymous)
        ),
    )


@programs
def test_what_azure_cannot_reach_is_left_to_the_engine_with_a_word(standin: StandIn, azure: Any) -> None:
    there = Registry("acr", standin.add_registry("first").login_server, insecure=False)
    reference = "127.0.0.1:5000/a@sha256:" + "0" * 64
    given = clients(standin, azure(standin), LocalBuilder(1), reference)
    assert upstream.imported("127.0.0.1:5000/a:1", "linux/amd64", "p/a", "fp-1", there, given) is None
    assert "Azure cannot reach 127.0.0.1:5000" in given.log.notes[0]
    assert not standin.recorder.matching("POST", "importImage")


@programs
def test_an_import_that_azure_refuses_is_the_engines_work_where_there_is_one(standin: StandIn, azure: Any) -> None:
    there = Registry("acr", standin.add_registry("first").login_server, insecure=False)
    reference, asking = f"{HOST}/a@sha256:" + "0" * 64, azure(standin)
    action = "Microsoft.ContainerRegistry/registries/importImage/action"
    standin.faults.forbidden("importImage", action, "/subscriptions/s/r", times=2)
    given = clients(standin, asking, LocalBuilder(1), reference)
    assert upstream.imported(f"{HOST}/a:1", "linux/amd64", "p/a", "fp-1", there, given) is None
    assert "through this machine's engine instead" in given.log.notes[-1]
    given = clients(standin, asking, AcrTasksBuilder(1, 600, None), reference)
    with pytest.raises(StepError, match="403 AuthorizationFailed") as refused:
        upstream.imported(f"{HOST}/a:1", "linux/amd64", "p/a", "fp-1", there, given)
    assert "Container Registry Data Importer" in refused.value.hint


@programs
def test_an_image_that_is_not_there_is_told_in_azures_words(standin: StandIn, azure: Any, elsewhere: str) -> None:
    standin.add_registry("first", program=True)
    standin.azure.hosts[HOST] = elsewhere
    asking = azure(standin)
    into, source = azure_registry.by_name(asking, "first"), ImageRef.parse(f"{HOST}/a@sha256:{'0' * 64}")
    with pytest.raises(StepError, match="failed to fetch"):
        image_import.copy(asking, source, None, None, into, "p/a:1", KeptLog())


@programs
@pytest.mark.judges
def test_an_import_that_goes_on_since_an_earlier_run_is_waited_for(
    judged_azure: StandIn, azure: Any, elsewhere: str
) -> None:
    judged_azure.add_registry("first", program=True)
    judged_azure.azure.hosts[HOST] = elsewhere
    asking, log, places = azure(judged_azure), KeptLog(), []
    source = ImageRef.parse(f"{HOST}/team/hello@{put_image(elsewhere, 'team/hello', '1', {})}")
    into = azure_registry.by_name(asking, "first")

    class KilledError(Exception):
        pass

    def killed(where: str) -> None:
        places.append(where)
        raise KilledError

    judged_azure.operations.hold("importImage")
    with pytest.raises(KilledError):
        image_import.copy(asking, source, None, None, into, "p/a:fp-1", log, killed)
    assert registry_of(asking, "first").digest("p/a", "fp-1") is None
    threading.Timer(0.5, judged_azure.operations.let_go).start()
    assert image_import.outlived(asking, places[0], source, into, "p/a:fp-1", log)
    assert registry_of(asking, "first").digest("p/a", "fp-1") == str(source.digest)
    assert log.notes == [f"first imports {source} since an earlier doit"]
    assert image_import.outlived(asking, places[0], source, into, "p/a:fp-1", log)  # it had ended before
    assert len(judged_azure.recorder.matching("POST", "importImage")) == 1


@programs
def test_an_import_that_ended_badly_is_begun_anew(standin: StandIn, azure: Any, elsewhere: str) -> None:
    standin.add_registry("first", program=True)
    standin.azure.hosts[HOST] = elsewhere
    asking, places = azure(standin), []
    into, source = azure_registry.by_name(asking, "first"), ImageRef.parse(f"{HOST}/a@sha256:{'0' * 64}")
    with pytest.raises(StepError):
        image_import.copy(asking, source, None, None, into, "p/a:1", KeptLog(), places.append)
    for where in (places[0], "", places[0].replace("operationStatuses/", "operationStatuses/no")):
        assert not image_import.outlived(asking, where, source, into, "p/a:1", KeptLog())


@pytest.mark.parametrize(
    ("host", "yes"),
    [
        ("mcr.microsoft.com", True),
        ("docker.io", True),
        ("registry.example.org:5000", True),
        ("20.1.2.3", True),
        ("127.0.0.1:5000", False),
        ("[::1]:5000", False),
        ("localhost", False),
        ("10.1.2.3:5000", False),
        ("registry", False),
        ("registry:5000", False),
        ("harbor.local", False),
        ("a.localhost:5000", False),
    ],
)
def test_hosts_of_this_machine_or_of_a_private_network_are_out_of_azures_reach(host: str, yes: bool) -> None:
    assert image_import.reachable(host) == yes
