"""What a run says at its end."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any, cast

import pytest

from bedplate.tasks import same_cause
from bedplate.tasks.console import Console
from bedplate.tasks.disk_errors import unwritable
from bedplate.tasks.reporter import Reporter


class Session:
    tasks = ("one", "two")
    dirty = ()
    part = None
    headline = "iris"
    command = "doit"
    root = Path("/project")

    def serving(self, *, afresh: bool) -> list[str]:
        return ["iris at http://127.0.0.1:8890/score"]

    def log_path(self, name: str) -> Path:
        return self.root / name

    @property
    def count(self) -> int:
        return len(self.tasks)

    def up_to_date(self) -> tuple[str, ...]:
        return (self.headline,)


class Stamps:
    """Stands for the shortcut that makes the next run quick."""

    kept = False

    def keep(self, *args: Any) -> None:
        self.kept = True


class Failure:
    alone = False

    def get_msg(self) -> str:
        return "iris: smoke test 'one': 3, expected 4\n" + "    a line of the server's log\n" * 40


class Unasked(Failure):
    option = "--yes"


class Named:
    name = "deploy:iris"


def made(out: io.StringIO) -> Reporter:
    return Reporter(cast("Any", Session()), Console(out), cast("Any", Stamps()), chosen=False)


def test_an_interrupted_run_does_not_say_that_all_is_up_to_date() -> None:
    out = io.StringIO()
    reporter = made(out)
    with pytest.raises(KeyboardInterrupt):
        try:
            raise KeyboardInterrupt
        finally:
            reporter.complete_run()  # doit calls it so
    assert out.getvalue() == ""
    assert not cast("Stamps", reporter.shortcut).kept
    reporter.complete_run()
    assert "2 tasks up to date" in out.getvalue() and cast("Stamps", reporter.shortcut).kept


def test_the_last_lines_after_a_failure_say_why_however_long_the_log_above_is() -> None:
    out = io.StringIO()
    reporter = made(out)
    reporter.add_failure(Named(), Failure())
    reporter.complete_run()
    assert out.getvalue().splitlines()[-4:] == [
        "failed:   deploy:iris",
        "          iris: smoke test 'one': 3, expected 4",
        "serving:  iris at http://127.0.0.1:8890/score",
        "go on with: doit   (what is done stays done)",
    ]


def test_a_run_of_named_tasks_goes_on_with_these() -> None:
    out = io.StringIO()
    reporter = Reporter(cast("Any", Session()), Console(out), cast("Any", Stamps()), chosen=True)
    reporter.initialize({}, ["deploy:iris", "push:*"])
    reporter.add_failure(Named(), Failure())
    reporter.complete_run()
    assert out.getvalue().splitlines()[-1] == "go on with: doit deploy:iris 'push:*'   (what is done stays done)"


def test_what_goes_on_after_a_question_that_nobody_answered_names_the_option() -> None:
    out = io.StringIO()
    reporter = made(out)
    reporter.add_failure(Named(), Failure())
    reporter.add_failure(Named(), Unasked())
    reporter.complete_run()
    assert out.getvalue().splitlines()[-1] == "go on with: doit --yes   (what is done stays done)"


def test_a_full_or_read_only_disk_is_told_with_the_file() -> None:
    root = Path("/project")
    full = unwritable(OSError(errno.ENOSPC, "No space left on device", "/project/.bedplate/logs/x.log"), root)
    assert full is not None and full.message == "cannot write .bedplate/logs/x.log: No space left on device"
    assert full.hint
    unnamed = unwritable(OSError(errno.EROFS, "Read-only file system"), root)
    assert unnamed is not None and unnamed.message == "cannot write .bedplate: Read-only file system"
    assert unwritable(OSError(errno.ECONNRESET, "reset"), root) is None
    assert unwritable(OSError(errno.EACCES, "Permission denied", "/project/images/one/key"), root) is None


class Refused:
    alone = False

    def __init__(self, path: str, hint: str = "`az login`") -> None:
        self.text = f"HEAD https://r.example.org/v2/{path}: 401 UNAUTHORIZED\n  hint: {hint}\n"

    def get_msg(self) -> str:
        return self.text


def task(name: str) -> Any:
    return type("Task", (), {"name": name})()


def test_tasks_that_fail_of_one_cause_tell_it_and_its_hint_once_with_their_names() -> None:
    out = io.StringIO()
    reporter = made(out)
    reporter.add_failure(task("build_base:a"), Refused("a"))
    reporter.add_failure(task("build_base:b"), Refused("b"))
    reporter.add_failure(task("build_base:c"), Refused("c", "another"))
    before = out.getvalue()
    assert before.splitlines()[3:6] == ["FAILED  build_base:b", "    as build_base:a", "FAILED  build_base:c"]
    reporter.complete_run()
    assert out.getvalue()[len(before) :].splitlines()[:6] == [
        "",
        "failed:   build_base:a, build_base:b",
        "          HEAD https://r.example.org/v2/a: 401 UNAUTHORIZED",
        "            hint: `az login`",
        "failed:   build_base:c",
        "          HEAD https://r.example.org/v2/c: 401 UNAUTHORIZED",
    ]


def test_what_is_missing_at_two_addresses_is_two_causes_where_no_hint_mends_both() -> None:
    failures = [("a", "GET https://r.example.org/a: 404\n"), ("b", "GET https://r.example.org/b: 404\n")]
    assert [names for names, _ in same_cause.folded(failures)] == [["a"], ["b"]]


# as users meet it
UNAUTHORIZED = (
    "POST rg/registries/ml/scheduleRun: 403 AuthorizationFailed: The client 'a@b.org' with object id '0000' does"
    " not have authorization to perform action 'Microsoft.ContainerRegistry/registries/scheduleRun/action' over scope"
    " '/subscriptions/s/resourceGroups/rg' or the scope is invalid. If access was recently granted, please refresh your"
    " credentials."
)


class Unauthorized:
    alone = False

    def get_msg(self) -> str:
        return f"{UNAUTHORIZED}\n  hint: the role is missing\n"


def test_a_long_answer_stands_in_full_once_and_the_summary_has_its_code() -> None:
    out = io.StringIO()
    reporter = made(out)
    reporter.add_failure(task("build_base:a"), Unauthorized())
    reporter.complete_run()
    lines = out.getvalue().splitlines()
    assert sum("does not have authorization" in line for line in lines) == 1
    at = lines.index("failed:   build_base:a")
    assert lines[at + 1] == "          POST rg/registries/ml/scheduleRun: 403 AuthorizationFailed (in full above)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base: x: 403 DENIED: short\nmore", "base: x: 403 DENIED: short"),
        (f"{UNAUTHORIZED}; traffic is untouched: v-1 still serves", "; traffic is untouched: v-1 still serves"),
        ("iris: smoke test 'one': " + "x" * 300, "x" * 300),
    ],
)
def test_what_is_short_or_our_own_stays_in_the_summary(text: str, expected: str) -> None:
    assert same_cause.brief(text).endswith(expected)
