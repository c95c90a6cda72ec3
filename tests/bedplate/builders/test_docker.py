"""Builds through the engine's API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import FINGERPRINT, Lines, built, files_of, request

from bedplate import labels
from bedplate.builders import docker
from bedplate.clients import docker_host
from bedplate.clients.docker_engine import Engine
from bedplate.errors import StepError

pytestmark = pytest.mark.engine
Build = Callable[..., str]


@pytest.fixture(params=["session", "posted", "classic"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, engine: Engine, os_image: str) -> str:
    """Both builders of one engine, BuildKit by both ways: Docker's own variable asks for the classic one."""
    if request.param == "posted" and not engine.fetches_context:
        pytest.skip("this engine's BuildKit cannot read a context that is posted")
    if request.param != "session":
        monkeypatch.setattr(Engine, "has_sessions", False)
    if request.param == "classic":
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    return str(request.param)


def test_an_image_is_built_with_its_files_and_labels(
    build: Build, builder: str, engine: Engine, tmp_path: Path
) -> None:
    wanted = request(tmp_path, "FROM scratch\nARG A\nLABEL a=${A}\nCOPY x sub /d/\n", {"x": "1", "sub/y": "22"})
    tag = build(replace(wanted, args={"A": "b c"}))
    found = engine.image(tag)
    assert found and found["Config"]["Labels"] == {labels.FINGERPRINT: FINGERPRINT, "a": "b c"}
    files = files_of(engine, tag)
    assert (files["d/x"].size, files["d/y"].size, files["d/x"].mode & 0o777) == (1, 2, 0o644)


def test_copy_of_the_whole_context_takes_the_users_files_and_nothing_else(
    build: Build, builder: str, engine: Engine, tmp_path: Path
) -> None:
    content = {"x": "1", "sub/y": "22", "Dockerfile": "original", "sub/run.sh": "#!/bin/sh"}
    (tmp_path / "context" / "sub").mkdir(parents=True)
    (tmp_path / "context" / "link").symlink_to("sub/y")
    text = (
        "ARG NONE\nFROM scratch AS first\nCOPY . /all/\nFROM scratch\nCOPY --from=0 /all /copied\n"
        'COPY ["*", "/wild/"]\nADD . /added\nADD x /single/\nCOPY sub/y /one\n'
    )
    tag = build(request(tmp_path, text, content, extra_files={".bedplate-host/ca.pem": b"CA"}))
    files = files_of(engine, tag)
    ours = sorted(name for name in files if name.split("/")[0] in ("copied", "added", "wild", "single", "one"))
    whole = ["Dockerfile", "link", "sub", "sub/run.sh", "sub/y", "x"]
    # a pattern's match is copied like a source of its own: a link is followed, of a folder the content is taken
    wild = ["Dockerfile", "link", "run.sh", "x", "y"]
    expected = ["added", *(f"added/{n}" for n in whole), "copied", *(f"copied/{n}" for n in whole), "one", "single"]
    assert ours == sorted([*expected, "single/x", "wild", *(f"wild/{n}" for n in wild)])
    assert files["copied/link"].linkname == "sub/y"
    assert files["copied/Dockerfile"].size == len("original")


class Removing(Engine):
    """An engine that loses a layer in the first builds, as one does whose user runs `docker image prune` meanwhile."""

    def __init__(self, times: int) -> None:
        super().__init__(docker_host.address())
        self.times, self.asked = times, 0

    def build(self, context: Iterable[bytes], query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        self.asked += 1
        if self.asked > self.times:
            yield from super().build(context, query)
        else:
            list(context)
            yield {"error": f'unable to find image "sha256:{"0" * 64}"'}


def test_a_layer_that_is_removed_meanwhile_is_made_again(builder: str, tmp_path: Path, log: Lines) -> None:
    wanted, removing = request(tmp_path, "FROM scratch\nCOPY x /x\n", {"x": "1"}), Removing(2)
    try:
        built(wanted, tmp_path, removing, log)
        assert removing.image(wanted.tag) is not None
    finally:
        removing.remove_image(wanted.tag)
    assert sum("was removed from the engine" in note for note in log.notes) == 2


def test_a_layer_that_is_removed_each_time_is_told(builder: str, tmp_path: Path, log: Lines) -> None:
    removing = Removing(9)
    with pytest.raises(StepError, match="unable to find image"):
        built(request(tmp_path, "FROM scratch\nCOPY x /x\n", {"x": "1"}), tmp_path, removing, log)
    assert removing.asked == docker.TRIES


def test_a_failing_run_shows_its_line_and_its_last_words(
    build: Build, builder: str, os_image: str, tmp_path: Path, log: Lines
) -> None:
    text = f"FROM {os_image}\n# why\n\nRUN true\nRUN for i in $(seq 30); do echo line $i; done \\\n  && exit 7\n"
    with pytest.raises(StepError) as failed:
        build(request(tmp_path, text))
    assert "images/one/Dockerfile:5: RUN for i in $(seq 30)" in failed.value.message
    assert failed.value.message.endswith("failed with exit code 7")
    assert failed.value.detail.splitlines() == [f"line {n}" for n in range(11, 31)]
    assert str(log.path) in failed.value.hint
    assert any("line 1" in line for line in log.lines)


def test_of_two_equal_instructions_the_one_that_failed_is_named(
    build: Build, builder: str, os_image: str, tmp_path: Path
) -> None:
    text = f"FROM {os_image} AS a\nRUN mkdir /x\nRUN true\nRUN mkdir /x\nFROM a\nCOPY . /y\n"
    with pytest.raises(StepError) as failed:
        build(request(tmp_path, text, {"f": ""}))
    assert "images/one/Dockerfile:4: RUN mkdir /x failed with exit code 1" in failed.value.message


def test_lines_are_those_of_the_file_on_disk(build: Build, builder: str, tmp_path: Path) -> None:
    text = "FROM scratch\nLABEL inserted=1\nCOPY nope /\n"
    with pytest.raises(StepError, match=r"images/one/Dockerfile:2: COPY nope /: .*nope"):
        build(request(tmp_path, text, lines={1: 1, 3: 2}))


def test_a_base_that_is_nowhere_says_so(build: Build, builder: str, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"Dockerfile.*127\.0\.0\.1:9"):
        build(request(tmp_path, "FROM 127.0.0.1:9/none/none:1\nCOPY x /\n", {"x": ""}))


def test_a_failed_build_leaves_no_container(
    build: Build, builder: str, os_image: str, tmp_path: Path, engine: Engine
) -> None:
    before = {c["Id"] for c in engine.api.containers(all=True, filters={"ancestor": os_image})}
    with pytest.raises(StepError):
        build(request(tmp_path, f"FROM {os_image}\nRUN exit 3\n"))
    assert {c["Id"] for c in engine.api.containers(all=True, filters={"ancestor": os_image})} <= before


def test_six_builds_run_side_by_side_on_one_client(engine: Engine, builder: str, os_image: str, tmp_path: Path) -> None:
    wanted, logs, errors = [], [Lines() for _ in range(6)], []
    for n in range(6):
        (tmp_path / str(n)).mkdir()
        wanted.append(
            request(tmp_path / str(n), f"FROM {os_image}\nCOPY x /\nRUN sleep 1; echo number {n}\n", {"x": str(n)})
        )

    def one(n: int) -> None:
        try:
            built(wanted[n], tmp_path / str(n), engine, logs[n])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for n in range(6):
        assert any(line.endswith(f"number {n}") for line in logs[n].lines)
        engine.remove_image(wanted[n].tag)
