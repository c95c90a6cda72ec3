"""Two clones, one registry, and an engine that is emptied in between: what was built once is found, and said so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import flaky, put_image, real_registry
from scratch import Scratch, delete, head

from tests.conftest import Pipeline

pytestmark = pytest.mark.engine

IMAGES = (
    "a: {context: a, tags: [v1]}\nb: {context: b, from: {BASE: a}}\nc: {context: b, from: {BASE: a}, args: {N: '2'}}"
)
FILES = {
    "a/Dockerfile": "FROM scratch\nCOPY x /x\n",
    "a/x": "x",
    "b/Dockerfile": "ARG BASE\nFROM $BASE\nARG N\nCOPY y /y\nLABEL n=$N\n",
    "b/y": "y",
}


class Clones:
    """`first` has built and pushed everything; `second` is a fresh checkout, and the engine has nothing."""

    def __init__(self, folder: Path, storage: Path, registry: str, requests: list[tuple[str, str, object]]) -> None:
        self.folder = folder
        self.storage = storage / "storage/docker/registry/v2"
        self.registry = registry
        self.requests = requests
        self.first = Scratch(folder / "first", IMAGES, registry)
        self.first.write(FILES)
        self.first.run()
        self.second = self.clone("second")

    def clone(self, name: str) -> Scratch:
        made = Scratch(self.folder / name, IMAGES, self.registry, self.first.project)
        made.write(FILES)
        made.empty_engine()
        self.requests.clear()
        return made

    def asked(self) -> Counter[str]:
        """Requests to the registry by method and kind: `HEAD manifests`."""
        return Counter(f"{method} {path.split('/')[-2]}" for method, path, _ in self.requests if path != "/v2/")

    def fingerprint(self, image: str) -> str:
        return str(self.first.record(f"build_base:{image}")["fingerprint"])

    def tag(self, image: str) -> str:
        return f"fp-{self.fingerprint(image)[:16]}"

    def digest(self, image: str, tag: str) -> str:
        return head(self.registry, f"{self.first.project}/{image}", tag)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("registry")
    with real_registry(folder) as address:
        yield folder, address


@pytest.fixture
def clones(tmp_path: Path, real: tuple[Path, str]) -> Iterator[Clones]:
    with flaky(real[1], []) as way:
        made = Clones(tmp_path, real[0], way.address, way.requests)
        yield made
        made.first.empty_engine()


def test_a_fresh_checkout_builds_pushes_and_pulls_nothing(clones: Clones) -> None:
    second = clones.second
    assert second.doit("plan") == 2
    second.run()
    assert second.output.count("reused ") == 3
    assert "pushed" not in second.output and "pulling" not in second.output and "builder:" not in second.output
    assert second.images() == []
    assert second.run() == []
    assert second.doit("plan") == 0


def test_where_all_is_there_each_task_ends_before_the_next_begins(clones: Clones) -> None:
    clones.second.run()
    lines = [line.split()[:2] for line in clones.second.output.splitlines() if line.startswith((".  ", "ok  "))]
    assert [kind for kind, _ in lines] == [".", "ok"] * (len(lines) // 2)
    assert all(began[1] == ended[1] for began, ended in zip(lines[::2], lines[1::2], strict=True))
    clones.second.write({"b/y": "changed"})
    clones.second.run()
    assert "builder:" in clones.second.output


def test_each_tag_is_asked_for_once_and_each_label_read_once(clones: Clones) -> None:
    clones.second.run()
    # for each image its fingerprint's tag, its one other tag, and the two documents that lead to its label
    assert clones.asked() == {"HEAD manifests": 6, "GET manifests": 3, "GET blobs": 3}


def test_a_label_is_remembered_by_its_digest(clones: Clones) -> None:
    clones.second.run()
    (clones.second.root / ".bedplate/local.jsonl").unlink()
    clones.requests.clear()
    clones.second.run()
    assert clones.asked() == {"HEAD manifests": 6}


def test_only_what_a_build_needs_is_pulled(clones: Clones) -> None:
    second = clones.second
    second.write({"b/y": "changed"})
    second.run()
    assert "build_base:a  reused" in second.output
    assert second.output.count("pulling ") <= 2 and "/a@sha256:" in second.output
    assert second.file_of("b", "/x") == "x" and second.file_of("b", "/y") == "changed"


def test_another_tag_of_an_image_that_is_there_is_one_put(clones: Clones) -> None:
    second = clones.second
    second.run()
    clones.requests.clear()
    second.spec(IMAGES.replace("[v1]", "[v1, v2]"))
    assert second.run() == ["push:a"]
    assert clones.asked()["PUT manifests"] == 1
    assert "PUT blobs" not in clones.asked() and "POST uploads" not in clones.asked()
    assert clones.digest("a", "v2") == clones.digest("a", "v1") != ""


def test_an_image_under_a_fingerprint_that_its_label_denies_is_not_taken(clones: Clones) -> None:
    wrong = put_image(
        clones.registry, f"{clones.first.project}/a", clones.tag("a"), {"dev.bedplate.fingerprint": "0" * 64}
    )
    assert "build_base:a" in clones.second.run()
    assert "is another image than its tag says: not used" in clones.second.output
    assert clones.digest("a", clones.tag("a")) != wrong
    assert clones.second.run() == []


def test_an_image_without_any_label_is_not_taken(clones: Clones) -> None:
    put_image(clones.registry, f"{clones.first.project}/a", clones.tag("a"), {})
    for _ in range(2):  # what was read once is remembered, and still not taken
        clones.second.run()
        assert clones.second.file_of("a", "/x") == "x"


def test_a_tag_that_was_moved_by_hand_is_put_back(clones: Clones) -> None:
    first = clones.first
    put_image(clones.registry, f"{first.project}/a", "v1", {})
    assert first.doit("plan") == 2
    assert "push:a  tag v1 moved in the registry" in first.output
    assert first.run() == ["push:a"]
    assert "tag v1 moved from" in first.output
    assert clones.digest("a", "v1") == first.record("push:a")["digest"]
    assert first.run() == []


def test_tags_that_were_deleted_come_back(clones: Clones) -> None:
    first = clones.first
    first_digest = clones.digest("a", "v1")
    delete(clones.registry, f"{first.project}/a", first_digest)
    assert first.doit("plan") == 2
    assert "not in the registry" in first.output
    ran = first.run()
    assert "push:a" in ran and "push:b" not in ran
    assert clones.digest("a", clones.tag("a")) == clones.digest("a", "v1") != ""
    assert first.run() == []


def test_a_fingerprints_tag_that_was_deleted_comes_back(clones: Clones) -> None:
    repository = clones.storage / "repositories" / clones.first.project / "a" / "_manifests/tags" / clones.tag("a")
    (repository / "current/link").unlink()
    assert clones.first.doit("plan") == 2
    assert f"tag {clones.tag('a')} not in the registry" in clones.first.output
    assert "push:a" in clones.first.run()
    assert clones.digest("a", clones.tag("a")) == clones.digest("a", "v1") != ""
    assert clones.first.run() == []


def test_environments_are_found_too_and_deploy_pulls_what_it_runs(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = Pipeline(tmp_path / "one", tmp_path / "home")
    try:
        first.run()
        for container in first.containers():
            first.docker("rm", "-f", container)
        first.untag(first.project)
        second = Pipeline(tmp_path / "two", tmp_path / "home", first.project, first.registry_port)
        try:
            tasks = second.run()
            assert {"create_environment:iris", "deploy:iris"} <= set(tasks)
            for name in ("build_base:os", "build_base:base", "create_environment:iris"):
                assert f"{name}  reused" in second.output
            assert "pushed" not in second.output and "builder:" not in second.output
            pulled = [line for line in second.output.splitlines() if "pulling " in line]
            assert len(pulled) == 1 and "environments/iris@sha256:" in pulled[0]
            assert second.run() == []
        finally:
            second.doit("clean")
    finally:
        first.remove()


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Pipeline]:
    """A project whose registry is one that Bedplate started, with images that build in a moment."""
    (tmp_path / "work").mkdir()
    made = Pipeline(tmp_path / "work", tmp_path / "home")
    (made.root / "pipeline.yaml").write_text(
        f"version: 1\nproject: {made.project}\nimages: {{a: {{context: a}}}}\n"
        f"targets: {{local: {{registry: {{kind: local, port: {made.registry_port}}}}}}}\n",
        encoding="utf-8",
    )
    (made.root / "a").mkdir()
    (made.root / "a/Dockerfile").write_text("FROM scratch\nCOPY x /x\n", encoding="utf-8")
    (made.root / "a/x").write_text("x", encoding="utf-8")
    yield made
    made.untag(made.project)
    made.remove()


@pytest.mark.parametrize("state", ["kept", "lost"])
@pytest.mark.parametrize("engine", ["full", "empty"])
def test_a_manifest_that_was_damaged_is_noticed_and_made_anew(ours: Pipeline, state: str, engine: str) -> None:
    ours.run()
    lines = (ours.root / ".bedplate/local.jsonl").read_text().splitlines()
    digest = dict(json.loads(line) for line in lines)["push:a"]["_values_:"]["output"]["digest"].removeprefix("sha256:")
    blobs = ours.home / f"bedplate/registry/{ours.registry_port}/data/docker/registry/v2/blobs/sha256"
    blob = blobs / digest[:2] / digest / "data"
    blob.write_bytes(blob.read_bytes().replace(b'"size"', b'"siez"'))
    if state == "lost":
        (ours.root / ".bedplate/local.jsonl").unlink()
        (ours.root / ".bedplate/cache/labels").unlink(missing_ok=True)
    if engine == "empty":
        ours.untag(ours.project)
    said = ours.doit("plan")
    assert said.returncode == 2, ours.output
    assert "push:a" in ours.run()
    assert ours.run() == []
    ours.docker("pull", "-q", f"127.0.0.1:{ours.registry_port}/{ours.project}/a:latest")
