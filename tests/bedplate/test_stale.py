"""Staleness: what differs is named, what is equal changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate import fingerprint, stale
from bedplate.model import EnvSecret, FileSecret, Route
from bedplate.state import Record
from bedplate.step import DockerfileFiles, Task


@dataclass(frozen=True)
class Inputs:
    tags: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def task(name: str, *needs: str, foreseen: bool = False, **inputs: Any) -> Task:
    step, _, entry = name.partition(":")
    return Task(step, entry, Inputs(**inputs), needs=needs, foreseen=foreseen)


class Project:
    """Tasks that were all run once: their records."""

    def __init__(self, *tasks: Task) -> None:
        self.records: dict[str, Record] = {}
        for name, verdict in self.survey(*tasks).items():
            identity = verdict.fingerprint if next(t for t in tasks if t.name == name).foreseen else f"made {name}"
            self.records[name] = Record(dict(self.survey(*tasks)[name].parts), {}, identity)

    def survey(self, *tasks: Task, absent: dict[str, str] | None = None) -> dict[str, stale.Verdict]:
        return stale.survey(tasks, self.records.get, lambda _: (), absent or {})


OS, BASE = task("build_base:os", foreseen=True), task("build_base:base", "build_base:os", foreseen=True)
PUSH = task("push:base", "build_base:base", tags=("v1",))


def test_what_was_done_is_fresh() -> None:
    project = Project(OS, BASE, PUSH)
    assert all(v.fresh for v in project.survey(OS, BASE, PUSH).values())


def test_what_was_never_done_says_so() -> None:
    verdict = stale.survey((OS,), lambda _: None, lambda _: (), {})["build_base:os"]
    assert verdict.reasons == ("never done here",)


def test_an_edit_upstream_reaches_all_that_is_built_on_it_by_name() -> None:
    project = Project(OS, BASE, PUSH)
    edited = task("build_base:os", foreseen=True, tags=("x",))
    verdicts = project.survey(edited, BASE, PUSH)
    assert verdicts["build_base:os"].reasons == ('tags [] -> ["x"]',)
    assert verdicts["build_base:base"].reasons == ("after build_base:os",)
    assert verdicts["push:base"].reasons == ("after build_base:base",)


def test_what_is_gone_is_made_again_and_an_equal_output_leaves_the_rest_fresh() -> None:
    project = Project(OS, BASE, PUSH)
    verdicts = project.survey(OS, BASE, PUSH, absent={"build_base:os": "not in the engine"})
    assert verdicts["build_base:os"].reasons == ("not in the engine",)
    assert verdicts["build_base:base"].fresh and verdicts["push:base"].fresh


def test_what_waits_for_an_output_that_nobody_knows_yet_is_maybe() -> None:
    registry, push = task("resolve_registry"), task("push:base", "resolve_registry")
    project = Project(registry, push)
    moved = task("resolve_registry", tags=("5001",))
    verdict = project.survey(moved, push)["push:base"]
    assert verdict.reasons == () and verdict.maybe == ("resolve_registry",) and not verdict.fresh


def test_a_failed_try_is_repeated_though_nothing_changed() -> None:
    project = Project(OS)
    parts = project.records["build_base:os"].parts
    project.records["build_base:os"] = Record(parts, {}, "x", failed=fingerprint.digest(parts))
    assert project.survey(OS)["build_base:os"].reasons == ("failed last time",)


def test_an_edit_that_failed_and_is_taken_back_leaves_nothing_to_do() -> None:
    project = Project(OS)
    project.records["build_base:os"] = Record(project.records["build_base:os"].parts, {}, "x", failed="of the edit")
    assert project.survey(OS)["build_base:os"].fresh


def test_reasons_name_the_part_and_short_values() -> None:
    before = {
        "arg CUDA": "12.1",
        "file a.py": "1",
        "file b.py": "1",
        "instruction 4 RUN": "x",
        "output build_base:os": "1",
    }
    now = {
        "arg CUDA": "12.4",
        "file a.py": "2",
        "file c.py": "1",
        "instruction 4 RUN": "y",
        "output build_base:os": "2",
    }
    assert list(stale.differences(before, now)) == [
        "arg CUDA 12.1 -> 12.4",
        "file a.py changed",
        "file b.py removed",
        "file c.py added",
        "instruction 4 RUN changed",
        "after build_base:os",
    ]


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (EnvSecret("REG_USER"), None, "value {env: REG_USER} -> not set"),
        (None, FileSecret("user.txt"), "value not set -> {file: user.txt}"),
        ("ada", EnvSecret("REG_USER"), "value ada -> {env: REG_USER}"),
        (Route(5001, "/"), Route(5002, "/"), "value {path: /, port: 5001} -> {path: /, port: 5002}"),
        (EnvSecret("A"), [EnvSecret("A")], "value {env: A} -> [{env: A}]"),
        ({"key": None}, {"key": "null"}, None),
        ({"key": "null"}, {"key": "x"}, "value key null -> x"),
        ('{"":', '{"":1', 'value {"": -> {"":1'),
        (True, False, "value true -> false"),
    ],
)
def test_values_in_reasons_stand_as_in_the_spec(before: Any, now: Any, reason: str | None) -> None:
    @dataclass(frozen=True)
    class One:
        value: Any

    old, new = (dict(fingerprint.of_inputs(One(value))) for value in (before, now))
    assert list(stale.differences(old, new)) == ([reason] if reason else [])


def test_a_mapping_gives_a_part_for_each_key() -> None:
    parts = fingerprint.of(task("x", variables={"A": "1", "B": "two\nlines"}), (), {})
    assert parts == {"tags": "[]", "variables A": "1", "variables B": '"two\\nlines"'}


def test_a_long_value_stands_as_its_hash() -> None:
    assert fingerprint.text("x" * 500).startswith("sha256:")


words = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=200), max_size=6)


@given(words, words)
def test_two_mappings_have_one_digest_exactly_if_they_are_equal(a: dict[str, str], b: dict[str, str]) -> None:
    assert (fingerprint.digest(a) == fingerprint.digest(b)) == (a == b)
    assert fingerprint.digest(a) == fingerprint.digest(dict(reversed(list(a.items()))))


@given(words, words)
def test_there_is_a_reason_exactly_if_something_differs(a: dict[str, str], b: dict[str, str]) -> None:
    assert bool(list(stale.differences(a, b))) == (a != b)


def test_a_name_that_a_terminal_would_obey_is_shown_as_python_writes_it() -> None:
    reasons = ["file a\nb changed", "file \x1b[2J added", "file \udcff removed", "file ünï.txt changed"]
    said = ["file a\\nb changed", "file \\x1b[2J added", "file \\udcff removed", "file ünï.txt changed"]
    assert stale.shown(reasons) == said


@pytest.mark.parametrize(
    ("context", "part", "reason"),
    [
        ("images/gpu", "file app.py", "file images/gpu/app.py added"),
        ("images/gpu", "folder .", "folder images/gpu added"),
        ("images/gpu", "folder data/5", "folder images/gpu/data/5 added"),
        (".", "file app.py", "file app.py added"),
        ("images/gpu", "arg CUDA", "arg CUDA added"),
    ],
)
def test_files_of_a_context_are_named_from_the_projects_root(context: str, part: str, reason: str) -> None:
    files = DockerfileFiles(context, "Dockerfile", None, {}, {}, "linux/amd64")
    gpu = Task("build_base", "gpu", Inputs(), (files,))
    record = Record(stale.judge(gpu, [{}], {}, None, None).parts, {}, "")
    assert stale.judge(gpu, [{part: "1"}], {}, record, None).reasons == (reason,)
