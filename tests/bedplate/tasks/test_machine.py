"""What is said of a machine that lacks something."""

from __future__ import annotations

import http.server
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import htpasswd, real_registry

from bedplate import specfile
from bedplate.clients import docker_ports
from bedplate.clients.credentials import read_secret
from bedplate.errors import StepError
from bedplate.model import EnvSecret
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from bedplate.state import State
from bedplate.tasks import machine

TEXT = """
version: 1
project: machinetest
images: {{base: {{context: ., secrets: {{conf: {{env: BEDPLATE_TEST_CONF}}}}}}}}
environments: {{main: {{image: base}}}}
services: {{main: {{environment: main}}}}
targets:
  local:
    registry: {registry}
    deploy: {{kind: container, port: {port}}}
"""


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which something answers that is no registry."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield int(server.server_port)
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("BEDPLATE_TEST_CONF", "x")


def find(folder: Path, registry: str = "", port: int = 0, *, offline: bool = False) -> dict[str, str]:
    registry = registry or f"{{kind: local, port: {free_port()}}}"
    text = TEXT.format(registry=registry, port=port or free_port())
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    read = specfile.load(folder / "pipeline.yaml", None)
    reads = Reads(folder, StatCache(folder / "cache"), lambda reference, platform: "")
    clients = machine.clients(folder, read, reads, machine.Heard())
    return {f.code: str(f) for f in machine.find(read, folder, (), State(folder / "none"), clients, offline=offline)}


def test_an_engine_that_does_not_answer_is_told(tmp_path: Path) -> None:
    found = find(tmp_path)
    assert list(found) == ["EngineUnreachable"]
    assert "none.sock" in found["EngineUnreachable"]


def test_a_secret_that_is_not_set_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEDPLATE_TEST_CONF")
    found = find(tmp_path)
    place = found["SecretMissing"].partition(": ")[0]
    assert place == "pipeline.yaml:4:51"
    with pytest.raises(StepError) as told:  # by a run
        read_secret(EnvSecret("BEDPLATE_TEST_CONF"), tmp_path, "secret conf")
    assert f"{place}: named here" in told.value.detail
    assert "images.base.secrets.conf" in found["SecretMissing"] and "BEDPLATE_TEST_CONF" in found["SecretMissing"]


def test_a_secret_that_keeps_the_registry_from_being_asked_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_PASSWORD", raising=False)
    with real_registry(tmp_path, **htpasswd(tmp_path)) as address:
        account = "username: ada, password: {env: NO_SUCH_PASSWORD}"
        found = find(tmp_path, f"{{kind: generic, address: '{address}', insecure: true, {account}}}")
    assert set(found) == {"EngineUnreachable", "SecretMissing"}
    assert "password: {env: NO_SUCH_PASSWORD}" in found["SecretMissing"], "where it comes from is no secret"


def test_a_program_on_the_registrys_port_is_told(tmp_path: Path, taken: int) -> None:
    found = find(tmp_path, f"{{kind: local, port: {taken}}}")
    assert found["PortTaken"].startswith(f"pipeline.yaml:9:35: port {taken} of the registry is held by")


def test_a_registry_that_does_not_answer_is_told_but_not_asked_offline(tmp_path: Path) -> None:
    registry = f"{{kind: generic, address: '127.0.0.1:{free_port()}', insecure: true}}"
    assert find(tmp_path, registry)["RegistryRefused"].startswith("pipeline.yaml:9:40: ")
    assert "RegistryRefused" not in find(tmp_path, registry, offline=True)


def test_a_remote_engine_is_not_asked_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
    assert "EngineUnreachable" in find(tmp_path)
    assert find(tmp_path, offline=True) == {}


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 500_000_000

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage)
    assert "0.5 GB are free" in find(tmp_path)["DiskSpace"]


def test_a_service_may_hold_its_own_port(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's answers are made up: who holds the port is all that differs."""

    class Engine:
        address = "unix:///none"
        labels: dict[str, str] = {}
        api: Any = None

        def version(self) -> dict[str, str]:
            return {}

        def container(self, name: str) -> dict[str, Any]:
            return {"Config": {"Labels": self.labels}}

    class OneEngine:
        engine = Engine()

    monkeypatch.setattr(docker_ports, "container_at", lambda engine, port: "some")
    text = TEXT.format(registry="{kind: local}", port=taken)
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    read = specfile.load(tmp_path / "pipeline.yaml", None)
    clients: Any = OneEngine()
    assert [f.code for f in machine._ports(read, tmp_path, clients)] == ["PortTaken"]
    Engine.labels = {"dev.bedplate.project": "machinetest"}
    assert list(machine._ports(read, tmp_path, clients)) == []
