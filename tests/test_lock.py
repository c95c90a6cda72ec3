"""pipeline.lock on real registries: what is built comes from the locked digest, however its reference is written."""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import PASSWORD, USER, issuer, real_registry
from scratch import Scratch, docker, index, untag, upstream

pytestmark = pytest.mark.engine


class World:
    """Two registries: `up` with the images of others, `own` with ours; and a project."""

    def __init__(self, folder: Path, up: str, own: str) -> None:
        self.up = up
        self.project = Scratch(folder / "work", "a: {context: a}", own)
        self.write("FROM {up}/up/alpine:1\nCOPY x /x\n")

    def write(self, dockerfile: str) -> None:
        self.project.write({"a/Dockerfile": dockerfile.replace("{up}", self.up), "a/x": "x"})

    def put(self, content: str, tag: str = "1", name: str = "alpine") -> str:
        return upstream(self.up, f"up/{name}", tag, content)


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with real_registry(tmp_path_factory.mktemp("up")) as up, real_registry(tmp_path_factory.mktemp("own")) as own:
        yield up, own


@pytest.fixture
def world(tmp_path: Path, registries: tuple[str, str]) -> Iterator[World]:
    made = World(tmp_path, *registries)
    made.put("one")
    yield made
    made.project.empty_engine()
    untag(f"{made.up}/up/")


def test_a_tag_that_moves_changes_nothing_until_the_lock_is_updated(world: World) -> None:
    project, reference = world.project, f"{world.up}/up/alpine:1"
    first = world.put(f"first {uuid.uuid4()}")
    project.run()
    assert f"pipeline.lock: {reference} (linux/amd64) locked as {first[:19]}" in project.output
    assert project.lock()[reference]["linux/amd64"]["digest"] == first
    second_content = f"second {uuid.uuid4()}"
    second = world.put(second_content)
    assert project.run() == []
    assert project.file_of("a", "/up").startswith("first")
    # not even where nothing of the first build is left
    shutil.rmtree(project.root / ".bedplate")
    project.empty_engine()
    project.write({"a/x": "changed"})
    assert "build_base:a" in project.run()
    assert project.file_of("a", "/up").startswith("first")
    assert project.doit("outdated") == 2
    assert f"{first[:19]} -> {second[:19]}  taken less than an hour ago" in project.output
    assert project.doit("lock", "--update") == 0
    assert f"{reference} (linux/amd64) moved from {first[:19]} to {second[:19]}" in project.output
    assert project.doit("plan") == 2
    assert f"from {reference} moved" in project.output
    assert project.run() == ["build_base:a", "push:a"]
    assert project.file_of("a", "/up") == second_content
    assert project.doit("outdated") == 0


def test_the_file_on_disk_stays_as_it_was_written(world: World) -> None:
    before = (world.project.root / "a/Dockerfile").read_bytes()
    world.project.run()
    assert "@sha256:" in world.project.output
    assert (world.project.root / "a/Dockerfile").read_bytes() == before


def test_a_reference_is_locked_as_it_is_once_arguments_are_expanded(world: World) -> None:
    world.write("ARG NAME=alpine TAG\nFROM {up}/up/$NAME:${TAG:-1}\nCOPY x /x\n")
    two = world.put("two", tag="2")
    world.project.spec("a: {context: a, args: {TAG: '2'}}")
    world.project.run()
    assert {k: v["linux/amd64"]["digest"] for k, v in world.project.lock().items()} == {f"{world.up}/up/alpine:2": two}
    assert world.project.file_of("a", "/up") == "two"


def test_an_image_that_copy_or_a_mount_takes_from_is_locked_too(world: World) -> None:
    world.put("other", name="other")
    world.write("FROM {up}/up/alpine:1\nCOPY --from={up}/up/other:1 /up /other\n")
    world.project.run()
    world.put("moved", name="other")
    world.put("moved")
    world.project.write({"a/x": "y"})
    world.project.run("-a", "build_base:a")
    assert world.project.file_of("a", "/other") == "other"
    assert len(world.project.lock()) == 2


def test_of_an_index_the_index_is_locked_and_the_platform_taken(world: World) -> None:
    ours = world.put("for amd64", tag="amd64", name="many")
    others = upstream(world.up, "up/many", "arm64", "for arm64", arch="arm64")
    both = index(world.up, "up/many", "1", {"amd64": ours, "arm64": others})
    world.write("FROM {up}/up/many:1\nCOPY x /x\n")
    world.project.run()
    assert world.project.lock()[f"{world.up}/up/many:1"]["linux/amd64"]["digest"] == both
    assert world.project.file_of("a", "/up") == "for amd64"


def test_a_reference_with_a_digest_needs_no_entry(world: World) -> None:
    digest = world.put("pinned by hand")
    world.put("moved")
    world.write(f"FROM {{up}}/up/alpine:1@{digest}\nCOPY x /x\n")
    world.project.run("--locked")
    assert not (world.project.root / "pipeline.lock").exists()
    assert world.project.file_of("a", "/up") == "pinned by hand"


def test_a_reference_image_of_the_spec_is_locked(world: World) -> None:
    project = world.project
    first = world.put("first", name="ref")
    project.spec(f"r: {{reference: '{world.up}/up/ref:1'}}")
    assert project.run() == ["resolve_registry", "build_base:r", "push:r"]
    assert project.lock()[f"{world.up}/up/ref:1"]["linux/amd64"]["digest"] == first
    world.put("second", name="ref")
    assert project.run() == []
    assert project.file_of("r", "/up") == "first"
    project.doit("lock", "--update", "r")
    assert project.run() == ["build_base:r", "push:r"]
    assert project.file_of("r", "/up") == "second"


def test_a_copy_of_a_reference_image_is_proved_by_its_config_and_pulled_no_more(world: World) -> None:
    project = world.project
    world.put("first", name="ref")
    project.spec(f"r: {{reference: '{world.up}/up/ref:1'}}")
    project.run()
    project.empty_engine()
    untag(f"{world.up}/up/ref")
    shutil.rmtree(project.root / ".bedplate")
    assert project.run() == ["resolve_registry", "build_base:r", "push:r"]
    assert "reused" in project.output and "pulling" not in project.output and "pushed" not in project.output
    assert project.run() == []


def test_where_nothing_may_be_taken_a_missing_entry_is_an_error_with_its_place(world: World) -> None:
    for args, environ, why in ((("--locked",), {}, "--locked"), ((), {"CI": "true"}, "CI is set")):
        assert world.project.doit(*args, **environ) == 3
        assert f"a/Dockerfile:1:6: {world.up}/up/alpine:1 (linux/amd64) is not in pipeline.lock ({why})" in (
            world.project.output
        )
        assert "hint: `doit lock` takes its digest" in world.project.output
    assert not (world.project.root / "pipeline.lock").exists()
    assert world.project.doit("lock") == 0
    world.project.run("--locked")
    world.project.run(CI="true")


def test_check_says_what_is_missing_and_what_is_unused_and_changes_neither(world: World) -> None:
    project = world.project
    assert project.doit("lock") == 0
    assert project.doit("lock", "--check") == 0
    assert "1 upstream image, all locked" in project.output
    world.put("two", tag="2")
    world.write("FROM {up}/up/alpine:2\nCOPY x /x\n")
    before = (project.root / "pipeline.lock").read_bytes()
    assert project.doit("lock", "--check") == 1
    assert f"a/Dockerfile:1:6: {world.up}/up/alpine:2 (linux/amd64) is not in pipeline.lock" in project.output
    assert f"{world.up}/up/alpine:1 (linux/amd64) is used by no image" in project.output
    assert (project.root / "pipeline.lock").read_bytes() == before
    assert project.doit("lock") == 0
    assert f"{world.up}/up/alpine:1 (linux/amd64) dropped: no image uses it" in project.output
    assert list(project.lock()) == [f"{world.up}/up/alpine:2"]


def test_update_of_one_image_leaves_the_others_as_they_are(world: World) -> None:
    project = world.project
    old = world.put("other", name="other")
    project.spec("a: {context: a}\nb: {context: b}")
    project.write({"b/Dockerfile": f"FROM {world.up}/up/other:1\n"})
    project.doit("lock")
    new, _ = world.put("moved"), world.put("moved too", name="other")
    assert project.doit("lock", "--update", "a") == 0
    taken = {reference: entry["linux/amd64"]["digest"] for reference, entry in project.lock().items()}
    assert taken == {f"{world.up}/up/alpine:1": new, f"{world.up}/up/other:1": old}
    assert project.doit("lock", "--update", "c") == 3
    assert "there is no image 'c' in pipeline.yaml" in project.output


def test_a_registry_that_is_down_is_named_and_what_others_say_is_kept(world: World) -> None:
    project = world.project
    project.spec("a: {context: a}\nb: {context: b}")
    project.write({"b/Dockerfile": "FROM 127.0.0.1:9/up/gone:1\n"})
    assert project.doit("lock") == 1
    assert "127.0.0.1:9/up/gone:1: " in project.output
    assert list(project.lock()) == [f"{world.up}/up/alpine:1"]
    assert project.doit("plan") == 1
    assert project.doit() == 1
    assert "127.0.0.1:9/up/gone:1: " in project.output


def test_only_the_digests_are_asked_for_that_the_named_tasks_need(world: World) -> None:
    project = world.project
    project.spec("a: {context: a}\nb: {context: b}")
    project.write({"b/Dockerfile": "FROM 127.0.0.1:9/up/gone:1\n"})
    assert project.doit("plan", "a") == 2
    assert f"pipeline.lock would get {world.up}/up/alpine:1" in project.output
    assert project.doit("push:a") == 0
    assert list(project.lock()) == [f"{world.up}/up/alpine:1"]
    assert project.doit("plan", "b") == 1
    assert "127.0.0.1:9/up/gone:1: " in project.output


def test_an_unknown_image_of_a_registry_is_named(world: World) -> None:
    world.write("FROM {up}/up/alpine:nine\n")
    assert world.project.doit() == 1
    assert f"{world.up}/up/alpine:nine: {world.up} has no such image" in world.project.output


def test_an_image_that_only_the_engine_has_is_taken_as_it_is_there(world: World) -> None:
    project = world.project
    name = f"{project.project}/only-here:1"
    docker("build", "-q", "-t", name, "--label", f"dev.bedplate.project={project.project}", str(_context(project)))
    world.write(f"FROM {name}\nCOPY x /x\n")
    project.run()
    assert project.lock()[name]["linux/amd64"]["digest"].startswith("sha256:")
    assert project.file_of("a", "/only") == "only here"
    assert project.run() == []
    project.write({"only/only": "another", "a/x": "changed"})
    label = f"dev.bedplate.project={project.project}"
    docker("build", "-q", "-t", name, "--label", label, str(project.root / "only"))
    assert project.doit() == 1
    assert "which no registry has; the engine's own is another image now" in project.output
    assert "hint: `doit lock --update` takes the engine's" in project.output
    project.doit("lock", "--update")
    project.run()
    assert project.file_of("a", "/only") == "another"


def test_a_second_name_of_a_pulled_image_is_taken_as_the_engine_has_it(world: World) -> None:
    project = world.project
    name = f"{project.project}/second:1"
    docker("pull", "-q", f"{world.up}/up/alpine:1")
    docker("tag", f"{world.up}/up/alpine:1", name)
    try:
        world.write(f"FROM {name}\nCOPY x /x\n")
        project.run()
        assert project.file_of("a", "/up") == "one"
        assert project.run() == []
    finally:
        docker("rmi", name)


def test_a_registry_with_a_sign_in_is_asked_and_pulled_from_as_the_user(
    tmp_path: Path, registries: tuple[str, str]
) -> None:
    for name in ("issuer", "up", "docker"):
        (tmp_path / name).mkdir()
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    with issuer(tmp_path / "issuer") as tokens, real_registry(tmp_path / "up", **tokens.settings) as up:
        token = _token(tokens.address, basic, "repository:up/private:pull,push")
        digest = upstream(up, "up/private", "1", "private", f"Bearer {token}")
        (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {up: {"auth": basic}}}))
        project = Scratch(tmp_path / "work", "a: {context: a}", registries[1])
        project.write({"a/Dockerfile": f"FROM {up}/up/private:1\nCOPY x /x\n", "a/x": "x"})
        tokens.requests.clear()
        project.run(DOCKER_CONFIG=str(tmp_path / "docker"))
        try:
            assert project.lock()[f"{up}/up/private:1"]["linux/amd64"]["digest"] == digest
            assert project.file_of("a", "/up") == "private"
            asked = [headers.get("Authorization") for _, _, headers in tokens.requests]
            assert asked and set(asked) == {f"Basic {basic}"}, "the lock and the pull both sign in"
            kept = (project.root / "pipeline.lock").read_text() + project.output
            assert PASSWORD not in kept and basic not in kept
        finally:
            project.empty_engine()
            untag(f"{up}/up/")


def _context(project: Scratch) -> Path:
    project.write({"only/Dockerfile": "FROM scratch\nCOPY only /only\n", "only/only": "only here"})
    return project.root / "only"


def _token(address: str, basic: str, scope: str) -> str:
    import requests

    answer = requests.get(
        f"http://{address}/token",
        params={"scope": scope, "service": "test"},
        headers={"Authorization": f"Basic {basic}"},
        timeout=10,
    )
    return str(answer.json()["token"])
