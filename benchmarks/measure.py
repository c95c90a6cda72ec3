"""measure: times and memory of two ways to do one thing, taken in turns, as medians."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

# A process that is started takes over the peak of the one that starts it, so a small one starts what is measured.
PEAK = """
import os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
os.write(2, str(usage.ru_maxrss).encode())
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Spent(NamedTuple):
    """Milliseconds: by the clock, and of processors, which other work on the machine changes less."""

    ms: float
    cpu_ms: float


@dataclass(frozen=True)
class Figure:
    """One line of the table. `ours`, `theirs`: medians in `unit`; `ratio`: median of the pairs' ratios.

    `aim`: the ratio, or (`aim_in_unit`) the value of ours, that is to be had at most; None: only looked at.
    `noise`: where half of the pairs' ratios lie. `cpu_ratio`: of the processors' time."""

    name: str
    peer: str
    ours: float
    theirs: float | None
    unit: str
    ratio: float | None
    noise: tuple[float, float] | None = None
    cpu_ratio: float | None = None
    aim: float | None = None
    aim_in_unit: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        value = self.ours if self.aim_in_unit else self.ratio
        return value is not None and value <= self.aim


@dataclass(frozen=True)
class Skipped:
    """A figure that this machine cannot give."""

    name: str
    why: str


@dataclass(frozen=True)
class Command:
    """A process whose output is thrown away and which must end with one of `codes`."""

    words: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    codes: tuple[int, ...] = (0,)

    def __call__(self) -> Spent:
        since = time.perf_counter()
        process = subprocess.Popen(
            self.words, cwd=self.folder, env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        ms = (time.perf_counter() - since) * 1000
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode in self.codes, self.said()
        return Spent(ms, (usage.ru_utime + usage.ru_stime) * 1000)

    @property
    def fails(self) -> bool:
        ended = subprocess.run(self.words, cwd=self.folder, env=self.environ, capture_output=True)
        return ended.returncode not in self.codes

    def said(self) -> str:
        """What it prints; it runs once more for that."""
        ended = subprocess.run(self.words, cwd=self.folder, env=self.environ, capture_output=True, text=True)
        return f"{' '.join(self.words)} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"

    def peak(self) -> float:
        """Megabytes of memory at its largest."""
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PEAK, *self.words],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert ended.returncode in self.codes, self.said()
        number = int(ended.stderr.split()[-1])
        return number / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def timed(action: Callable[[], object]) -> Callable[[], Spent]:
    """A function that runs the action in this process."""

    def run() -> Spent:
        since, cpu = time.perf_counter(), _cpu()
        action()
        return Spent((time.perf_counter() - since) * 1000, (_cpu() - cpu) * 1000)

    return run


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def compare(
    name: str,
    peer: str,
    ours: Callable[[], Spent],
    theirs: Callable[[], Spent],
    *,
    rounds: int,
    aim: float | None = None,
    note: str = "",
) -> Figure:
    """Both in turns, and the order of a pair in turns as well: what else the machine does hits both."""
    both: list[tuple[Spent, Spent]] = []
    for number in range(rounds):
        if number % 2:
            second = theirs()
            both.append((ours(), second))
        else:
            both.append((ours(), theirs()))
    ratios = sorted(a.ms / b.ms for a, b in both)
    quarter = len(ratios) // 4
    cpu = median(b.cpu_ms for _, b in both)
    return Figure(
        name,
        peer,
        ours=median(a.ms for a, _ in both),
        theirs=median(b.ms for _, b in both),
        unit="ms",
        ratio=median(ratios),
        noise=(ratios[quarter], ratios[-1 - quarter]),
        cpu_ratio=median(a.cpu_ms for a, _ in both) / cpu if cpu else None,
        aim=aim,
        note=note,
    )


def alone(name: str, action: Callable[[], Spent], *, rounds: int, aim: float | None = None, note: str = "") -> Figure:
    """A time that stands for itself; `aim` in milliseconds."""
    ours = median(action().ms for _ in range(rounds))
    return Figure(name, "", ours, None, "ms", None, aim=aim, aim_in_unit=True, note=note)


def environ(**more: str) -> dict[str, str]:
    """The environment of a measured process: what CI or a user has set does not decide what is measured."""
    dropped = ("CI", "BEDPLATE_TARGET", "DOCKER_CONTEXT", "DOIT_SEEK_FILE", "PYTHONDONTWRITEBYTECODE")
    return {**{k: v for k, v in os.environ.items() if k not in dropped}, **more}
