"""forks: work on a great many files, shared out among the cores of this machine."""

from __future__ import annotations

import marshal
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

MOST = 4
Work: TypeAlias = Callable[[Sequence[Any]], "list[Any]"]


def share(work: Work, items: Sequence[Any]) -> list[Any]:
    """What `work` makes of the items, in their order; each core works on a part of them.

    `work` takes some of the items and gives one plain value (as marshal has it) for each. It only reads. What fails in
    another process is done again in this one, so that errors are raised here, and nowhere else."""
    count = min(_cores(), MOST, len(items))
    # a lock that another thread holds would be held for ever in a fork
    if count < 2 or sys.platform != "linux" or threading.active_count() > 1:
        return work(items)
    size = -(-len(items) // count)
    shares = [items[at : at + size] for at in range(0, len(items), size)]
    others: list[tuple[int, int]] = []
    try:
        others.extend(_start(work, one) for one in shares[1:])
        made = work(shares[0])
        for (_, source), one in zip(others, shares[1:], strict=True):
            made += _read(source, len(one)) or work(one)
    finally:
        for pid, source in others:
            os.close(source)  # one that still writes ends
            os.waitpid(pid, 0)
    return made


def _start(work: Work, items: Sequence[Any]) -> tuple[int, int]:
    """A process that does it, and where its answer is read."""
    source, target = os.pipe()
    pid = os.fork()
    if pid:
        os.close(target)
        return pid, source
    code = 1
    try:
        os.close(source)
        with open(target, "wb") as file:
            marshal.dump(work(items), file)
        code = 0
    finally:
        os._exit(code)  # nothing of the other process is ended, flushed or told


def _read(source: int, count: int) -> list[Any] | None:
    try:
        with open(source, "rb", closefd=False) as file:
            made = marshal.load(file)
    except (EOFError, ValueError, TypeError):
        return None
    return made if isinstance(made, list) and len(made) == count else None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
