"""doit plan: what it says is what the next doit runs, and saying it changes nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from registries import put_image, real_registry
from scratch import Scratch, delete, docker, head, upstream

pytestmark = pytest.mark.engine

SCHEMA = json.loads((Path(__file__).parent.parent / "schemas/plan.schema.json").read_text(encoding="utf-8"))
DOCKERFILE = "FROM scratch\nARG USED=0\nCOPY used /used\nLABEL used=$USED\n"
ON_ANOTHER = "ARG BASE\nFROM $BASE\nARG USED=0\nCOPY used /used\nLABEL used=$USED\n"
NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def project(tmp_path: Path, registry: str) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "work", "a: {context: a}\nb: {context: b, from: {BASE: a}}\nc: {context: c}", registry)
    for name, dockerfile in (("a", DOCKERFILE), ("b", ON_ANOTHER), ("c", DOCKERFILE)):
        made.write({f"{name}/Dockerfile": dockerfile, f"{name}/used": name, f"{name}/unused": ""})
    yield made
    made.empty_engine()


def planned(project: Scratch, *args: str) -> dict[str, Any]:
    """The plan as JSON; its exit code fits it."""
    code = project.doit("plan", "--json", *args)
    plan: dict[str, Any] = json.loads(project.output)
    jsonschema.validate(plan, SCHEMA)
    assert code == (2 if any(task["would_run"] != "no" for task in plan["tasks"]) else 0)
    return plan


def world(project: Scratch) -> dict[str, Any]:
    """All that a plan could change; the cache of what was read is no more than a cache."""
    files = {
        str(path.relative_to(project.root)): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and "cache" not in path.parts
    }
    tags = {name: project.tags(name) for name in NAMES}
    return {"files": files, "tags": tags, "images": project.images()}


def test_a_plan_changes_nothing(project: Scratch) -> None:
    for _ in range(2):
        before = world(project)
        for args in ((), ("--json",), ("--matrix",), ("a",)):
            project.doit("plan", *args)
        assert world(project) == before
        project.run()
        project.write({"a/used": "changed"})


def test_a_plan_of_an_image_that_is_not_locked_yet_writes_no_lock(project: Scratch) -> None:
    digest = upstream(project.registry, "up/base", "1", "up")
    project.write({"a/Dockerfile": f"FROM {project.registry}/up/base:1\nCOPY used /used\n"})
    plan = planned(project)
    assert plan["would_lock"] == [
        {"reference": f"{project.registry}/up/base:1", "platform": "linux/amd64", "digest": digest}
    ]
    assert not (project.root / "pipeline.lock").exists()
    project.run()
    built = {task["task"]: task["fingerprint"] for task in plan["tasks"]}
    assert project.record("build_base:a")["fingerprint"] == built["build_base:a"]
    assert project.doit("plan") == 0


def test_exit_codes_tell_nothing_something_and_a_mistake_apart(project: Scratch) -> None:
    assert project.doit("plan") == 2
    project.run()
    assert project.doit("plan") == 0
    assert "7 tasks up to date" in project.output
    project.write({"a/Dockerfile": "FROM scratch\nCOPPY used /used\n"})
    assert project.doit("plan") == 3
    assert "a/Dockerfile:2:1: " in project.output
    project.spec("a: {contxt: a}")
    assert project.doit("plan") == 3
    assert "unknown key 'contxt'" in project.output


def test_reasons_read_well(project: Scratch) -> None:
    project.spec("a: {context: a, args: {USED: '12.1'}}\nb: {context: b, from: {BASE: a}}\nc: {context: c}")
    project.run()
    project.spec("a: {context: a, args: {USED: '12.4'}}\nb: {context: b, from: {BASE: c}}\nc: {context: c, tags: [v1]}")
    project.write({"a/used": "changed", "c/Dockerfile": DOCKERFILE.replace("LABEL", "LABEL more=1\nLABEL")})
    project.doit("plan")
    lines = project.output.splitlines()[1:]
    assert [line.split(maxsplit=1) if line[0] != " " else line.strip() for line in lines] == [
        ["build_base:a", "arg USED 12.1 -> 12.4"],
        "file a/used changed",
        ["build_base:c", "instruction 4 LABEL added"],
        ["build_base:b", "arg BASE a -> c"],
        "after build_base:c",
        ["push:a", "after build_base:a"],
        ["push:b", "after build_base:b"],
        ["push:c", "after build_base:c"],
        'tags ["latest"] -> ["v1"]',
        ["6", "of 7 tasks would run"],
    ]


def test_many_reasons_are_cut_short_for_people_only(project: Scratch) -> None:
    project.write({"a/Dockerfile": "FROM scratch\nCOPY . /all\n"})
    project.run()
    project.write({f"a/file{n:02}": "" for n in range(20)})
    project.doit("plan")
    assert "and 12 more" in project.output
    (build,) = (task for task in planned(project)["tasks"] if task["task"] == "build_base:a")
    assert len(build["reasons"]) == 20


def test_a_plan_of_one_image_is_of_it_and_what_it_needs(project: Scratch) -> None:
    names = {task["task"] for task in planned(project, "b")["tasks"]}
    assert names == {"resolve_registry", "build_base:a", "build_base:b", "push:b"}
    assert project.doit("plan", "d") == 3
    assert "there is no image or task 'd'" in project.output


def test_the_matrix_has_levels_of_images_that_can_be_built_side_by_side(project: Scratch) -> None:
    assert project.doit("plan", "--matrix") == 2
    assert json.loads(project.output) == {"levels": [{"image": ["a", "c"]}, {"image": ["b"]}]}
    project.run()
    assert project.doit("plan", "--matrix") == 0
    assert json.loads(project.output) == {"levels": []}
    project.write({"b/used": "changed"})
    project.doit("plan", "--matrix")
    assert json.loads(project.output) == {"levels": [{"image": ["b"]}]}


def test_jobs_of_a_matrix_meet_in_the_registry(project: Scratch) -> None:
    project.doit("plan", "--matrix")
    for level in json.loads(project.output)["levels"]:
        for image in level["image"]:
            # each job is a machine of its own: no state, an empty engine
            project.empty_engine()
            shutil.rmtree(project.root / ".bedplate", ignore_errors=True)
            project.run(f"build_base:{image}", f"push:{image}")
            built = [line for line in project.output.splitlines() if "  builder: " in line]
            assert [line.split()[0] for line in built] == [f"build_base:{image}"]


# ---- whatever is edited, plan and run agree

IMAGE = st.sampled_from(NAMES)
TAGS = st.lists(st.sampled_from(["v1", "v2", "latest"]), min_size=1, max_size=3, unique=True)
EDIT = st.one_of(
    st.tuples(st.just("used"), IMAGE, st.sampled_from(["1", "2"])),
    st.tuples(st.just("unused"), IMAGE, st.sampled_from(["1", "2"])),
    st.tuples(st.just("executable"), IMAGE, st.booleans()),
    st.tuples(st.just("comment"), IMAGE, st.integers(0, 2)),
    st.tuples(st.just("instruction"), IMAGE, st.integers(0, 2)),
    st.tuples(st.just("arg"), IMAGE, st.sampled_from(["1", "2"])),
    st.tuples(st.just("unused arg"), IMAGE, st.sampled_from(["1", "2"])),
    st.tuples(st.just("tags"), IMAGE, TAGS),
    st.tuples(st.just("from"), st.sampled_from([("b", "a"), ("c", "a"), ("c", "b"), ("b", ""), ("c", "")]), st.none()),
    st.tuples(st.just("gone from the engine"), IMAGE, st.none()),
    st.tuples(st.just("gone from the registry"), IMAGE, st.none()),
    st.tuples(st.just("tag moved"), IMAGE, st.sampled_from(["v1", "latest"])),
    st.tuples(st.just("state lost"), st.none(), st.none()),
    st.tuples(st.just("forgotten"), IMAGE, st.sampled_from(["build_base", "push"])),
    st.tuples(st.just("removed"), IMAGE, st.booleans()),
)


class Edited:
    """A project under edits: what its files say is worked out from a few settings."""

    def __init__(self, root: Path, registry: str) -> None:
        self.images: dict[str, dict[str, Any]] = {
            name: {"tags": ["latest"], "args": {}, "from": "", "comment": 0, "instruction": 0, "there": True}
            for name in NAMES
        }
        self.project = Scratch(root, "a: {context: a}", registry)
        for name in NAMES:
            self.project.write({f"{name}/used": "0", f"{name}/unused": "0"})
        self.write()

    def write(self) -> None:
        lines = []
        for name, image in self.images.items():
            body = ON_ANOTHER if image["from"] else DOCKERFILE
            body += "".join(f"LABEL more{n}=1\n" for n in range(image["instruction"]))
            self.project.write({f"{name}/Dockerfile": "# x\n" * image["comment"] + body})
            entry = {"context": name, "tags": image["tags"], "args": image["args"]}
            entry |= {"from": {"BASE": image["from"]}} if image["from"] else {}
            if image["there"]:
                lines.append(f"{name}: {json.dumps(entry)}")
        self.project.spec("\n".join(lines))

    def edit(self, what: str, name: Any, value: Any) -> None:
        project = self.project
        path = f"{project.project}/{name}"
        if what in ("used", "unused"):
            project.write({f"{name}/{what}": value})
        elif what == "executable":
            (project.root / name / "used").chmod(0o755 if value else 0o644)
        elif what in ("comment", "instruction", "tags"):
            self.images[name][what] = value
        elif what in ("arg", "unused arg"):
            self.images[name]["args"]["USED" if what == "arg" else "UNUSED"] = value
        elif what == "from":
            child, parent = name
            self.images[child]["from"] = parent if not parent or self.images[parent]["there"] else ""
        elif what == "gone from the engine":
            for image in project.images():
                if f"{path}:" in image and "<none>" not in image:
                    docker("rmi", "-f", image)
        elif what == "gone from the registry":
            for digest in set(project.tags(name).values()) - {""}:
                if head(project.registry, path, digest):
                    delete(project.registry, path, digest)
        elif what == "tag moved":
            put_image(project.registry, path, value, {"moved": "1"})
        elif what == "state lost":
            shutil.rmtree(project.root / ".bedplate", ignore_errors=True)
        elif what == "forgotten":
            if self.images[name]["there"]:
                project.doit("forget", f"{value}:{name}")
        elif what == "removed":
            needed = any(i["from"] == name and i["there"] for i in self.images.values())
            others = any(i["there"] for n, i in self.images.items() if n != name)
            self.images[name]["there"] = not (value and others and not needed)
            if self.images[name]["from"] and not self.images[self.images[name]["from"]]["there"]:
                self.images[name]["from"] = ""
        self.write()


def agree(registry: str, rounds: list[list[tuple[str, Any, Any]]]) -> None:
    folder = Path(tempfile.mkdtemp())
    edited = Edited(folder / "work", registry)
    project = edited.project
    try:
        for edits in [[], *rounds]:
            for edit in edits:
                edited.edit(*edit)
            before = world(project)
            plan = planned(project)
            assert world(project) == before
            tasks = {task["task"]: task for task in plan["tasks"]}
            yes = {name for name, task in tasks.items() if task["would_run"] == "yes"}
            maybe = {name for name, task in tasks.items() if task["would_run"] == "maybe"}
            ran = project.run()
            note(f"{edits}: plan said {yes}, maybe {maybe}; doit ran {ran}\n{project.output}")
            assert yes <= set(ran) <= yes | maybe
            for name in ran:
                if name.startswith("build_base:"):
                    assert project.record(name)["fingerprint"] == tasks[name]["fingerprint"]
            assert project.run() == []
            assert project.doit("plan") == 0
    finally:
        project.empty_engine()
        shutil.rmtree(folder)


ROUNDS = st.lists(st.lists(EDIT, min_size=1, max_size=3), min_size=1, max_size=4)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=4, deadline=None, suppress_health_check=SLOW, derandomize=True, database=None)
@given(rounds=ROUNDS)
def test_what_plan_says_is_what_the_next_doit_runs(registry: str, rounds: list[list[tuple[str, Any, Any]]]) -> None:
    agree(registry, rounds)


@pytest.mark.long
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW, print_blob=True)
@given(rounds=ROUNDS)
def test_what_plan_says_is_what_the_next_doit_runs_at_length(
    registry: str, rounds: list[list[tuple[str, Any, Any]]]
) -> None:
    agree(registry, rounds)
