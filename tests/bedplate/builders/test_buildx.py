"""Builds through a client program that speaks BuildKit."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import Lines, all_bytes, files_of, request

from bedplate import context
from bedplate.builders import buildx
from bedplate.clients.docker_engine import Engine
from bedplate.errors import StepError
from bedplate.stat_cache import StatCache, stamp
from bedplate.step import DockerfileFiles, FileSet, ReadFile

pytestmark = pytest.mark.engine
SECRET = b"s3cr3t-of-the-test"


@pytest.fixture
def client() -> buildx.Client:
    found = buildx.client()
    if found is None:
        pytest.skip("no docker client that speaks BuildKit is in PATH")
    return found


@pytest.fixture
def tags(engine: Engine) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for tag in made:
        engine.remove_image(tag)


def test_the_client_gets_exactly_the_files_of_the_build(
    client: buildx.Client, engine: Engine, tmp_path: Path, log: Lines, tags: list[str]
) -> None:
    content = {"x": "1", "sub/y": "22", ".dockerignore": "x\n", "Dockerfile": "original", "left/out": ""}
    wanted = request(tmp_path, "FROM scratch\nCOPY . /all\n", content)
    (tmp_path / "context" / "x").chmod(0o664)  # the mode that is hashed is 644
    wanted = replace(wanted, file_set=replace(request(tmp_path, "").file_set))
    kept = tuple(f for f in wanted.file_set.files if not f.path.startswith("left"))
    wanted = replace(wanted, file_set=replace(wanted.file_set, files=kept))
    tags.append(wanted.tag)
    buildx.build(wanted, tmp_path, engine, log, client)
    files = files_of(engine, wanted.tag)
    ours = sorted(name for name in files if name.startswith("all/"))
    assert ours == ["all/.dockerignore", "all/Dockerfile", "all/sub", "all/sub/y", "all/x"]
    assert files["all/x"].mode & 0o777 == 0o644
    assert not any((tmp_path / ".bedplate" / "contexts").glob("*/"))  # nothing of it is left


def test_the_folder_itself_is_handed_over_where_that_is_the_same(
    client: buildx.Client, engine: Engine, tmp_path: Path, log: Lines, tags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"x": "1", "sub/y": "22", ".dockerignore": "sub\n", "left/out": "", ".bedplate/state": ""}
    wanted = request(tmp_path, "FROM scratch\nCOPY . /all\n", content, ignore=b"left\n.bedplate\n")
    out = (".bedplate", "left")
    kept = tuple(f for f in wanted.file_set.files if not f.path.startswith(out))
    wanted = replace(wanted, file_set=replace(wanted.file_set, files=kept))
    for path in (tmp_path / "context").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "context").chmod(0o755)
    wanted = replace(wanted, file_set=replace(wanted.file_set, files=restamped(wanted.file_set, tmp_path)))
    tags.append(wanted.tag)
    with monkeypatch.context() as patch:
        patch.setattr(buildx.staging, "staged", None)  # would fail
        buildx.build(wanted, tmp_path, engine, log, client)
    files = {name: entry for name, entry in files_of(engine, wanted.tag).items() if name.startswith("all/")}
    assert sorted(files) == ["all/.dockerignore", "all/sub", "all/sub/y", "all/x"]

    (tmp_path / "context/sub").chmod(0o700)
    assert buildx.staging.as_it_is(wanted, tmp_path) is None
    (tmp_path / "context/sub").chmod(0o755)
    assert buildx.staging.as_it_is(replace(wanted, ignore=None), tmp_path) is None
    (tmp_path / "context/x").chmod(0o600)
    wanted = replace(wanted, file_set=replace(wanted.file_set, files=restamped(wanted.file_set, tmp_path)))
    assert buildx.staging.as_it_is(wanted, tmp_path) is None


def restamped(files: FileSet, root: Path) -> tuple[ReadFile, ...]:
    found = ((f, (root / files.root / f.path).lstat()) for f in files.files)
    return tuple(replace(f, stamp=stamp(s), as_is=s.st_mode & 0o7777 == f.mode) for f, s in found)


def test_an_image_of_files_that_changed_during_the_build_is_not_kept(
    client: buildx.Client, engine: Engine, tmp_path: Path, log: Lines, tags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "context").mkdir(mode=0o755)
    (tmp_path / "context/x").write_text("1")
    (tmp_path / "context/x").chmod(0o644)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    files = DockerfileFiles("context", "Dockerfile", None, {}, {}, "linux/amd64")
    recipe = context.read(files, tmp_path, StatCache(tmp_path / "cache"))
    wanted = request(tmp_path, "FROM scratch\nCOPY . /\n", file_set=recipe.file_set, ignore=recipe.ignore)
    wanted = replace(wanted, changed=recipe.changed)
    tags.append(wanted.tag)
    buildx.build(wanted, tmp_path, engine, log, client)
    assert engine.image(wanted.tag) is not None
    plain = buildx._run

    def run(*words: Any) -> int:
        (tmp_path / "context/y").touch()
        return plain(*words)

    monkeypatch.setattr(buildx, "_run", run)
    with pytest.raises(StepError, match="context/y was changed during the build"):
        buildx.build(wanted, tmp_path, engine, log, client)
    assert engine.image(wanted.tag) is None


def test_a_file_that_changes_while_it_is_laid_out_ends_the_build(tmp_path: Path) -> None:
    wanted = request(tmp_path, "FROM scratch\nCOPY . /\n", {"x": "1"})
    (tmp_path / "context/x").write_text("other")
    with (
        pytest.raises(StepError, match="x was changed while the build began"),
        buildx.staging.staged(buildx.apart(wanted)[0], tmp_path, wanted),
    ):
        pass
    assert not any((tmp_path / ".bedplate" / "contexts").glob("*/"))


def test_laying_the_files_out_leaves_them_untouched(tmp_path: Path) -> None:
    wanted = request(tmp_path, "FROM scratch\nCOPY x /\n", {"x": "1"})
    before = (tmp_path / "context/x").stat()
    with buildx.staging.staged(buildx.apart(wanted)[0], tmp_path, wanted) as folder:
        assert (folder / "x").read_text() == "1"
    assert stamp((tmp_path / "context/x").stat()) == stamp(before)


def test_a_secret_reaches_the_build_and_stays_nowhere(
    client: buildx.Client,
    engine: Engine,
    os_image: str,
    tmp_path: Path,
    log: Lines,
    tags: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    private = tmp_path / "private"  # where secrets lie for the build; other tests have theirs in /dev/shm
    private.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(private))
    text = f"FROM {os_image}\nRUN --mount=type=secret,id=token grep -q s3cr3t /run/secrets/token && sleep 1\n"
    wanted = request(tmp_path, text, secrets={"token": SECRET}, args={"http_proxy": "http://u:pr0xy-pw@10.0.0.1:3128"})
    tags.append(wanted.tag)
    seen: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout)
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        buildx.build(wanted, tmp_path, engine, log, client)
    finally:
        done.set()
        thread.join()
    assert any(f"--tag={wanted.tag}" in one for one in seen), "the client was never seen: this test proves nothing"
    for hidden in (SECRET.decode(), "pr0xy-pw"):
        assert not any(hidden in one for one in seen)
        assert hidden not in log.text
        assert hidden.encode() not in all_bytes(engine, wanted.tag)
    assert list(private.iterdir()) == []


def test_files_for_this_build_only_are_readable_by_any_user_and_stay_nowhere(
    client: buildx.Client, engine: Engine, os_image: str, tmp_path: Path, log: Lines, tags: list[str]
) -> None:
    mount = "--mount=type=bind,source=.bedplate-host/ca.pem,target=/dev/shm/bedplate/ca.pem"
    text = f"FROM {os_image}\nUSER nobody\nRUN {mount} grep -q host-ca /dev/shm/bedplate/ca.pem\n"
    wanted = request(tmp_path, text, extra_files={".bedplate-host/ca.pem": b"host-ca"})
    tags.append(wanted.tag)
    buildx.build(wanted, tmp_path, engine, log, client)
    assert b"host-ca\n" not in all_bytes(engine, wanted.tag)
    assert set(files_of(engine, wanted.tag)) == set(files_of(engine, os_image))


def test_a_failing_run_shows_its_line_and_its_last_words(
    client: buildx.Client, engine: Engine, os_image: str, tmp_path: Path, log: Lines
) -> None:
    text = f"FROM {os_image}\nRUN true\nRUN for i in $(seq 30); do echo line $i; done; exit 7\n"
    with pytest.raises(StepError) as failed:
        buildx.build(request(tmp_path, text), tmp_path, engine, log, client)
    assert failed.value.message.startswith("images/one/Dockerfile:3: RUN for i in")
    assert failed.value.message.endswith("failed with exit code 7")
    assert failed.value.detail.splitlines() == [f"line {n}" for n in range(11, 31)]
