"""build_base: built once, found again in the engine and in the registry, by its label and not by its tag alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import Lines, all_bytes, files_of, write
from registries import real_registry

from bedplate import fingerprint, labels, specfile
from bedplate.builders import ship
from bedplate.clients import answers, docker_host
from bedplate.clients.credentials import anonymous
from bedplate.clients.docker_engine import Engine
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.model import BuiltImage, Registry, Spec
from bedplate.questions import AskImage, AskManifest, Unreachable
from bedplate.reads import Reads
from bedplate.seen import Seen
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles, Given
from steps import build_base

TARGET = "targets: {local: {registry: {kind: local, port: %s}}}\n"
Make = Callable[..., "Project"]


class Project:
    """A project of its own, and what `step.Clients` offers, on the real engine and a real registry."""

    def __init__(self, root: Path, images: str, files: Mapping[str, str], registry: Registry) -> None:
        name = f"bptest-{uuid.uuid4().hex[:8]}"
        port = registry.address.rpartition(":")[2]
        write(root, {"pipeline.yaml": f"version: 1\nproject: {name}\n{images}{TARGET % port}", **files})
        self.root = root
        self.address = registry
        self.log = Lines(root / "build.log")
        self.engine = Engine(docker_host.address())
        self.again = False
        self.seen = Seen(root / "labels")
        self.spec: Spec = specfile.load(root / "pipeline.yaml", None)
        self._remote = OciRegistry(registry, anonymous)
        self.reads = Reads(root, StatCache(root / "stats"), lambda *_: "")

    def registry(self, registry: Registry) -> OciRegistry:
        return self._remote

    def recipe(self, files: DockerfileFiles) -> Any:
        return self.reads.recipe(files)

    def pinned(self, reference: str, platform: str) -> str:
        return reference

    def build(self, *, only: str = "") -> dict[str, BuiltImage]:
        """Runs every task; outputs by image."""
        made: dict[str, BuiltImage] = {}
        for task in build_base.tasks(self.spec):
            outputs: dict[str, Any] = {f"build_base:{n}": image for n, image in made.items()}
            identities = {n: o.identity for n, o in outputs.items()}
            digest = fingerprint.digest(fingerprint.of(task, self.reads.parts(task), identities))
            outputs["resolve_registry"] = self.address
            given = Given(task.name, digest, self.reads.file_sets(task), outputs, task.aside)
            made[task.entry] = build_base.run(task.inputs, given, self)
        return made

    def clean(self) -> None:
        images = self.engine.api.images(filters={"label": f"{labels.PROJECT}={self.spec.project}"})
        for image in images:  # by id and by force: under the names of a registry as well
            self.engine.api.remove_image(image["Id"], force=True)


@pytest.fixture
def make(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    made: list[Project] = []
    with real_registry(tmp_path_factory.mktemp("registry")) as address:

        def make(images: str, files: Mapping[str, str]) -> Project:
            made.append(Project(tmp_path, images, files, Registry("local", address, True)))
            return made[-1]

        yield make
        for project in made:
            project.clean()


ONE = "images: {one: {context: one}}\n"
SCRATCH = {"one/Dockerfile": "FROM scratch\nCOPY x /x\n", "one/x": "1"}


@pytest.mark.engine
def test_an_image_is_built_with_labels_that_say_what_made_it(make: Make) -> None:
    project = make(ONE, SCRATCH)
    built = project.build()["one"]
    name = project.spec.project
    assert built.tag == f"{name}/one:fp-{built.fingerprint[:16]}"
    found = project.engine.image(built.tag)
    assert found and found["Config"]["Labels"] == {
        "dev.bedplate.project": name,
        "dev.bedplate.image": "one",
        "dev.bedplate.fingerprint": built.fingerprint,
        "dev.bedplate.spec-version": "1",
        "org.opencontainers.image.title": f"{name}/one",
    }


@pytest.mark.engine
def test_what_the_engine_has_is_not_built_again(make: Make) -> None:
    project = make(ONE, SCRATCH)
    first = project.build()
    project.log.lines.clear()
    assert project.build() == first
    assert project.log.lines == []
    assert any(note.startswith("reused") for note in project.log.notes)


@pytest.mark.engine
def test_doit_a_builds_what_is_there_already(make: Make) -> None:
    project = make(ONE, SCRATCH)
    project.build()
    project.log.lines.clear()
    project.again = True
    project.build()
    assert project.log.lines != []


@pytest.mark.engine
def test_an_image_that_another_machine_pushed_is_found_and_not_pulled(make: Make) -> None:
    project = make(ONE, SCRATCH)
    built = project.build()["one"]
    repository = f"{project.address.address}/{project.spec.project}/one"
    pushed = ship.ship(built, repository, ("v1",), project.address, project)
    project.clean()
    project.log.lines.clear()
    assert project.build()["one"] == replace(built, digest=pushed.digest)
    assert project.log.lines == [] and project.engine.image(built.tag) is None


@pytest.mark.engine
def test_a_tag_that_was_moved_by_hand_is_not_believed(make: Make) -> None:
    project = make(ONE, SCRATCH)
    built = project.build()["one"]
    (project.root / "one" / "x").write_text("2")
    project.reads = Reads(project.root, StatCache(project.root / "stats"), lambda *_: "")
    other = project.build()["one"]
    repository = f"{project.address.address}/{project.spec.project}/one"
    ship.ship(other, repository, (labels.short(built.fingerprint),), project.address, project)
    project.engine.tag(other.tag, built.tag)
    (project.root / "one" / "x").write_text("1")
    project.reads = Reads(project.root, StatCache(project.root / "stats"), lambda *_: "")
    project.log.lines.clear()
    assert project.build()["one"] == built
    assert project.log.lines != []
    assert any("another image than its tag says" in note for note in project.log.notes)


@pytest.mark.engine
def test_an_image_of_the_spec_reaches_the_one_built_on_it_through_the_registry(make: Make) -> None:
    project = make(
        "images: {one: {context: one}, two: {context: two, from: {BASE: one}}}\n",
        {**SCRATCH, "two/Dockerfile": "ARG BASE\nFROM ${BASE}\nCOPY y /y\n", "two/y": ""},
    )
    built = project.build()
    repository = f"{project.address.address}/{project.spec.project}/one"
    ship.ship(built["one"], repository, (), project.address, project)
    project.clean()
    (project.root / "two" / "y").write_text("changed")
    project.reads = Reads(project.root, StatCache(project.root / "stats"), lambda *_: "")
    again = project.build()
    assert again["one"].digest and again["two"].fingerprint != built["two"].fingerprint
    assert {"x", "y"} <= set(files_of(project.engine, again["two"].tag))


@pytest.mark.engine
def test_a_missing_secret_is_named_and_its_text_is_shown_nowhere(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "images: {one: {context: one, secrets: {token: {env: BPTEST_TOKEN}}}}\n"
    project = make(text, SCRATCH)
    monkeypatch.delenv("BPTEST_TOKEN", raising=False)
    with pytest.raises(StepError, match="secret token of image one.*BPTEST_TOKEN"):
        project.build()
    monkeypatch.setenv("BPTEST_TOKEN", "t0ken-of-the-test")
    built = project.build()["one"]
    assert "t0ken-of-the-test" not in project.log.text
    assert b"t0ken-of-the-test" not in all_bytes(project.engine, built.tag)
    monkeypatch.setenv("BPTEST_TOKEN", "another")
    assert project.build()["one"] == built  # the text of a secret is no part of what an image is


@pytest.mark.engine
def test_a_rootfs_becomes_an_image(make: Make, os_image: str) -> None:
    packages = "[python3-venv, python3, ca-certificates]"  # in any order: the same as the tests' own
    project = make(f"images: {{os: {{rootfs: {{suite: bookworm, packages: {packages}, variant: minbase}}}}}}\n", {})
    built = project.build()["os"]
    assert set(files_of(project.engine, built.tag)) == set(files_of(project.engine, os_image))
    assert any("kept from an earlier build" in note for note in project.log.notes)


@pytest.mark.engine
def test_a_reference_is_taken_as_it_is(make: Make) -> None:
    project = make(ONE, SCRATCH)
    built = project.build()["one"]
    repository = f"{project.address.address}/{project.spec.project}/upstream"
    pushed = ship.ship(built, repository, ("v1",), project.address, project)
    project.engine.remove_image(f"{repository}:{labels.short(built.fingerprint)}")
    text = (project.root / "pipeline.yaml").read_text()
    copy = f'images: {{copy: {{reference: "{repository}@{pushed.digest}"}}}}\n'
    (project.root / "pipeline.yaml").write_text(text.replace(ONE, copy))
    project.spec = specfile.load(project.root / "pipeline.yaml", None)
    taken = project.build()["copy"]
    held, source = project.engine.image(taken.tag), project.engine.image(built.tag)
    assert held and source and held["Id"] == source["Id"]
    project.engine.remove_image(taken.tag)
    project.engine.remove_image(f"{repository}@{pushed.digest}")


def loaded(tmp_path: Path, images: str) -> Spec:
    write(tmp_path, {"pipeline.yaml": f"version: 1\nproject: p\n{images}{TARGET % 5000}", **SCRATCH})
    return specfile.load(tmp_path / "pipeline.yaml", None)


def parts(tmp_path: Path, images: str) -> Any:
    (task,) = build_base.tasks(loaded(tmp_path, images))
    return dict(fingerprint.of_inputs(task.inputs)), task.files


def test_a_tag_is_no_part_of_what_is_built(tmp_path: Path) -> None:
    assert parts(tmp_path, ONE) == parts(tmp_path, "images: {one: {context: one, tags: [v1, v2]}}\n")
    assert parts(tmp_path, ONE) != parts(tmp_path, "images: {two: {context: one}}\n")


def test_every_setting_of_a_rootfs_counts_and_the_order_of_its_packages_does_not(tmp_path: Path) -> None:
    def of(setting: str) -> Any:
        return parts(tmp_path, f"images: {{os: {{rootfs: {{suite: bookworm, packages: [a, b]{setting}}}}}}}\n")

    same = parts(tmp_path, "images: {os: {rootfs: {suite: bookworm, packages: [b, a, b]}}}\n")
    assert same == of("")
    changed = [of(s) for s in (", variant: apt", ", components: [main, contrib]", ", mirror: 'http://m.example'")]
    assert all(one != of("") for one in changed)


PRESENT = "p/one:fp-" + "a" * 16
OUTPUT = BuiltImage("one", PRESENT, "a" * 64, None)
MANIFEST = AskManifest("127.0.0.1:5000", "p/one", "fp-" + "a" * 16)


@pytest.mark.parametrize(
    ("engine", "registry", "why"),
    [
        ({labels.FINGERPRINT: "a" * 64}, None, None),
        ({labels.FINGERPRINT: "b" * 64}, None, "neither in the engine nor in the registry"),
        (None, "sha256:" + "0" * 64, None),
        (None, None, "neither in the engine nor in the registry"),
        (Unreachable(), None, None),
        (None, Unreachable(), None),
    ],
)
def test_an_image_is_there_if_the_engine_or_the_registry_has_it(
    engine: Any, registry: Any, why: str | None, tmp_path: Path
) -> None:
    asked = build_base.asks(OUTPUT, loaded(tmp_path, ONE))
    assert set(asked) == {AskImage(PRESENT), MANIFEST}
    assert build_base.present(OUTPUT, {AskImage(PRESENT): engine, MANIFEST: registry}) == why


@pytest.mark.engine
def test_the_questions_are_answered_as_they_are_asked(make: Make) -> None:
    project = make(ONE, SCRATCH)
    built = project.build()["one"]
    said = answers.answer(build_base.asks(built, project.spec), docker_host.address(), project.registry)
    assert build_base.present(built, said) is None
    project.clean()
    said = answers.answer(build_base.asks(built, project.spec), docker_host.address(), project.registry)
    assert build_base.present(built, said) == "neither in the engine nor in the registry"
