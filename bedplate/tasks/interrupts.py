"""interrupts: Ctrl-C, when all is told and recorded."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bedplate.tasks.console import complain

if TYPE_CHECKING:
    from bedplate.tasks.session import Session


def told(session: Session | None, words: Sequence[str]) -> None:
    """What becomes of an interrupted run, and how to go on. `session`: None if it had none yet; `words`: its tasks.

    What finished is recorded already; builds end with the connection that asked for them, but for Azure's."""
    sys.stderr.write("\n")  # below the terminal's ^C, or a question
    for said in session.interrupted() if session else ():
        complain(said)
    command = session.command if session else "doit"
    named = [word for word in words if "=" not in word]  # `target=NAME` is in the command
    go_on = shlex.join([*command.split(), *named])
    complain(f"interrupted: what had finished is kept; `{go_on}` goes on from there")


def settled() -> None:
    """From here on Ctrl-C ends the process and raises nothing: Python would print a traceback of its own shutting down.

    Where it is ignored already, as in the background of a shell, it stays so."""
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def leave(code: int | None) -> None:
    """Ends the process with this exit code where threads of a run that was cut short still work; None: it was not.

    They would use what Python takes apart below them when it shuts down, and now and then that crash would be the exit
    code. For `atexit`, which calls last what was registered first: what others have to tidy up is done then."""
    if code is None or not any(thread.daemon for thread in threading.enumerate()):
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(code)
