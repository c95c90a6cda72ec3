"""Where the engine is looked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from bedplate.clients import docker_host
from bedplate.clients.docker_engine import Engine
from bedplate.errors import StepError

CONTEXT = hashlib.sha256(b"far").hexdigest()


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(docker_host, "SOCKET", tmp_path / "docker.sock")


def context(folder: Path, host: str) -> None:
    meta = folder / "contexts" / "meta" / CONTEXT
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": "far", "Endpoints": {"docker": {"Host": host}}}))


def test_the_usual_socket_where_nothing_is_said(tmp_path: Path) -> None:
    assert docker_host.address() == f"unix://{tmp_path}/docker.sock"


def test_the_environment_wins_over_a_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context(tmp_path, "tcp://far:2376")
    (tmp_path / "config.json").write_text('{"currentContext": "far"}')
    assert docker_host.address() == "tcp://far:2376"
    monkeypatch.setenv("DOCKER_HOST", "tcp://near:2375")
    assert docker_host.address() == "tcp://near:2375"


def test_a_context_may_be_named_in_the_environment_and_has_its_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context(tmp_path, "tcp://far:2376")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert docker_host.address() == "tcp://far:2376" and docker_host.certificates() is None
    (tmp_path / "contexts" / "tls" / CONTEXT / "docker").mkdir(parents=True)
    assert docker_host.certificates() == tmp_path / "contexts" / "tls" / CONTEXT / "docker"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"currentContext": "gone"}', '{"currentContext": "default"}'])
def test_a_config_that_says_nothing_of_use_is_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    assert docker_host.address() == f"unix://{tmp_path}/docker.sock"


def test_a_rootless_engine_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run" / "docker.sock").touch()
    assert docker_host.address() == f"unix://{tmp_path}/run/docker.sock"


@pytest.mark.parametrize("address", ["unix:///none/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_is_not_there_is_said_with_what_to_do(address: str) -> None:
    with pytest.raises(StepError, match="no container engine answers at") as failed:
        Engine(address).image("x")
    assert "DOCKER_HOST" in failed.value.hint
