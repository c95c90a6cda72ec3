"""reporter: what a run says: its target, each task as it begins and ends, and what to do after a failure."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING, Any

from bedplate.tasks import same_cause
from bedplate.tasks.actions import Uptodate
from bedplate.tasks.console import Console

if TYPE_CHECKING:
    from bedplate.tasks.session import Session
    from bedplate.tasks.shortcut import Shortcut


class Reporter:
    """A doit reporter (doit.reporter.ConsoleReporter says which methods) that writes to the console."""

    desc = "the pipeline's own: one line as a task begins, one as it ends, a summary"

    def __init__(self, session: Session, console: Console, shortcut: Shortcut, *, chosen: bool) -> None:
        self.session = session
        self.console = console
        self.shortcut = shortcut
        self.chosen = chosen  # tasks were named on the command line
        self.named: list[str] = []  # these
        self.started: dict[str, float] = {}
        self.since = time.monotonic()
        self.done: list[str] = []
        self.fresh: list[str] = []
        self.failures: list[tuple[str, Any]] = []
        self.causes: dict[str, str] = {}  # the first task that failed of each
        self.unmet: list[str] = []
        self.errors: list[str] = []
        self.goes_on = True  # no failure so far holds up what does not need its task
        self.bugs = False  # something failed otherwise than by saying why

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        """Called before the first task."""
        if self.chosen:
            self.named = list(selected_tasks)

    def get_status(self, task: Any) -> None:
        """Called before doit asks whether the task is up to date."""

    def execute_task(self, task: Any) -> None:
        if not task.actions or task.name.startswith("_"):
            return
        self.started[task.name] = time.monotonic()
        why = "; ".join(str(check) for check, _, _ in task.uptodate if isinstance(check, Uptodate))
        self.console.say(f".  {task.name}" + (f"  ({why})" if why else ""), "bold")

    def add_failure(self, task: Any, fail: Any) -> None:
        kind = type(fail).__name__
        if kind == "UnmetDependency":  # the run goes on: what it needs has failed, and was told
            if not task.has_subtask:
                self.unmet.append(task.name)
            return
        self.bugs = self.bugs or kind != "TaskFailed"
        self.goes_on = self.goes_on and getattr(fail, "alone", False)
        self.failures.append((task.name, fail))
        self.console.say(f"FAILED  {task.name}{self._took(task.name)}", "red")
        text = fail.get_msg().rstrip()
        first = self.causes.setdefault(same_cause.of(text), task.name)
        for line in text.splitlines() if first == task.name else [f"as {first}"]:
            self.console.say(f"    {line}")

    def add_success(self, task: Any) -> None:
        if task.actions and not task.name.startswith("_"):
            self.done.append(task.name)
            self.console.say(f"ok  {task.name}{self._took(task.name)}", "green")

    def skip_uptodate(self, task: Any) -> None:
        if task.name.startswith("_") or task.has_subtask:
            return
        self.fresh.append(task.name)
        if self.chosen:
            self.console.say(f"-- {task.name}", "dim")

    def skip_ignore(self, task: Any) -> None:
        self.console.say(f"!! {task.name}  (ignored; `doit forget {task.name}` takes it back)")

    def cleanup_error(self, exception: Any) -> None:
        self.errors.append(exception.get_msg())

    def runtime_error(self, msg: str) -> None:
        self.errors.append(msg)

    def teardown_task(self, task: Any) -> None:
        """Called before the teardown of a task of the user's own."""

    def complete_run(self) -> None:
        self.console.close()
        if sys.exc_info()[0] is not None:
            return  # Ctrl-C, or a mistake of ours: nothing that is said at the end of a run would be true
        for error in self.errors:
            self.console.say(error, "red")
        if self.failures or self.errors:
            self._after_failure()
        else:
            self._summary()

    def _took(self, name: str) -> str:
        started = self.started.get(name)
        return f"  {time.monotonic() - started:.1f} s" if started else ""

    def _summary(self) -> None:
        took = f"{time.monotonic() - self.since:.1f} s"
        # tasks that are up to date were not even handed to doit, unless they were named
        fresh = len(self.fresh) if self.chosen else max(self.session.count - len(self.done), 0)
        if self.done:
            self.console.say(f"{_count(len(self.done), 'task')} done, {fresh} up to date, {took}")
        else:
            self.console.say(f"{_count(fresh, 'task')} up to date")
        for line in self.session.serving(afresh=bool(self.done)):  # a new container has not been asked for yet
            self.console.say(line)
        if self.done and not self.chosen:
            self.shortcut.settle(self.session, self.done)
        elif not self.chosen and not self.fresh and not self.session.dirty:
            self.shortcut.keep(self.session, self.session.up_to_date())

    def _after_failure(self) -> None:
        self.console.say("")
        if self.done:
            self.console.say(f"done:     {', '.join(self.done)}")
        for names, text in same_cause.folded((name, fail.get_msg()) for name, fail in self.failures):
            self.console.say(f"failed:   {', '.join(names)}{self._logs(names)}", "red")
            # above may stand the log of a server, or what ran beside it, by the screenful
            self.console.say(f"          {same_cause.brief(text)}")
            if len(names) > 1 and (hint := same_cause.hint(text)):
                self.console.say(f"          {hint}")
        if self.unmet:
            self.console.say(f"not run:  {', '.join(self.unmet)}")
        for line in self.session.serving(afresh=True) or ["no service of this project serves"]:
            self.console.say(f"serving:  {line}")
        options = sorted({fail.option for _, fail in self.failures if getattr(fail, "option", "")})
        command = shlex.join([*self.session.command.split(), *options, *self.named])
        self.console.say(f"go on with: {command}   (what is done stays done)")

    def _logs(self, names: list[str]) -> str:
        logs = [log for name in names if (log := self.session.log_path(name)).exists()]
        if len(logs) > 1:
            return f"   logs: {_relative(logs[0].parent, self.session.root)}/"
        return f"   log: {_relative(logs[0], self.session.root)}" if logs else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _relative(path: Any, root: Any) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
