"""ONBUILD of a parent image: what its triggers take is part of what starts from it, wherever the parent comes from."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import real_registry
from scratch import Scratch, docker, head, untag

pytestmark = pytest.mark.engine
TRIGGERS = 'FROM scratch\nLABEL run={run}\nONBUILD COPY taken /taken\nONBUILD LABEL odd="\u2028 \\" {{#"\n'


class World:
    """`up` holds a parent whose triggers take the file `taken`; the project's `a` has a FROM and nothing else."""

    def __init__(self, folder: Path, up: str, own: str) -> None:
        self.reference = f"{up}/up/parent:{uuid.uuid4().hex[:8]}"
        (folder / "parent").mkdir()
        (folder / "parent/Dockerfile").write_text(TRIGGERS.format(run=self.reference), encoding="utf-8")
        docker("build", "-t", self.reference, str(folder / "parent"))
        docker("push", self.reference)
        docker("rmi", "-f", self.reference)
        self.project = Scratch(folder / "work", "a: {context: a}", own)
        self.project.write({"a/taken": "one", "a/other": "one"})

    @property
    def digest(self) -> str:
        host, _, rest = self.reference.partition("/")
        repository, _, tag = rest.partition(":")
        return f"{host}/{repository}@{head(host, repository, tag)}"


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with real_registry(tmp_path_factory.mktemp("up")) as up, real_registry(tmp_path_factory.mktemp("own")) as own:
        yield up, own


@pytest.fixture
def world(tmp_path: Path, registries: tuple[str, str]) -> Iterator[World]:
    made = World(tmp_path, *registries)
    yield made
    made.project.empty_engine()
    untag(made.reference.rpartition(":")[0])


def rebuilds_for_what_is_taken_alone(project: Scratch) -> None:
    assert project.run() == []
    project.write({"a/other": "two"})
    assert project.run() == []
    project.write({"a/taken": "two"})
    assert "build_base:a" in project.run()
    assert project.file_of("a", "/taken") == "two"
    assert project.run() == []


@pytest.mark.parametrize("by_digest", [False, True], ids=["by tag", "by digest"])
def test_a_file_that_a_parents_trigger_takes_is_an_input(world: World, by_digest: bool) -> None:
    project = world.project
    project.write({"a/Dockerfile": f"FROM {world.digest if by_digest else world.reference}\n"})
    project.run()
    assert project.file_of("a", "/taken") == "one"
    rebuilds_for_what_is_taken_alone(project)


def test_the_lock_tells_the_triggers_where_nobody_can_be_asked(world: World) -> None:
    project = world.project
    project.write({"a/Dockerfile": f"FROM {world.reference}\n"})
    assert project.doit("lock") == 0
    assert project.lock()[world.reference]["linux/amd64"]["onbuild"][0] == "COPY taken /taken"
    shutil.rmtree(project.root / ".bedplate")
    assert project.doit("inputs", "a", DOCKER_HOST="tcp://127.0.0.1:1", CI="1") == 0
    assert "  a/taken" in project.output
    assert "a/other" not in project.output


def test_a_parent_of_the_same_pipeline_is_known_from_its_text(world: World) -> None:
    project = world.project
    project.spec("p: {context: p}\na: {context: a, from: {BASE: p}}")
    project.write({"p/Dockerfile": TRIGGERS.format(run=uuid.uuid4())})
    project.write({"a/Dockerfile": "ARG BASE\nFROM $BASE\n"})
    assert {"build_base:p", "build_base:a"} <= set(project.run())
    assert project.file_of("a", "/taken") == "one"
    rebuilds_for_what_is_taken_alone(project)
    project.write({"p/Dockerfile": (project.root / "p/Dockerfile").read_text().replace("taken /taken", "other /taken")})
    assert {"build_base:p", "build_base:a"} <= set(project.run())
    assert project.file_of("a", "/taken") == "two", "what `other` holds"
    project.write({"a/other": "three"})
    assert "build_base:a" in project.run()


INDEX = "https://somebody:s3cret@index.example.org/simple"


@pytest.mark.parametrize(
    ("trigger", "own", "taken"),
    [
        ("COPY . /all/", "COPY taken /t/", {"all/Dockerfile", "all/other", "all/taken", "t/taken"}),
        ("COPY * /all/", "", {"all/Dockerfile", "all/other", "all/taken"}),
        ("COPY other /all/", "COPY t* /t/", {"all/other", "t/taken"}),
        ("ADD taken /all/", "COPY . /t/", {"all/taken", "t/Dockerfile", "t/other", "t/taken"}),
    ],
)
def test_a_trigger_takes_the_users_files_and_nothing_that_is_for_the_build(
    world: World, trigger: str, own: str, taken: set[str]
) -> None:
    project = world.project
    project.spec("p: {context: p}\na: {context: a, from: {BASE: p}}")
    project.write({"p/Dockerfile": f"FROM scratch\nLABEL run={uuid.uuid4()}\nONBUILD {trigger}\n"})
    project.write({"a/Dockerfile": f"ARG BASE\nFROM $BASE\n{own}\n"})
    assert project.doit(PIP_INDEX_URL=INDEX) == 0, project.output
    assert "build_base:a  builder: BuildKit of the engine, through its API" in project.output
    container = docker("create", project.record("build_base:a")["tag"], "nothing")
    try:
        content = subprocess.run(["docker", "export", container], capture_output=True, check=True).stdout
    finally:
        docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        files = {entry.name for entry in opened if entry.isfile()}
    assert {name for name in files if name.startswith(("all/", "t/"))} == taken
    assert b"s3cret" not in content


def test_a_trigger_whose_file_is_not_there_is_told_at_the_from(world: World) -> None:
    project = world.project
    project.write({"a/Dockerfile": f"# a\nFROM {world.reference}\n"})
    (project.root / "a/taken").rename(project.root / "a/takem")
    assert project.doit() == 3
    assert "a/Dockerfile:2:1: there is no taken in the context (ONBUILD COPY taken /taken" in project.output
    assert "did you mean 'takem'?" in project.output
