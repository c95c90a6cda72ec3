"""run: doit's own `run` with our reporter, and a clear word on Ctrl-C."""

from __future__ import annotations

import atexit
from typing import Any

from doit.cmd_run import Run as DoitRun

from bedplate.tasks import interrupts, options
from bedplate.tasks.console import complain
from bedplate.tasks.disk_errors import unwritable


class Run(DoitRun):  # type: ignore[misc]  # doit has no types
    """Registered in the configuration under doit's own name, so plain `doit` is this one."""

    name = "run"

    def parse_execute(self, in_args: list[str]) -> int:
        params, args = options.parse(self, in_args)
        self.pdb = params["pdb"]
        params.update(self.opt_vals)
        return self.execute(params, args)

    def execute(self, params: Any, args: Any) -> int:
        self.loader.always = params["always"]
        self.loader.go_on = params["continue"]
        self.cut_short: int | None = None
        atexit.register(lambda: interrupts.leave(self.cut_short))
        try:
            code = int(super().execute(params, args))
            interrupts.settled()
            return code
        except OSError as error:  # of a record: what a task itself cannot write is told by the task
            refusal = unwritable(error, self.loader.session.root)
            if refusal is None:
                raise
            self.loader.console.close()
            complain(str(refusal))
            self.cut_short = 1
            return 1
        except KeyboardInterrupt:
            interrupts.settled()
            self.loader.console.interrupted = True
            self.loader.console.close()
            interrupts.told(self.loader.__dict__.get("session"), args)
            self.cut_short = 130
            return 130

    def _execute(  # the names are doit's: it hands over options by them
        self,
        outfile: Any,
        verbosity: Any = None,
        always: bool = False,
        continue_: bool = False,
        reporter: Any = "console",
        num_process: int = 0,
        par_type: str = "thread",
        single: bool = False,
        auto_delayed_regex: bool = False,
        force_verbosity: bool = False,
        failure_verbosity: int = 0,
        pdb: bool = False,
    ) -> int:
        if reporter == "console":
            reporter = self.loader.reporter
        if self.loader.quick:
            num_process = 0  # threads would wait for one another longer than for anything else
        goes_on = continue_ if isinstance(reporter, str) else continue_ or GoesOn(reporter)
        code = super()._execute(
            outfile, verbosity, always, goes_on, reporter, num_process, par_type,
            single, auto_delayed_regex, force_verbosity, failure_verbosity, pdb,
        )  # fmt: skip
        # doit counts a task that waited in vain as an error of its own
        told = not isinstance(reporter, str) and not reporter.bugs and not reporter.errors
        return 1 if code == 2 and told else int(code)


class GoesOn:
    """doit looks at `continue_` right after it has reported a failure: this answers by what has failed."""

    def __init__(self, reporter: Any) -> None:
        self.reporter = reporter

    def __bool__(self) -> bool:
        return bool(self.reporter.goes_on)
