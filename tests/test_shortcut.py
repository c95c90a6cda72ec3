"""A run that has nothing to do says so from what the last one looked at, and only while all of it is as it was."""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registries import put_image

from tests.conftest import Pipeline

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A project whose registry is one that Bedplate started, with an image that builds in a moment."""
    folder = tmp_path_factory.mktemp("shortcut")
    (folder / "work").mkdir()
    pipeline = Pipeline(folder / "work", folder / "home")
    (pipeline.root / "pipeline.yaml").write_text(
        f"version: 1\nproject: {pipeline.project}\nimages: {{a: {{context: a}}}}\n"
        f"targets: {{local: {{registry: {{kind: local, port: {pipeline.registry_port}}}}}}}\n",
        encoding="utf-8",
    )
    (pipeline.root / "a").mkdir()
    (pipeline.root / "a/Dockerfile").write_text("FROM scratch\nCOPY x /x\n", encoding="utf-8")
    (pipeline.root / "a/x").write_text("x", encoding="utf-8")
    pipeline.run()
    yield pipeline
    pipeline.untag(pipeline.project)
    pipeline.remove()


@pytest.fixture
def settled(made: Pipeline) -> Pipeline:
    """After runs that did nothing, the last of them by the shortcut."""
    made.run()
    time.sleep(0.05)  # what is younger than a tick of the clock is not trusted
    assert made.run() == []
    assert by_shortcut(made)
    return made


def by_shortcut(made: Pipeline) -> bool:
    """Does a run end without looking further? One that looks, and finds nothing to do, leaves another stamp."""
    file = made.root / ".bedplate/cache/unchanged."
    before = written(file)
    assert made.run() == []
    return before is not None and written(file) == before


def written(file: Path) -> tuple[int, int] | None:
    """Another one each time it is."""
    return (file.stat().st_ino, file.stat().st_mtime_ns) if file.exists() else None


def storage(made: Pipeline) -> Path:
    return made.home / f"bedplate/registry/{made.registry_port}/data/docker/registry/v2"


def manifests(made: Pipeline) -> Path:
    return storage(made) / f"repositories/{made.project}/a/_manifests"


def digest(made: Pipeline) -> str:
    said: dict[str, str] = json.loads(json.dumps(made.records()["push:a"]))["_values_:"]["output"]
    return said["digest"].removeprefix("sha256:")


def blob(made: Pipeline) -> Path:
    return storage(made) / "blobs/sha256" / digest(made)[:2] / digest(made) / "data"


def move_the_tag(made: Pipeline) -> None:
    put_image(f"127.0.0.1:{made.registry_port}", f"{made.project}/a", "latest", {})


def delete_the_tag(made: Pipeline) -> None:
    (manifests(made) / "tags/latest/current/link").unlink()


def delete_the_revision(made: Pipeline) -> None:
    (manifests(made) / f"revisions/sha256/{digest(made)}/link").unlink()


def damage_the_manifest(made: Pipeline) -> None:
    blob(made).write_bytes(blob(made).read_bytes().replace(b'"size"', b'"siez"'))


def delete_the_manifest(made: Pipeline) -> None:
    blob(made).unlink()


IN_THE_REGISTRY = [move_the_tag, delete_the_tag, delete_the_revision, damage_the_manifest, delete_the_manifest]


@pytest.mark.parametrize("act", IN_THE_REGISTRY)
def test_what_changes_in_a_registry_of_ours_is_noticed(settled: Pipeline, act: Callable[[Pipeline], None]) -> None:
    act(settled)
    assert settled.run() == ["push:a"]
    assert settled.run() == []


def test_an_ignore_file_that_appears_is_noticed(settled: Pipeline) -> None:
    ignore = settled.root / "a/.dockerignore"
    ignore.write_text("*.md\n", encoding="utf-8")
    assert not by_shortcut(settled)
    ignore.unlink()
    assert not by_shortcut(settled)


def test_an_edit_is_noticed_and_taken_back(settled: Pipeline) -> None:
    (settled.root / "a/x").write_text("y", encoding="utf-8")
    assert settled.run() == ["build_base:a", "push:a"]
    (settled.root / "a/x").write_text("x", encoding="utf-8")
    assert settled.run() == ["build_base:a", "push:a"]


def test_an_edit_of_what_a_linked_spec_leads_to_is_noticed(made: Pipeline) -> None:
    spec = made.root / "pipeline.yaml"
    spec.rename(made.root / "elsewhere.yaml")
    spec.symlink_to("elsewhere.yaml")
    made.run()
    time.sleep(0.05)
    made.run()
    assert by_shortcut(made)
    made.edit("elsewhere.yaml", append="# a comment\n")
    assert not by_shortcut(made)
    spec.unlink()
    (made.root / "elsewhere.yaml").rename(spec)


def test_a_registry_that_was_stopped_is_started_again(settled: Pipeline) -> None:
    settled.doit("clean", "resolve_registry")
    assert settled.run() == ["resolve_registry"]
    assert settled.run() == []


def test_what_the_engine_said_is_known_by_its_sum_until_an_image_is_gone(settled: Pipeline) -> None:
    known = settled.root / ".bedplate/cache/lists."
    before = written(known)
    assert by_shortcut(settled)
    assert written(known) == before
    settled.untag(f"{settled.project}/a:fp-")
    assert not by_shortcut(settled), "it is still in the registry"
    assert by_shortcut(settled)
    assert written(known) != before


def test_nothing_is_kept_where_somebody_could_not_be_asked(settled: Pipeline) -> None:
    file = settled.root / ".bedplate/cache/unchanged."
    file.unlink()
    ran = settled.doit(DOCKER_HOST="unix:///nonexistent/docker.sock")
    assert (ran.returncode, "up to date" in ran.stdout) == (0, True), ran.stderr
    assert not file.exists()


def test_a_copy_of_the_folder_looks_at_its_own_files(settled: Pipeline, tmp_path: Path) -> None:
    other = copy.copy(settled)
    other.root = tmp_path / "copy"
    shutil.copytree(settled.root, other.root)
    (other.root / "a/x").write_text("of the copy", encoding="utf-8")
    assert other.run() == ["build_base:a", "push:a"]
