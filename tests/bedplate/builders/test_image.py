"""Which way a build takes, and what is said where none is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from building import Lines, request

from bedplate.builders import buildx, docker, image, session
from bedplate.dockerfile import reader
from bedplate.errors import StepError
from bedplate.step import BuildRequest, FileSet, ReadFile

CLIENT = buildx.Client(("/usr/bin/docker", "build"), {})
NOTE = "builder: /usr/bin/docker build, because of {}"


class Engine:
    def __init__(self, builder: str, sessions: bool) -> None:
        self._builder = builder
        self.fetches_context = True
        self.has_sessions = sessions

    def builder(self) -> str:
        return self._builder


@dataclass
class Clients:
    root: Path
    engine: Engine
    log: Lines


def way(
    wanted: BuildRequest,
    monkeypatch: pytest.MonkeyPatch,
    builder: str = "buildkit",
    client: Any = CLIENT,
    sessions: bool = True,
) -> tuple[str, str]:
    """The builder that is taken, and what the log says of it."""
    taken: list[str] = []
    monkeypatch.setattr(buildx, "client", lambda: client)
    monkeypatch.setattr(buildx, "build", lambda *_: taken.append("client") or "id")
    monkeypatch.setattr(session, "build", lambda *_: taken.append("session") or "id")
    monkeypatch.setattr(docker, "build", lambda *_, **__: taken.append("tar") or "id")
    log = Lines()
    clients: Any = Clients(Path(), Engine(builder, sessions), log)
    image.build(wanted, clients)
    return taken[0], log.notes[0]


@pytest.fixture
def small(tmp_path: Path) -> BuildRequest:
    return request(tmp_path, "FROM scratch\nCOPY x /\n", {"x": ""})


@pytest.fixture
def large(small: BuildRequest) -> BuildRequest:
    files = tuple(ReadFile(f"f{n}", "file", 0o644, "", 1, (0, 0, 0, 0)) for n in range(image.MANY_FILES + 1))
    return replace(small, file_set=FileSet("context", files))


API = "builder: BuildKit of the engine, through its API"
CLASSIC = "builder: the classic builder of the engine, through its API"


def test_a_small_context_is_asked_for_by_buildkit(small: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert way(small, monkeypatch) == ("session", API)
    assert way(small, monkeypatch, sessions=False) == ("tar", API)
    assert way(small, monkeypatch, builder="classic") == ("tar", CLASSIC)


def test_a_large_one_goes_through_a_client_where_there_is_one(large: BuildRequest, monkeypatch: Any) -> None:
    taken, said = way(large, monkeypatch)
    assert taken == "client" and "501 files" in said
    assert way(large, monkeypatch, client=None) == ("session", API)
    assert way(large, monkeypatch, client=None, sessions=False) == ("tar", API)
    assert way(large, monkeypatch, builder="classic") == ("tar", CLASSIC)


def test_a_secret_needs_a_session_or_a_client(small: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = replace(small, secrets={"token": b"s3cret"})
    assert way(wanted, monkeypatch, client=None) == ("session", API)
    assert way(wanted, monkeypatch, sessions=False) == ("client", NOTE.format("secrets"))
    for builder, client in (("buildkit", None), ("classic", CLIENT)):
        with pytest.raises(StepError, match=r"image one: its secrets \(token\) need BuildKit") as failed:
            way(wanted, monkeypatch, builder, client, sessions=False)
        assert "docker-buildx" in failed.value.hint and "s3cret" not in str(failed.value)


def test_a_parents_trigger_that_takes_the_context_needs_a_session_or_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = request(tmp_path, "FROM parent\n", {"x": ""}, triggers=reader.fragment("COPY . /app"))
    assert way(wanted, monkeypatch, client=None) == ("session", API)
    because = NOTE.format("`ONBUILD COPY . /app` of what it starts from")
    assert way(wanted, monkeypatch, sessions=False) == ("client", because)
    for builder, client in (("buildkit", None), ("classic", CLIENT)):
        with pytest.raises(StepError, match=r"image one: `ONBUILD COPY \. /app` of what it starts from") as failed:
            way(wanted, monkeypatch, builder, client, sessions=False)
        assert "docker-buildx" in failed.value.hint


def test_a_parents_trigger_that_finds_its_file_where_it_is_needs_neither(small: BuildRequest, monkeypatch: Any) -> None:
    for trigger in ("COPY x /app/", "COPY --from=other . /app", "RUN make", "ADD https://example.org/x /"):
        wanted = replace(small, triggers=reader.fragment(trigger))
        assert way(wanted, monkeypatch, sessions=False)[0] == "tar"


@pytest.mark.parametrize(("client", "then"), [(CLIENT, "client"), (None, "tar")])
def test_an_engine_that_gives_no_session_is_asked_once(
    small: BuildRequest, monkeypatch: pytest.MonkeyPatch, client: Any, then: str
) -> None:
    asked: list[str] = []

    def none(request: BuildRequest, root: Path, engine: Any, log: Lines) -> str:
        asked.append("session")
        engine.has_sessions = False
        raise session.NoSessionError("POST /session: 404")

    monkeypatch.setattr(buildx, "client", lambda: client)
    monkeypatch.setattr(buildx, "build", lambda *_: asked.append("client") or "id")
    monkeypatch.setattr(session, "build", none)
    monkeypatch.setattr(docker, "build", lambda *_, **__: asked.append("tar") or "id")
    log = Lines()
    clients: Any = Clients(Path(), Engine("buildkit", sessions=True), log)
    for _ in range(2):
        image.build(replace(small, secrets={"a": b"b"} if client else {}), clients)
    assert asked == ["session", then, then]
    assert "the engine gives no session: POST /session: 404" in log.notes


def test_the_user_may_ask_for_the_classic_builder(small: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    assert "classic" in way(small, monkeypatch)[1]


@pytest.mark.parametrize(("client", "then"), [(CLIENT, "client"), (None, "the classic builder")])
def test_a_buildkit_that_cannot_read_what_is_posted_is_asked_once(
    small: BuildRequest, monkeypatch: pytest.MonkeyPatch, client: Any, then: str
) -> None:
    asked: list[str] = []

    def build(request: BuildRequest, root: Path, engine: Any, log: Lines, *, by_classic: bool) -> str:
        if engine.fetches_context:
            asked.append("BuildKit")
            engine.fetches_context = False
            raise docker.NotFetchedError("")
        asked.append("the classic builder")
        return "id"

    monkeypatch.setattr(buildx, "client", lambda: client)
    monkeypatch.setattr(buildx, "build", lambda *_: asked.append("client") or "id")
    monkeypatch.setattr(docker, "build", build)
    log = Lines()
    clients: Any = Clients(Path(), Engine("buildkit", sessions=False), log)
    for _ in range(2):
        image.build(small, clients)
    assert asked == ["BuildKit", then, then]
    assert ("because of the engine's BuildKit, which cannot read a context that is posted" in log.text) == bool(client)


def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **versions: str) -> buildx.Client | None:
    """The client that is found where each folder in PATH has a docker; `+` behind its version: with buildx."""
    for name, version in versions.items():
        (tmp_path / name).mkdir()
        plugin = "echo buildx 0.13" if version.endswith("+") else "exit 1"
        script = f'#!/bin/sh\nif [ "$1" = buildx ]; then {plugin}; else echo "Docker version {version}"; fi\n'
        (tmp_path / name / "docker").write_text(script)
        (tmp_path / name / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", ":".join(str(tmp_path / name) for name in versions) or str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    buildx.client.cache_clear()
    try:
        return buildx.client()
    finally:
        buildx.client.cache_clear()


def test_a_client_with_the_plugin_comes_before_one_earlier_in_path(tmp_path: Path, monkeypatch: Any) -> None:
    found = programs(tmp_path, monkeypatch, plain="28.5.2", old="20.10.24", new="26.1.5+")
    assert found and found.command == (f"{tmp_path}/new/docker", "buildx", "build", "--builder=default")


def test_an_old_client_speaks_buildkit_itself_and_a_new_one_without_the_plugin_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = programs(tmp_path, monkeypatch, plain="28.5.2", old="20.10.24")
    assert found == buildx.Client((f"{tmp_path}/old/docker", "build"), {"DOCKER_BUILDKIT": "1"})
    assert programs(tmp_path, monkeypatch, other="23.0.1") is None
    assert programs(tmp_path, monkeypatch) is None
