"""What every engine must answer, asked of the one that is there."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import Lines, request
from registries import real_registry

from bedplate.builders import docker
from bedplate.clients import docker_host
from bedplate.clients.credentials import anonymous
from bedplate.clients.docker_engine import Engine
from bedplate.clients.docker_errors import EngineError
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.labels import PROJECT
from bedplate.model import Registry

pytestmark = pytest.mark.engine
SLEEPS = ["python3", "-c", "import time; print('up', flush=True); time.sleep(60)"]


@pytest.fixture
def name(engine: Engine) -> Iterator[str]:
    name = f"bptest-{uuid.uuid4().hex[:10]}"
    yield name
    engine.remove(name, force=True)


def digest_of(address: str, repository: str, tag: str) -> str | None:
    return OciRegistry(Registry("local", address, True), anonymous()).digest(repository, tag)


def tar(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_what_is_not_there_is_none_and_removing_it_is_no_error(engine: Engine) -> None:
    assert engine.image("bptest-none/none:1") is None
    assert engine.container("bptest-none") is None
    assert engine.get("bptest-none", "/x") is None
    assert engine.logs("bptest-none", 5) == ""
    assert engine.port("bptest-none", 80) is None
    engine.remove("bptest-none", force=True)
    engine.stop("bptest-none", 1)
    engine.remove_image("bptest-none/none:1")


def test_a_container_lives_as_it_is_told(engine: Engine, name: str, os_image: str) -> None:
    engine.create(
        name,
        os_image,
        SLEEPS,
        environment={"A": "b=c"},
        ports={5001: ("127.0.0.1", None)},
        labels={"l": "1"},
        memory="64m",
        restart="unless-stopped",
    )
    engine.put(name, "/tmp", tar("f", b"content"))
    engine.put(name, "/tmp", iter([tar("g", b"other")]))
    engine.start(name)
    found = engine.container(name)
    assert found and found["State"]["Status"] == "running"
    assert "A=b=c" in found["Config"]["Env"] and found["Config"]["Labels"]["l"] == "1"
    assert found["HostConfig"]["Memory"] == 64 << 20
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    port = engine.port(name, 5001)
    assert port and port > 1024
    content = engine.get(name, "/tmp/f")
    assert content and b"content" in content
    assert engine.get(name, "/tmp/none") is None
    engine.set_restart(name, "no")
    changed = engine.container(name)
    assert changed and changed["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert engine.wait(name, 0.2) is None
    engine.rename(name, f"{name}-new")
    try:
        assert engine.logs(f"{name}-new", 5) == "up\n"
        engine.stop(f"{name}-new", 0)
        assert engine.wait(f"{name}-new", 5) == 137
    finally:
        engine.remove(f"{name}-new", force=True)


def test_a_port_that_a_process_holds_is_said_to_be_held_by_it(engine: Engine, name: str, os_image: str) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        engine.create(name, os_image, SLEEPS, ports={5001: ("127.0.0.1", port)})
        with pytest.raises(StepError, match=rf"port {port} of 127.0.0.1 is taken by process \d+ \("):
            engine.start(name)
    assert engine.container(name) is None, "the container that never ran is left"


def test_a_port_that_a_container_holds_is_said_to_be_held_by_it(engine: Engine, name: str, os_image: str) -> None:
    other = f"{name}-other"
    engine.create(other, os_image, SLEEPS, ports={5001: ("127.0.0.1", None)})
    try:
        engine.start(other)
        port = engine.port(other, 5001)
        engine.create(name, os_image, SLEEPS, ports={5001: ("127.0.0.1", port)})
        with pytest.raises(StepError, match=f"port {port} of 127.0.0.1 is taken by container {other}"):
            engine.start(name)
        assert engine.container(name) is None
    finally:
        engine.remove(other, force=True)


@pytest.mark.parametrize(
    ("project", "hint"), [("p", "`doit -t TARGET clean`"), ("q", "`docker rm -f "), ("", "`docker rm -f ")]
)
def test_who_holds_a_port_of_his_own_project_is_told_to_clean_its_target(
    engine: Engine, name: str, os_image: str, project: str, hint: str
) -> None:
    other = f"{name}-other"
    said = {PROJECT: project} if project else {}
    engine.create(other, os_image, SLEEPS, ports={5001: ("127.0.0.1", None)}, labels=said)
    try:
        engine.start(other)
        ports = {5001: ("127.0.0.1", engine.port(other, 5001))}
        engine.create(name, os_image, SLEEPS, ports=ports, labels={PROJECT: "p"})
        with pytest.raises(StepError) as taken:
            engine.start(name)
        assert hint in taken.value.hint
    finally:
        engine.remove(other, force=True)


def test_a_name_that_is_taken_is_a_conflict(engine: Engine, name: str, os_image: str) -> None:
    engine.create(name, os_image, SLEEPS)
    with pytest.raises(EngineError, match=r"POST /v[0-9.]+/containers/create: 409") as refused:
        engine.create(name, os_image, SLEEPS)
    assert refused.value.status == 409


def test_a_missing_image_is_said_with_the_request(engine: Engine, name: str) -> None:
    with pytest.raises(EngineError, match=r"creating container .*POST .*/containers/create: 404 No such image"):
        engine.create(name, "bptest-none/none:1")


def test_an_image_is_pushed_and_pulled_back(engine: Engine, tmp_path: Path) -> None:
    made = request(tmp_path, "FROM scratch\nCOPY x /x\n", {"x": uuid.uuid4().hex})
    docker.build(made, tmp_path, engine, Lines())
    (tmp_path / "registry").mkdir()
    with real_registry(tmp_path / "registry") as address:
        ref = f"{address}/team/one:v1"
        engine.tag(made.tag, ref)
        # containerd's image store says none: then the registry knows it
        said, held = engine.push(ref, None, Lines()), digest_of(address, "team/one", "v1")
        assert held and said in (held, None)
        before = engine.image(made.tag)
        for tag in (ref, made.tag):
            engine.remove_image(tag)
        by_digest = f"{address}/team/one@{held}"
        assert before and engine.pull(by_digest, "linux/amd64", None, Lines()) == before["Id"]
        engine.remove_image(by_digest)
        assert engine.image(by_digest) is None
        with pytest.raises(EngineError, match="pulling .*team/none:1"):
            engine.pull(f"{address}/team/none:1", None, None, Lines())


def test_threads_that_open_the_engine_at_once_share_one_connection() -> None:
    engine = Engine(docker_host.address())
    opened: list[object] = []
    threads = [threading.Thread(target=lambda: opened.append(engine.api)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6 and len(set(map(id, opened))) == 1
