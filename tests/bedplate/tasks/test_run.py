"""Which failures end a run: doit's own runner, with our reporter and its word on whether to go on."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from doit.control import TaskControl
from doit.dependency import DbmDB, Dependency
from doit.runner import MThreadRunner, Runner
from doit.task import Task

from bedplate.errors import StepError
from bedplate.tasks.actions import failed
from bedplate.tasks.console import Console
from bedplate.tasks.reporter import Reporter
from bedplate.tasks.run import GoesOn

OTHER = StepError("the registry refuses")
ALONE = StepError("git: missing", alone=True)


@pytest.fixture(params=["one by one", "in threads"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., list[str]]:
    """Runs tasks, each of which fails so or not; names of those that were begun."""

    def run(*tasks: tuple[str, StepError | None, tuple[str, ...]]) -> list[str]:
        began: list[str] = []

        def action(name: str, error: StepError | None) -> Callable[[], Any]:
            def act() -> Any:
                began.append(name)
                return failed(error) if error else None

            return act

        quiet = {"capture": False}
        made = [Task(name, [action(name, error)], task_dep=list(needs), io=quiet) for name, error, needs in tasks]
        control = TaskControl(made)
        control.process(None)
        # only what a run says at its end asks the session
        reporter = Reporter(cast("Any", None), Console(io.StringIO()), cast("Any", None), chosen=False)
        database = Dependency(DbmDB, str(tmp_path / "doit.db"))
        kind, many = (Runner, {}) if request.param == "one by one" else (MThreadRunner, {"num_process": 2})
        runner = kind(database, reporter, GoesOn(reporter), **many)
        runner.run_tasks(control.task_dispatcher())
        return began

    return run


def test_after_an_image_that_is_not_what_is_required_the_others_go_on(run: Callable[..., list[str]]) -> None:
    began = run(("bad", ALONE, ()), ("behind", None, ("bad",)), ("other", None, ()), ("last", None, ("other",)))
    assert set(began) == {"bad", "other", "last"}


def test_after_any_other_failure_nothing_new_begins(run: Callable[..., list[str]]) -> None:
    assert "last" not in run(("bad", OTHER, ()), ("other", None, ()), ("last", None, ("other",)))


def test_a_failure_that_ends_the_run_ends_it_after_one_that_did_not(run: Callable[..., list[str]]) -> None:
    began = run(("bad", ALONE, ()), ("worse", OTHER, ()), ("other", None, ("worse",)), ("last", None, ()))
    assert set(began) - {"last"} == {"bad", "worse"}
