"""interrupts: Ctrl-C, when all is told and recorded."""

from __future__ import annotations

import signal
import threading


def settled() -> None:
    """From here on Ctrl-C ends the process and raises nothing: Python would print a traceback of its own shutting down.

    Where it is ignored already, as in the background of a shell, it stays so."""
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
