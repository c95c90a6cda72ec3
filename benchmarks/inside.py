"""inside: one call in a process of its own, timed there: what a run pays for it, without starting Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Spent, environ

FRAME = """
import os, sys, time
{before}
_cpu, _since = os.times(), time.perf_counter()
{timed}
_ms, _now = (time.perf_counter() - _since) * 1000, os.times()
print(_ms, sum(_now[:4]) * 1000 - sum(_cpu[:4]) * 1000)
"""


def call(
    before: str, timed: str, *words: str, folder: Path, prepare: Callable[[], object] | None = None, **more: str
) -> Callable[[], Spent]:
    """`before`: lines that are not timed; `timed`: those that are; `words`: their sys.argv[1:].

    `prepare` is called each time before the process starts. Memory is of no account here."""
    code = FRAME.format(before=before, timed=timed)
    surroundings: Mapping[str, str] = environ(**more)

    def run() -> Spent:
        if prepare:
            prepare()
        ended = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=folder, env=surroundings, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        ms, cpu = ended.stdout.split()[-2:]
        return Spent(float(ms), float(cpu))

    return run


@contextmanager
def on_cores(count: int) -> Iterator[bool]:
    """What is started here runs on so many cores; False where that cannot be had."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < count:
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[-count:]))
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)
