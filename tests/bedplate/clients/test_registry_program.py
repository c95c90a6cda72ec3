from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from registries import Handler, fake_registry, put_image, serving

from bedplate.clients import registry_files, registry_program
from bedplate.clients.credentials import anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.clients.registry_files import RegistryFiles, config_file, folder, running, storage
from bedplate.errors import StepError
from bedplate.model import Registry


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A spare one; a registry that the test starts there is stopped."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        number = int(s.getsockname()[1])
    yield number
    registry_program.stop(number)


@pytest.mark.engine
def test_a_registry_is_started_where_nothing_answers(port: int, tmp_path: Path) -> None:
    assert registry_program.answers(port) is None
    assert registry_program.start(port) is True
    assert registry_program.answers(port) is True
    assert running(port)
    assert folder(port) == tmp_path / "data" / "bedplate" / "registry" / str(port)
    assert registry_program.start(port) is False, "it runs already"


@pytest.mark.engine
def test_images_outlive_a_stop_and_a_start(port: int) -> None:
    registry_program.start(port)
    digest = put_image(f"127.0.0.1:{port}", "iris/base", "v1", {})
    assert "stopped the registry" in str(registry_program.stop(port))
    assert registry_program.answers(port) is None
    assert running(port) is None
    assert registry_program.start(port) is True
    assert OciRegistry(Registry("local", f"127.0.0.1:{port}", True), anonymous).digest("iris/base", "v1") == digest


@pytest.mark.engine
def test_the_registry_outlives_the_process_that_started_it(port: int) -> None:
    code = f"from bedplate.clients import registry_program as r; r.start({port})"
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as process:
        assert process.wait(20) == 0
    pid = running(port)
    assert pid and registry_program.answers(port)
    assert os.getsid(pid) == pid, "Ctrl-C in the terminal does not reach it"


@pytest.mark.engine
def test_killed_while_it_starts_a_registry_we_still_know_it(port: int) -> None:
    code = (
        "import os, signal\n"
        "from bedplate.clients import registry_program as r\n"
        "r._ready = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"r.start({port})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    until = time.monotonic() + 5
    while not registry_program.answers(port) and time.monotonic() < until:
        time.sleep(0.01)
    assert running(port)
    assert "stopped" in str(registry_program.stop(port))


@pytest.mark.engine
def test_a_registry_that_was_killed_is_started_again_with_its_images(port: int) -> None:
    registry_program.start(port)
    digest = put_image(f"127.0.0.1:{port}", "iris/base", "v1", {})
    pid = running(port)
    assert pid
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while running(port) and time.monotonic() < until:
        time.sleep(0.01)
    assert registry_program.start(port) is True
    assert OciRegistry(Registry("local", f"127.0.0.1:{port}", True), anonymous).digest("iris/base", "v1") == digest


@pytest.mark.engine
def test_of_many_that_start_at_once_one_does(port: int) -> None:
    with ThreadPoolExecutor(6) as pool:
        started = list(pool.map(registry_program.start, [port] * 6))
    assert sorted(started) == [False] * 5 + [True]


@pytest.mark.engine
def test_the_environment_does_not_change_our_configuration(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/nonexistent")
    monkeypatch.setenv("REGISTRY_AUTH_HTPASSWD_REALM", "x")
    registry_program.start(port)
    put_image(f"127.0.0.1:{port}", "iris/base", "v1", {})
    assert (storage(port) / "docker").is_dir()
    assert "cache" not in json.loads(config_file(port).read_text())["storage"]


def test_a_registry_that_answers_already_is_used_and_not_stopped(port: int) -> None:
    with fake_registry() as server:
        other = server.server_address[1]
        assert registry_program.start(other) is False
        assert registry_program.stop(other) is None
        assert registry_program.answers(other) is True


def test_another_program_on_the_port_is_named(port: int) -> None:
    class Web(Handler):
        def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            return 200, {}, b"hello"

    with serving(Web) as server, pytest.raises(StepError, match="which is not a registry") as refused:
        registry_program.start(server.server_address[1])
    if Path("/proc/net/tcp").exists():
        assert f"(pid {os.getpid()})" in refused.value.message
    assert "`port`" in refused.value.hint


def test_a_pid_that_was_given_out_again_is_not_stopped(port: int) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            folder(port).mkdir(parents=True)
            (folder(port) / "pid").write_text(str(other.pid))
            assert running(port) is None
            assert registry_program.stop(port) is None
            assert other.poll() is None
        finally:
            other.kill()


def test_without_the_program_the_command_that_installs_it_is_told(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(StepError) as refused:
        registry_program.start(port)
    assert "apt-get install docker-registry" in refused.value.hint


def test_a_program_that_ends_at_once_is_told_with_its_last_words(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker-registry"
    program.write_text("#!/bin/sh\necho configuration error >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StepError, match="ended with 3") as refused:
        registry_program.start(port)
    assert "configuration error" in refused.value.detail


@pytest.mark.engine
def test_the_folder_says_what_the_registry_says(port: int) -> None:
    registry_program.start(port)
    address = f"127.0.0.1:{port}"
    registry = OciRegistry(Registry("local", address, True), anonymous)
    first = put_image(address, "iris/base", "v1", {"n": "1"})
    second = put_image(address, "iris/base", "fp-0123456789abcdef", {"n": "2"})
    manifest = registry.manifest("iris/base", second)
    assert manifest
    asked = [("iris/base", r) for r in ("v1", "fp-0123456789abcdef", first, second, "v2", "sha256:" + "0" * 64)]
    asked += [("iris/other", "v1"), ("iris/other", first)]

    def same() -> list[str | None]:
        said = [registry.digest(*question) for question in asked]
        assert [RegistryFiles(storage(port)).digest(*question) for question in asked] == said
        return said

    assert same() == [first, second, first, second, None, None, None, None]
    registry.put_tag("iris/base", "v1", manifest)
    assert same()[:3] == [second, second, first]
    registry._http.send("DELETE", f"/v2/iris/base/manifests/{second}", accept=(202,), patience=registry._patience)
    assert same()[:4] == [None, None, first, None]


@pytest.mark.engine
def test_the_folder_says_the_labels_of_what_is_whole(port: int) -> None:
    registry_program.start(port)
    address = f"127.0.0.1:{port}"
    registry = OciRegistry(Registry("local", address, True), anonymous)
    digest = put_image(address, "iris/base", "v1", {"n": "1"})
    bare = put_image(address, "iris/base", "v2", {})
    files = registry_files.of_host(address)
    assert files
    assert files.labels("iris/base", digest) == registry.labels("iris/base", digest) == {"n": "1"}
    assert files.labels("iris/base", bare) == {}
    assert files.labels("iris/other", digest) is None
    assert files.labels("iris/base", "sha256:" + "0" * 64) is None
    config = registry.config("iris/base", digest).removeprefix("sha256:")
    blob = storage(port) / "docker/registry/v2/blobs/sha256" / config[:2] / config / "data"
    blob.write_bytes(blob.read_bytes() + b" ")
    assert files.labels("iris/base", digest) is None
    registry_program.stop(port)
    assert registry_files.of_host(address) is None


@pytest.mark.engine
def test_the_files_that_stand_for_an_answer_are_there(port: int) -> None:
    registry_program.start(port)
    digest = put_image(f"127.0.0.1:{port}", "iris/base", "v1", {})
    files = RegistryFiles(storage(port))
    assert all(Path(path).is_file() for path in files.paths("iris/base", "v1", digest))
    assert len(list(files.paths("iris/base", "v1", digest))) == 1 + len(list(files.paths("iris/base", digest, digest)))
