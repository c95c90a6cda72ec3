"""loader: gives doit the tasks of the spec; for a run, only those that may have to run."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from doit import doit_cmd
from doit.cmd_base import DodoTaskLoader
from doit.globals import Globals

import bedplate
import steps
from bedplate.errors import SpecError, StepError
from bedplate.tasks.command_line import LOCKED, TARGET, YES, Variables, refuse
from bedplate.tasks.console import Console, complain
from bedplate.tasks.database import Database
from bedplate.tasks.disk_errors import unwritable
from bedplate.tasks.shortcut import Shortcut

if TYPE_CHECKING:
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.step import Task
    from bedplate.tasks.session import Session

NAME = "pipeline.lock"
CHANGES = ("clean", "forget", "ignore")  # doit's own commands that change what a run may be working on
LOOKS = ("plan", "lock", "outdated", "inputs", "check")  # commands that look at the session, not at doit's tasks
COMMANDS = (*LOOKS, *CHANGES, "run", "list", "info", "help")


class Loader(DodoTaskLoader):  # type: ignore[misc]  # doit has no types
    """Tasks of the user's own dodo.py come along; `cmd` says who asks."""

    cmd_options = (*DodoTaskLoader.cmd_options, TARGET, LOCKED, YES)

    def __init__(self) -> None:
        super().__init__()
        self.always = False
        self.go_on = False  # past what fails
        self.locked = False
        self.yes = False
        self.quick = False  # no task of the run will take long
        self.console = Console()
        self.reporter: Any = "zero"
        self._database: Database | None = None

    def setup(self, opt_values: Any) -> None:
        _refuse_foreign_steps()
        gc.disable()  # a look at a project makes lasting values only; to search them for waste costs a sixth of it
        atexit.register(gc.freeze)  # and as much again when Python shuts down
        doit_cmd._CMDLINE_VARS = self.variables = Variables(doit_cmd._CMDLINE_VARS or {})
        super().setup(opt_values)
        self.locked = bool(opt_values["locked"])
        self.yes = bool(opt_values["yes"])
        self.target = opt_values["target"] or self.variables.get("target")
        self.shortcut = Shortcut(Path.cwd(), self.target)

    @cached_property
    def session(self) -> Session:
        from bedplate.tasks.root import find_root
        from bedplate.tasks.session import Session

        try:
            session = Session(find_root(Path.cwd()), self.target)
        except SpecError as error:
            _end(error, 3)
        if self._database:
            session.state = self._database.state
        return session

    def part(self) -> Session | None:
        """A session of what little changed since a run had nothing to do; None: only the whole one can tell."""
        part = self.shortcut.part(self._registry_at)
        if part and self._database:
            part.state = self._database.state.some(task.name for task in part.tasks)
        return part

    def _registry_at(self, host: str) -> OciRegistry:
        return self.session.world.registry_at(host)

    def load_doit_config(self) -> dict[str, Any]:
        config = self.shortcut.config or self.session.config
        return {"backend": "bedplate", "par_type": "thread", "verbosity": 2, **config, **super().load_doit_config()}

    def load_tasks(self, cmd: Any, pos_args: list[str]) -> list[Any]:
        try:
            return self._load(cmd, pos_args)
        except SpecError as error:
            _end(error, 3)
        except StepError as error:
            _end(error, 1)
        except OSError as error:
            refusal = unwritable(error, Path.cwd())
            if refusal is None:
                raise
            _end(refusal, 1)

    def _load(self, cmd: Any, pos_args: list[str]) -> list[Any]:
        own: list[Any] = super().load_tasks(cmd, pos_args)
        self.variables.refuse_unknown()
        chosen = bool(pos_args) or bool(cmd.sel_tasks)
        everything = chosen or bool(own) or self.always
        if cmd.execute_tasks and not everything:
            said = self.shortcut.said(self._registry_at)
            if said is not None:
                for line in said:
                    self.console.say(line)
                return []
        if not own and cmd.name not in (*LOOKS, "help"):
            self._refuse_unknown_tasks(pos_args)
        database = Globals.dep_manager.backend
        if not isinstance(database, Database):
            refuse("the tasks of pipeline.yaml need doit's backend 'bedplate'", "leave out `--backend`")
        self._database = database
        if "session" in self.__dict__:  # opened for doit's settings
            self.session.state = database.state
        if cmd.name in LOOKS:
            return own  # which session it looks at is its own affair
        if cmd.name in CHANGES:  # not under the feet of a run
            self.session.lock()
            database.state.reload()
        if cmd.name == "forget" and cmd.sel_tasks is None:
            cmd.sel_tasks = [task.name for task in self.session.tasks]  # doit's own ends with a traceback here
        if not cmd.execute_tasks:
            return [*own, *self._doit_tasks({task.name for task in self.session.tasks})]
        return [*own, *self._doit_tasks(self._to_run(database, pos_args, chosen=chosen, everything=everything))]

    def _to_run(self, database: Database, words: list[str], *, chosen: bool, everything: bool) -> set[str]:
        """Names of the tasks that doit is to be told of; what is up to date costs it as much as what is not."""
        from bedplate import hidden, kept_file, plan
        from bedplate.tasks import ahead
        from bedplate.tasks.reporter import Reporter

        session = self._of_run(everything=everything)
        kept_file.out_of_git(session.folder)
        hidden.learn_addresses(os.environ.values())  # of proxies and package indexes, which builds are handed
        database.state.reload()  # another process may have written since
        session.state = database.state
        database.running = True
        session.again = self.always
        session._shared["yes"] = self.yes
        self.reporter = Reporter(session, self.console, self.shortcut, chosen=chosen)
        self.console.say(session.headline, "bold")
        about = {task.name for task in session.tasks}
        if words:
            from bedplate.tasks import names

            about = names.of_run(session, words)
        for line in session.upstreams.pin(about, locked=self.locked, write=True, go_on=self.go_on):
            self.console.say(f"{NAME}: {line}")
        to_run = {task.name for task in session.tasks}
        if not everything:
            to_run = plan.downstream(session.tasks, set(session.dirty))
        if to_run and not self.always:
            self.quick = ahead.look(session, to_run)
        for warning in session.warnings(about if words else to_run):
            self.console.say(warning, "yellow")
        gc.freeze()  # what the look made lasts as long as the run: no search needs to go through it
        gc.enable()  # tasks may run for long
        return to_run

    def _of_run(self, *, everything: bool) -> Session:
        """The session of a run, locked: of a part of the project where little changed and all is well so far."""
        part = None if everything else self.part()
        if part is not None:
            part.lock()
            try:
                if self.shortcut.records_as_seen() and part.verdicts:
                    self.session = part
                    return part
            except SpecError:
                pass  # a look at the whole project tells of every mistake
            part.unlock()
        self.session.lock()
        return self.session

    def _doit_tasks(self, names: set[str]) -> list[Any]:
        from doit.task import Task as DoitTask

        session, groups, made = self.session, dict[str, Any](), []
        for task in session.tasks:
            if task.name not in names:
                continue
            doc = (session.steps[task.step].__doc__ or "").partition(": ")[2].splitlines()[0]
            if task.entry and task.step not in groups:
                groups[task.step] = DoitTask(task.step, None, has_subtask=True, doc=doc)
                made.append(groups[task.step])
            made.append(self._doit_task(task, names, doc))
            if task.entry:
                groups[task.step].task_dep.append(task.name)
        return made

    def _doit_task(self, task: Task, names: set[str], doc: str) -> Any:
        from doit.task import Task as DoitTask

        from bedplate.tasks.actions import action, clean, uptodate

        check = uptodate(task, self.session)
        return DoitTask(
            task.name,
            [action(task, self.session, self.console)],
            uptodate=[check],
            task_dep=[name for name in dict.fromkeys((*task.needs, *task.after)) if name in names],
            clean=clean(task, self.session),
            subtask_of=task.step if task.entry else None,
            doc=doc,
            # doit would swap sys.stdout for all threads to catch one task's words
            io={"capture": False},
        )

    def _refuse_unknown_tasks(self, names: list[str]) -> None:
        from bedplate.tasks import names as names_of

        known = {word for t in self.session.tasks for word in (t.name, t.step)} if names else set()
        for name in names:
            if not name.startswith("-") and "*" not in name and name not in known:
                # a command is one only as the first word
                meant = known.union(COMMANDS) if sys.argv[1:2] == [name] else known
                names_of.refuse(f"there is no task '{name}' for target '{self.session.spec.target.name}'", name, meant)


def _refuse_foreign_steps() -> None:
    ours, found = Path(bedplate.__file__).parent.parent, Path(steps.__file__ or "").parent.parent
    if ours != found:
        refuse(
            f"another package named 'steps' hides Bedplate's own: {found / 'steps'}",
            "rename that folder, or start `doit` instead of `python -m doit`",
        )


def _end(error: SpecError | StepError, code: int) -> NoReturn:
    complain(str(error))
    sys.exit(code)
