"""forks: work on a great many files, shared out among the cores of this machine."""

from __future__ import annotations

import marshal
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

MOST = 4
PIECES = 16  # for each process
TICKETS = 256  # numbers that are one byte
Work: TypeAlias = Callable[[Sequence[Any]], "list[Any]"]


def share(work: Work, items: Sequence[Any]) -> list[Any]:
    """What `work` makes of the items, in their order; each core works on a part of them.

    `work` takes some of the items and gives one plain value (as marshal has it) for each. It only reads. What fails in
    another process is done again in this one, so that errors are raised here, and nowhere else."""
    return begin(work, items)()


def begin(work: Work, items: Sequence[Any]) -> Callable[[], list[Any]]:
    """As `share`, but the other cores begin at once, and this one joins them when what is given back is called: once,
    whatever happens in between."""
    count = min(_cores(), MOST, len(items))
    # a lock that another thread holds would be held for ever in a fork
    if count < 2 or sys.platform != "linux" or threading.active_count() > 1:
        return lambda: work(items)
    size = -(-len(items) // min(count * PIECES, TICKETS))
    pieces = [items[at : at + size] for at in range(0, len(items), size)]
    tickets = _tickets(len(pieces))
    others: list[tuple[int, int]] = []
    try:
        others.extend(_start(work, pieces, tickets) for _ in range(count - 1))
    except OSError:
        _end(tickets, others)
        return lambda: work(items)

    def join() -> list[Any]:
        made: dict[int, list[Any]] = {}
        try:
            made.update(_done(work, pieces, tickets))
            for _, source in others:
                made.update(_read(source))
        finally:
            _end(tickets, others)
        return [value for number, piece in enumerate(pieces) for value in made.get(number) or work(piece)]

    return join


def _end(tickets: int, others: Sequence[tuple[int, int]]) -> None:
    os.read(tickets, TICKETS)  # after an error: nobody begins another piece
    os.close(tickets)
    for pid, source in others:
        os.close(source)  # one that still writes ends
        os.waitpid(pid, 0)


def _tickets(count: int) -> int:
    """A pipe that holds the number of each piece: whoever reads it works on it, so a core that is slow gets fewer."""
    source, target = os.pipe()
    os.write(target, bytes(range(count)))
    os.close(target)
    return source


def _done(work: Work, pieces: Sequence[Sequence[Any]], tickets: int) -> Iterator[tuple[int, list[Any]]]:
    while ticket := os.read(tickets, 1):
        yield ticket[0], work(pieces[ticket[0]])


def _start(work: Work, pieces: Sequence[Sequence[Any]], tickets: int) -> tuple[int, int]:
    """A process that does a part of it, and where its answer is read."""
    source, target = os.pipe()
    pid = os.fork()
    if pid:
        os.close(target)
        return pid, source
    code = 1
    try:
        os.close(source)
        with open(target, "wb") as file:
            marshal.dump(list(_done(work, pieces, tickets)), file)
        code = 0
    finally:
        os._exit(code)  # nothing of the other process is ended, flushed or told


def _read(source: int) -> list[tuple[int, list[Any]]]:
    """What it has done; nothing, where it failed."""
    try:
        with open(source, "rb", closefd=False) as file:
            made: list[tuple[int, list[Any]]] = marshal.load(file)
    except (EOFError, ValueError, TypeError):
        return []
    return made


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
