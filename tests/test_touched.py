"""After a few edits `doit plan` looks at what these bear on, and says what a look at the whole project says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import real_registry

from bedplate.context.disk import LARGE
from bedplate.tasks.session import Session
from bedplate.tasks.shortcut import Shortcut
from tests.conftest import Pipeline

pytestmark = pytest.mark.engine

NAMES = [f"n{number:02}" for number in range(24)]
CHAIN = {"n01": "n00", "n02": "n01", "n03": "n00"}  # image -> the image that it is built on
SHARING = ("left", "right")  # images that share a context
COUNT = 1 + 3 * len(NAMES) + 2 * (len(NAMES) + 1) + 2 * (len(SHARING) + 2)  # tasks
SHARED = "n05"  # an environment that another service uses as well


def image(name: str) -> str:
    parent = CHAIN.get(name)
    return f"  {name}: {{context: images/{name}{f', from: {{BASE: {parent}}}' if parent else ''}}}\n"


def spec(pipeline: Pipeline, registry: str) -> str:
    environments = "".join(f"  {name}: {{image: {name}, user_managed: true}}\n" for name in NAMES)
    models = "".join(f"  {name}: {{path: models/{name}}}\n" for name in NAMES)
    services = "".join(
        f"  {name}: {{environment: {name}, model: {name}, code: code/{name}, entry_script: score.py}}\n"
        for name in NAMES
    )
    return (
        f"version: 1\nproject: {pipeline.project}\nimages:\n"
        "  left: {context: shared, dockerfile: left.Dockerfile}\n"
        "  right: {context: shared, dockerfile: right.Dockerfile}\n"
        "  beside: {context: images/beside, dockerfile: ../../shared/beside.Dockerfile}\n"
        "  linked: {context: links/folder}\n"
        f"{''.join(image(name) for name in NAMES)}"
        f"environments:\n{environments}models:\n{models}services:\n{services}"
        f"  more: {{environment: {SHARED}, code: code/more, entry_script: score.py}}\n"
        "targets:\n  here:\n"
        f"    registry: {{kind: generic, address: '{registry}'}}\n"
        "    environment: {kind: azureml_v1}\n    deploy: {kind: azureml_v1, compute_type: local}\n"
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A project of 24 images that build in a moment, each with an environment, a model and a service."""
    folder = tmp_path_factory.mktemp("touched")
    (folder / "work").mkdir()
    pipeline = Pipeline(folder / "work", folder / "home")
    root = pipeline.root
    for name in NAMES:
        write(root / f"images/{name}/app/main.txt", name)
        first = f"ARG BASE\nFROM {'$BASE' if name in CHAIN else 'scratch'}\n"
        write(root / f"images/{name}/Dockerfile", f"{first}COPY app /{name}\n")
        write(root / f"models/{name}/weights", name)
    for name in SHARING:
        write(root / f"shared/{name}.Dockerfile", f"FROM scratch\nCOPY {name}.txt both.txt /\n")
        write(root / f"shared/{name}.txt", name)
    write(root / "shared/both.txt", "both")
    write(root / "shared/beside.Dockerfile", "FROM scratch\nCOPY . /\n")
    write(root / "images/beside/inner/one.txt", "one")
    write(root / "links/context/there.txt", "there")
    write(root / "links/Dockerfile", "FROM scratch\nCOPY . /\n")
    write(root / "links/ignored", "*.log\n")
    (root / "links/folder").symlink_to("context")
    (root / "links/context/Dockerfile").symlink_to("../Dockerfile")
    (root / "links/context/.dockerignore").symlink_to("../ignored")
    for name in [*NAMES, "more"]:
        write(root / f"code/{name}/score.py", "def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    (folder / "registry").mkdir()
    with real_registry(folder / "registry") as registry:
        write(root / "pipeline.yaml", spec(pipeline, registry))
        pipeline.run()
        yield pipeline
        pipeline.untag(pipeline.project)
        pipeline.remove()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def settled(made: Pipeline) -> Pipeline:
    """After a run that had nothing to do."""
    made.run()
    time.sleep(0.05)  # what is younger than a tick of the clock is not trusted
    assert made.run() == []
    return made


def in_part(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> list[str] | None:
    """The tasks that are looked at where not all are."""
    for key, value in pipeline.environ.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(pipeline.root)
    part = Shortcut(pipeline.root, None).part(lambda host: pytest.fail(f"{host} is asked through the client"))
    return None if part is None else sorted(task.name for task in part.tasks)


def planned(pipeline: Pipeline) -> tuple[int, str]:
    ran = pipeline.doit("plan")
    return ran.returncode, ran.stdout + ran.stderr


def planned_whole(pipeline: Pipeline) -> tuple[int, str]:
    kept = pipeline.root / ".bedplate/cache/touched."
    content = kept.read_bytes()
    kept.unlink()
    try:
        return planned(pipeline)
    finally:
        kept.write_bytes(content)


def test_an_edit_of_one_context_is_looked_at_with_what_stands_on_it(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.edit("images/n10/app/main.txt", append="!")
    own = [f"{step}:n10" for step in ("build_base", "create_environment", "deploy", "push", "smoke_test")]
    assert in_part(settled, monkeypatch) == sorted([*own, "resolve_registry"])
    code, said = planned(settled)
    assert code == 2
    assert f"of {COUNT} tasks would run" in said.splitlines()[-1]
    assert (code, said) == planned_whole(settled)


def test_a_run_after_an_edit_does_what_it_bears_on_and_counts_all(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.edit("images/n11/app/main.txt", append="!")
    assert in_part(settled, monkeypatch) is not None
    ran = settled.run()
    assert ran[:3] == ["build_base:n11", "push:n11", "create_environment:n11"]
    assert f"{len(ran)} tasks done, {COUNT - len(ran)} up to date" in settled.output


def test_after_a_run_in_part_the_next_one_is_in_part_too(settled: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("n14", "n15", "n14"):
        settled.edit(f"images/{name}/app/main.txt", append="!")
        assert in_part(settled, monkeypatch) is not None
        assert settled.run()[:1] == [f"build_base:{name}"]
        file = settled.root / ".bedplate/cache/unchanged."
        stamp = file.stat().st_ino
        assert planned(settled) == planned_whole(settled)
        assert settled.run() == []
        assert file.stat().st_ino == stamp, "it ended by the shortcut"


def test_a_run_after_an_edit_that_changes_nothing_says_what_it_said_before(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settled.output
    settled.edit("images/n12/Dockerfile", append="# a comment\n")
    assert in_part(settled, monkeypatch) is not None
    assert settled.run() == []
    assert settled.output == before


def test_a_run_after_a_mistake_tells_it_as_ever(settled: Pipeline) -> None:
    settled.edit("images/n13/Dockerfile", append="COPY absent /\n")
    settled.run(code=3)
    assert "images/n13/Dockerfile:4:6" in settled.output
    settled.edit("images/n13/Dockerfile", "COPY absent /\n", "")


@pytest.mark.parametrize("path", ["images/n17/app/main.txt", "pipeline.yaml"])
def test_what_is_edited_elsewhere_while_a_part_is_looked_at_is_seen_by_the_next_run(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    settled.edit("images/n16/Dockerfile", append="# a comment\n")
    assert in_part(settled, monkeypatch) is not None
    shortcut = Shortcut(settled.root, None)
    part = shortcut.part(lambda host: pytest.fail(host))
    assert part is not None and not part.dirty
    before = (settled.root / path).read_text(encoding="utf-8")
    edited = before.replace(", user_managed: true", ", user_managed: true, variables: {A: b}")
    write(settled.root / path, edited if edited != before else f"{before}!")
    time.sleep(0.05)
    again = Session(settled.root, None, part=part.part)
    assert not again.dirty
    shortcut.keep(again, again.up_to_date())
    assert settled.run() != []
    write(settled.root / path, before)


def test_an_edit_of_a_parent_reaches_the_images_built_on_it(settled: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    settled.edit("images/n01/app/main.txt", append="!")
    part = in_part(settled, monkeypatch)
    assert part is not None
    assert {"build_base:n00", "build_base:n01", "build_base:n02", "deploy:n02"} <= set(part)
    assert "build_base:n03" not in part
    assert planned(settled) == planned_whole(settled)


@pytest.mark.parametrize("path", ["pipeline.yaml", "pipeline.lock"])
def test_an_edit_of_the_spec_or_the_lock_is_an_edit_of_all(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    file = settled.root / path
    before = file.read_text(encoding="utf-8") if file.exists() else None
    write(file, (before or "version: 1\nimages: {}\n") + "# edited\n")
    assert in_part(settled, monkeypatch) is None
    write(file, before) if before is not None else file.unlink()


def test_a_file_that_is_gone_is_told_as_ever(settled: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    file = settled.root / "images/n20/app/main.txt"
    text = file.read_text(encoding="utf-8")
    file.unlink()
    assert in_part(settled, monkeypatch) is None
    code, said = planned(settled)
    assert (code, said) == planned_whole(settled)
    assert "app/main.txt" in said
    file.write_text(text, encoding="utf-8")


def test_a_mistake_is_told_as_ever(settled: Pipeline) -> None:
    settled.edit("images/n21/Dockerfile", append="COPY absent /\n")
    code, said = planned(settled)
    assert (code, said) == planned_whole(settled)
    assert (code, "images/n21/Dockerfile:4:6" in said) == (3, True)
    settled.edit("images/n21/Dockerfile", "COPY absent /\n", "")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("links/Dockerfile", "ENV A=1\n"),
        ("links/ignored", "there.txt\n"),
        ("links/context/there.txt", "!"),
        ("links/context/new.txt", "new"),
    ],
)
def test_what_a_link_leads_to_is_seen(settled: Pipeline, monkeypatch: pytest.MonkeyPatch, path: str, text: str) -> None:
    file = settled.root / path
    before = file.read_text(encoding="utf-8") if file.exists() else None
    write(file, f"{before or ''}{text}")
    assert in_part(settled, monkeypatch) == ["build_base:linked", "push:linked", "resolve_registry"]
    assert settled.run() == ["build_base:linked", "push:linked"]
    write(file, before) if before is not None else file.unlink()


def test_a_file_of_two_images_that_is_edited_while_one_of_them_is_built_reaches_the_other(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.edit("shared/left.txt", append="!")
    assert in_part(settled, monkeypatch) == ["build_base:left", "push:left", "resolve_registry"]
    shortcut = Shortcut(settled.root, None)
    part = shortcut.part(lambda host: pytest.fail(host))
    assert part is not None and part.dirty == ["build_base:left", "push:left"]
    settled.edit("shared/both.txt", append="!")
    settled.run("push:left")
    time.sleep(0.05)
    part.state.reload()
    shortcut.settle(part, ["build_base:left", "push:left"])
    assert {"build_base:right", "push:right"} <= set(settled.run())


def test_an_ignore_file_that_appears_in_a_folder_of_others_reaches_its_dockerfiles_image(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settled.root / "shared/beside.Dockerfile.dockerignore"
    write(file, "inner\n")
    assert "build_base:beside" in (in_part(settled, monkeypatch) or [])
    assert settled.run() == ["build_base:beside", "push:beside"]
    file.unlink()


def test_in_a_context_that_has_become_large_every_edit_is_seen(settled: Pipeline) -> None:
    many = settled.root / "images/n18/app/many"
    for number in range(LARGE + 1):
        write(many / f"{number // 100}/{number % 100}", str(number))
    for name in ("n18", "n18", "n19"):
        settled.edit(f"images/{name}/app/main.txt", append="!")
        assert settled.run() != []
        time.sleep(0.05)
        assert settled.run() == []
    settled.edit("images/n18/app/many/7/7", append="!")
    assert settled.run()[:1] == ["build_base:n18"]
    shutil.rmtree(many)


def test_what_an_image_takes_no_more_is_not_looked_at_for_it(
    settled: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "images/n22/Dockerfile"
    settled.edit(file, "COPY app /n22\n", "ENV A=1\n")
    assert in_part(settled, monkeypatch) is not None
    assert settled.run() != []
    settled.edit("images/n22/app/main.txt", append="!")
    stamp = (settled.root / ".bedplate/cache/unchanged.").stat().st_ino
    assert settled.run() == []
    assert (settled.root / ".bedplate/cache/unchanged.").stat().st_ino == stamp, "it ended by the shortcut"
    settled.edit(file, "ENV A=1\n", "COPY app /n22\n")
