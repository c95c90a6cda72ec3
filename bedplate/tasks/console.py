"""console: where words go: plain lines, or on a terminal lines above a display of what is running."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from bedplate import hidden


class Console:
    """Lines from several threads at once, each whole. A terminal gets colours and a display, others plain text."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.RLock()
        self._live: Any = None  # rich.live.Live, imported only where something runs on a terminal
        self._rich: Any = None
        self.terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
        self.running: Mapping[str, Running] = {}  # replaced and never changed: the display reads it without the lock
        self._asking = threading.Lock()  # one question at a time
        self.interrupted = False  # what tasks go on to say is no news any more, but for what outlives them

    def say(self, text: str, style: str = "") -> None:
        text = plain(text)
        with self._lock:
            if self._rich is not None:
                from rich.text import Text

                self._rich.print(Text(text, style=style), soft_wrap=True)
                return
            if self.terminal and style in STYLES:
                text = f"\x1b[{STYLES[style]}m{text}\x1b[0m"
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except BrokenPipeError:  # `doit | head`: a build or a deployment is not ended for it; the logs have all
                nobody = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nobody, self._stream.fileno())
                os.close(nobody)

    @contextmanager
    def task(self, name: str, path: Path) -> Iterator[TaskLog]:
        """The log of one running task; its file is written anew."""
        from bedplate.log import of_task

        with _written_anew(path) as file:
            log = TaskLog(self, name, path, file)
            self._show(log.running)
            before = of_task.set(log)
            try:
                yield log
            finally:
                of_task.reset(before)
                self._hide(name)

    def ask(self, question: str) -> str:
        """What the user types to it, without the line break; "" at the end of input. No display meanwhile: it would

        wipe the question away. Words of other tasks go on, as lines below it."""
        with self._asking:
            self.close()
            with self._lock:  # not while the answer is waited for: Ctrl-C has words to say, too
                out = self._stream if self.terminal else sys.stderr
                out.write(plain(question))
                out.flush()
            answer = sys.stdin.readline().strip()
        with self._lock:
            self._begin_display()
        return answer

    def close(self) -> None:
        """Takes the display away; words go on as lines."""
        with self._lock:
            live, self._live, self._rich = self._live, None, None
        if live is not None:
            live.stop()

    def _show(self, running: Running) -> None:
        with self._lock:
            self.running = {**self.running, running.name: running}
            self._begin_display()

    def _begin_display(self) -> None:
        if self.terminal and self._live is None and self.running and not self._asking.locked():
            from rich.console import Console as RichConsole
            from rich.live import Live

            self._rich = RichConsole(file=self._stream, highlight=False)
            self._live = Live(console=self._rich, get_renderable=self._display, refresh_per_second=8, transient=True)
            self._live.start()

    def _hide(self, name: str) -> None:
        with self._lock:
            self.running = {k: v for k, v in self.running.items() if k != name}
            if self._live is not None:
                self._live.refresh()

    def _display(self) -> Any:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column()  # the one that gives way on a narrow terminal
        # no lock here: rich calls this with its own held, which a thread that says something takes inside ours
        for running in self.running.values():
            table.add_row(
                Spinner("dots", style="cyan"),
                running.name,
                f"{time.monotonic() - running.since:.0f} s",
                Text(running.how_far, no_wrap=True, overflow="ellipsis"),
            )
        return table


class Running:
    """What the display says of one task."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.since = time.monotonic()
        self.how_far = ""


class TaskLog:
    """A `log.Log`: lines to the console, prefixed with the task's name, and to the task's file without it."""

    def __init__(self, console: Console, name: str, path: Path, file: TextIO) -> None:
        self._console = console
        self._file = file
        self._lock = threading.Lock()
        self.path = path
        self.running = Running(name)

    def line(self, text: str) -> None:
        self.keep(text)
        self._say(f"{self.running.name} | {text}", "dim")

    def note(self, text: str) -> None:
        self.keep(text)
        self._say(f"{self.running.name}  {text}")

    def progress(self, what: str, done: float, total: float | None) -> None:
        share = f"{min(done / total, 1):.0%} " if total else ""
        self.running.how_far = share + what

    def ask(self, question: str) -> str:
        answer = self._console.ask(question)
        self.keep(f"{question}{answer}")
        return answer

    def _say(self, text: str, style: str = "") -> None:
        if not self._console.interrupted or not threading.current_thread().daemon:  # such a thread ends with the run
            self._console.say(text, style)

    def keep(self, text: str) -> None:
        text = plain(text)
        with self._lock:
            if not self._file.closed:
                self._file.write(text + "\n")
                self._file.flush()


def _written_anew(path: Path) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8")
    except FileNotFoundError:  # the first of its folder
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "w", encoding="utf-8")


def plain(text: str) -> str:
    """Without what moves a terminal's cursor, colours or clears it: builds and servers write that, too.

    And without the secrets that this process has met: a build may print its environment."""
    if not text.isprintable():
        text = ESCAPES.sub("", text)
        text = "".join(c if c.isprintable() or c in "\t\n" else "\ufffd" for c in text)
    return hidden.without(text)


def complain(text: str) -> None:
    """A message to standard error, where a run has not begun or ends."""
    hidden.learn_addresses(os.environ.values())  # a proxy that does not answer is told with its address
    sys.stderr.write(plain(text) + "\n")


class Silent:
    """A `log.Log` that keeps nothing."""

    path = Path("/dev/null")

    def line(self, text: str) -> None: ...

    def note(self, text: str) -> None: ...

    def progress(self, what: str, done: float, total: float | None) -> None: ...

    def ask(self, question: str) -> str:
        return ""


# ECMA-48: control sequences, texts for the terminal (titles, links), and single escapes
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
STYLES = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33"}
