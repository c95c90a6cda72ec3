"""Which way a build takes, and what is said where none is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from building import Lines, request

from bedplate.builders import buildx, docker, image
from bedplate.dockerfile import reader
from bedplate.errors import StepError
from bedplate.step import BuildRequest, FileSet, ReadFile

CLIENT = buildx.Client(("/usr/bin/docker", "build"), {})
NOTE = "builder: /usr/bin/docker build, because of {}"


class Engine:
    def __init__(self, builder: str) -> None:
        self._builder = builder
        self.fetches_context = True

    def builder(self) -> str:
        return self._builder


@dataclass
class Clients:
    root: Path
    engine: Engine
    log: Lines


def way(
    wanted: BuildRequest, monkeypatch: pytest.MonkeyPatch, builder: str = "buildkit", client: Any = CLIENT
) -> tuple[str, str]:
    """The builder that is taken, and what the log says of it."""
    taken: list[str] = []
    monkeypatch.setattr(buildx, "client", lambda: client)
    monkeypatch.setattr(buildx, "build", lambda *_: taken.append("client") or "id")
    monkeypatch.setattr(docker, "build", lambda *_, **__: taken.append("api") or "id")
    log = Lines()
    clients: Any = Clients(Path(), Engine(builder), log)
    image.build(wanted, clients)
    return taken[0], log.notes[0]


@pytest.fixture
def small(tmp_path: Path) -> BuildRequest:
    return request(tmp_path, "FROM scratch\nCOPY x /\n", {"x": ""})


@pytest.fixture
def large(small: BuildRequest) -> BuildRequest:
    files = tuple(ReadFile(f"f{n}", "file", 0o644, "", 1, (0, 0, 0, 0)) for n in range(image.MANY_FILES + 1))
    return replace(small, file_set=FileSet("context", files))


def test_a_small_context_goes_through_the_api(small: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert way(small, monkeypatch) == ("api", "builder: BuildKit of the engine, through its API")


def test_a_large_one_goes_through_a_client_where_there_is_one(large: BuildRequest, monkeypatch: Any) -> None:
    taken, said = way(large, monkeypatch)
    assert taken == "client" and "501 files" in said
    assert way(large, monkeypatch, client=None)[0] == "api"
    assert way(large, monkeypatch, builder="classic") == (
        "api",
        "builder: the classic builder of the engine, through its API",
    )


def test_a_secret_needs_a_client(small: BuildRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = replace(small, secrets={"token": b"s3cret"})
    assert way(wanted, monkeypatch)[0] == "client"
    for builder, client in (("buildkit", None), ("classic", CLIENT)):
        with pytest.raises(StepError, match=r"image one: its secrets \(token\) need BuildKit") as failed:
            way(wanted, monkeypatch, builder, client)
        assert "docker-buildx" in failed.value.hint and "s3cret" not in str(failed.value)


def test_a_parents_trigger_that_takes_the_context_needs_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = request(tmp_path, "FROM parent\n", {"x": ""}, triggers=reader.fragment("COPY . /app"))
    assert way(wanted, monkeypatch) == ("client", NOTE.format("`ONBUILD COPY . /app` of what it starts from"))
    for builder, client in (("buildkit", None), ("classic", CLIENT)):
        with pytest.raises(StepError, match=r"image one: `ONBUILD COPY \. /app` of what it starts from") as failed:
            way(wanted, monkeypatch, builder, client)
        assert "docker-buildx" in failed.value.hint


def test_a_parents_trigger_that_finds_its_file_where_it_is_needs_none(small: BuildRequest, monkeypatch: Any) -> None:
    for trigger in ("COPY x /app/", "COPY --from=other . /app", "RUN make", "ADD https://example.org/x /"):
        assert way(replace(small, triggers=reader.fragment(trigger)), monkeypatch)[0] == "api"


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
    clients: Any = Clients(Path(), Engine("buildkit"), log)
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
