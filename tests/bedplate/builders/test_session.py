"""Builds in a session: BuildKit asks for what it has not."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import Lines, all_bytes, built, file_set, files_of, request

from bedplate.builders import docker, session
from bedplate.clients import docker_host, file_sync
from bedplate.clients.docker_engine import Engine
from bedplate.clients.docker_errors import EngineError
from bedplate.errors import StepError
from bedplate.step import BuildRequest

pytestmark = pytest.mark.engine
Build = Callable[..., str]
SECRET = b"s3cr3t-of-the-test"


def content_of(engine: Engine, image: str, path: str) -> bytes:
    container = engine.create(f"bptest-{uuid.uuid4().hex[:10]}", image, ["none"])
    try:
        found = engine.get(container, path)
    finally:
        engine.remove(container, force=True)
    assert found
    with tarfile.open(fileobj=io.BytesIO(found)) as tar:
        file = tar.extractfile(tar.getmembers()[0])
        assert file
        return file.read()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content BuildKit asked for."""
    asked: list[str] = []
    plain = file_sync.Sending.take

    def take(self: file_sync.Sending, message: bytes) -> Iterator[bytes]:
        packet = dict(file_sync.fields(message))
        if packet.get(1) == file_sync.REQ:
            asked.append(self._entries[int(packet.get(3, 0))].path)  # type: ignore[arg-type]
        return plain(self, message)

    monkeypatch.setattr(file_sync.Sending, "take", take)
    return asked


def test_kinds_modes_and_sizes_arrive_as_they_were_hashed(build: Build, engine: Engine, tmp_path: Path) -> None:
    large = os.urandom(5_000_000)
    content = {"a-b": "1", "a/run.sh": "#!/bin/sh", "a/deep/er/y": "", "empty/x": "", "large": large, "ü/ß": "x"}
    wanted = request(tmp_path, "FROM scratch\nCOPY . /all\n", content)
    (tmp_path / "context/a/run.sh").chmod(0o700)
    (tmp_path / "context/link").symlink_to("a/run.sh")
    (tmp_path / "context/empty/x").unlink()
    files = files_of(engine, build(replace(wanted, file_set=file_set(tmp_path))))
    ours = {name: files[f"all/{name}"] for name in ("a-b", "a/run.sh", "a/deep/er/y", "empty", "large", "ü/ß", "link")}
    assert [ours[name].mode & 0o777 for name in ("a-b", "a/run.sh", "empty")] == [0o644, 0o755, 0o755]
    assert (ours["large"].size, ours["a/deep/er/y"].size, ours["link"].linkname) == (len(large), 0, "a/run.sh")
    assert ours["empty"].isdir() and ours["link"].issym()
    assert {entry.uid for entry in ours.values()} == {0}
    assert content_of(engine, wanted.tag, "/all/large") == large


def test_files_that_are_not_of_the_build_are_not_told_of(build: Build, engine: Engine, tmp_path: Path) -> None:
    content = {"x": "1", ".dockerignore": "x\n", "Dockerfile": "original", "left/out": ""}
    wanted = request(tmp_path, "FROM scratch\nCOPY . /all\n", content)
    kept = tuple(f for f in wanted.file_set.files if not f.path.startswith("left"))
    wanted = replace(wanted, file_set=replace(wanted.file_set, files=kept))
    files = files_of(engine, build(wanted))
    ours = sorted(name for name in files if name.startswith("all/"))
    assert ours == ["all/.dockerignore", "all/Dockerfile", "all/x"], "the ignore file has been heeded before"


def test_only_what_changed_is_sent_again(
    build: Build, engine: Engine, tmp_path: Path, taken: list[str], os_image: str
) -> None:
    first = request(tmp_path, f"FROM {os_image}\nCOPY . /all\n", {"x": os.urandom(20), "sub/y": os.urandom(20)})
    build(first)
    assert {"x", "sub/y", "Dockerfile"} <= set(taken)
    taken.clear()
    (tmp_path / "context/x").write_bytes(os.urandom(20))
    build(replace(first, file_set=file_set(tmp_path)))
    # later versions ask for the Dockerfile each time
    assert [name for name in taken if "Dockerfile" not in name] == ["x"]


def test_the_layer_is_that_of_a_tar(engine: Engine, tmp_path: Path, log: Lines) -> None:
    """Times within a second tell contents apart on the way, and stay out of the image."""
    wanted = request(tmp_path, "FROM scratch\nCOPY x y z run.sh link /\n", {"x": os.urandom(20), "run.sh": "#!/bin/sh"})
    (tmp_path / "context/link").symlink_to("x")
    (tmp_path / "context/y").write_bytes(bytes(3))
    (tmp_path / "context/z").write_bytes(b"123")
    wanted = replace(wanted, file_set=file_set(tmp_path))
    layers = []
    for way in (session.build, docker.build):
        try:
            way(wanted, tmp_path, engine, log)
            found = engine.image(wanted.tag)
            assert found
            layers.append(found["RootFS"]["Layers"])
        finally:
            engine.remove_image(wanted.tag)
    assert layers[0] == layers[1]


@pytest.mark.parametrize("what", ["x", "Dockerfile"])
def test_an_edit_that_leaves_size_and_time_is_noticed(
    what: str, build: Build, engine: Engine, tmp_path: Path, os_image: str
) -> None:
    text = "FROM scratch\nCOPY x /\nLABEL mark=1\n"
    first = request(tmp_path, text, {"x": "1"})
    build(first)
    text = text.replace("1", "2") if what == "Dockerfile" else text
    later = replace(request(tmp_path, text, {"x": "2" if what == "x" else "1"}), tag=first.tag)
    found = engine.image(build(later))
    assert found
    if what == "x":
        assert content_of(engine, later.tag, "/x") == b"2"
    else:
        assert found["Config"]["Labels"]["mark"] == "2"


def test_a_file_that_changed_since_it_was_hashed_ends_the_build(engine: Engine, tmp_path: Path, log: Lines) -> None:
    wanted = request(tmp_path, "FROM scratch\nCOPY x /\n", {"x": os.urandom(8).hex()})
    (tmp_path / "context/x").write_text("other")
    with pytest.raises(StepError, match="x changed while it was read") as failed:
        session.build(wanted, tmp_path, engine, log)
    assert failed.value.hint == "run again"
    assert engine.image(wanted.tag) is None


def test_a_secret_reaches_the_build_and_stays_nowhere(
    build: Build, engine: Engine, os_image: str, tmp_path: Path, log: Lines
) -> None:
    run = "RUN --mount=type=secret,id=token,required=true grep -q s3cr3t /run/secrets/token"
    wanted = request(tmp_path, f"FROM {os_image}\n{run}\n", secrets={"token": SECRET})
    build(wanted)
    assert SECRET not in all_bytes(engine, wanted.tag) and SECRET.decode() not in log.text


def test_a_secret_that_is_missing(build: Build, os_image: str, tmp_path: Path) -> None:
    text = (
        f"FROM {os_image}\nRUN --mount=type=secret,id=none test ! -e /run/secrets/none && echo {os.urandom(4).hex()}\n"
    )
    build(request(tmp_path, text))
    with pytest.raises(StepError, match="Dockerfile:2: .*secret"):
        build(request(tmp_path, text.replace("id=none", "id=none,required=true")))


def test_files_for_this_build_only_are_readable_by_any_user_and_stay_nowhere(
    build: Build, engine: Engine, os_image: str, tmp_path: Path
) -> None:
    mount = "--mount=type=bind,source=.bedplate-host/ca.pem,target=/dev/shm/bedplate/ca.pem"
    text = f"FROM {os_image}\nUSER nobody\nRUN {mount} grep -q host-ca /dev/shm/bedplate/ca.pem\n"
    wanted = request(tmp_path, text, extra_files={".bedplate-host/ca.pem": b"host-ca"})
    build(wanted)
    assert b"host-ca\n" not in all_bytes(engine, wanted.tag)
    assert set(files_of(engine, wanted.tag)) == set(files_of(engine, os_image))


def test_equal_builds_side_by_side(engine: Engine, os_image: str, tmp_path: Path) -> None:
    content = {f"d/{n}": os.urandom(100_000) for n in range(20)}
    first = request(tmp_path, f"FROM {os_image}\nCOPY . /all\n", content)
    wanted = [replace(first, tag=first.tag.replace("/one", f"/{n}")) for n in range(4)]
    errors: list[BaseException] = []

    def one(request: BuildRequest) -> None:
        try:
            session.build(request, tmp_path, engine, Lines())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(request,)) for request in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert errors == []
        for one_ in wanted:
            names = files_of(engine, one_.tag)
            assert all(f"all/d/{n}" in names for n in range(20))
    finally:
        for one_ in wanted:
            engine.remove_image(one_.tag)


def test_ctrl_c_ends_the_build_and_the_session(engine: Engine, os_image: str, tmp_path: Path) -> None:
    class Interrupted(Engine):
        def build(self, context: Any, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
            for message in super().build(context, query):
                yield message
                if any("sleep 600" in line for line in log.lines):
                    raise KeyboardInterrupt

    log = Lines()
    before = threading.active_count()
    wanted = request(tmp_path, f"FROM {os_image}\nRUN echo {os.urandom(4).hex()} && sleep 600\n")
    with pytest.raises(KeyboardInterrupt):
        session.build(wanted, tmp_path, Interrupted(docker_host.address()), log)
    assert threading.active_count() == before


def test_an_engine_that_gives_no_session_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Engine(docker_host.address())

    def refuse(*_: Any) -> Any:
        raise EngineError("opening a session for a build: POST /session: HTTP/1.1 403 Forbidden")

    monkeypatch.setattr(mine._http, "upgrade", refuse)
    with pytest.raises(session.NoSessionError, match="403 Forbidden"):
        session.build(request(tmp_path, "FROM scratch\nCOPY x /\n", {"x": ""}), tmp_path, mine, Lines())
    assert not mine.has_sessions and Engine(docker_host.address()).has_sessions


def test_names_that_are_no_text_are_posted(engine: Engine, tmp_path: Path, log: Lines) -> None:
    wanted = request(tmp_path, "FROM scratch\nCOPY . /all\n", {"x": ""})
    (tmp_path / "context" / os.fsdecode(b"\xff")).write_text("1")
    wanted = replace(wanted, file_set=file_set(tmp_path))
    try:
        built(wanted, tmp_path, engine, log)
        assert len([name for name in files_of(engine, wanted.tag) if name.startswith("all/")]) == 2
    finally:
        engine.remove_image(wanted.tag)
