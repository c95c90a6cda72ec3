"""stale: does a task have to run, and why; one answer for the loader, for doit and for the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bedplate import fingerprint
from bedplate.fingerprint import Parts
from bedplate.state import Record
from bedplate.step import Task

SHOWN = 48  # characters of a value in a reason


@dataclass(frozen=True)
class Verdict:
    """`reasons` is empty: fresh. `maybe`: tasks that run first and whose outputs, not known before, may change it."""

    task: str
    parts: Parts
    fingerprint: str
    reasons: tuple[str, ...]
    maybe: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        return not self.reasons and not self.maybe


def stale(parts: Parts, record: Record | None, absent: str | None) -> tuple[str, ...]:
    """Why a task with these parts must run; empty: it need not.

    `absent` says why what it made is not there any more, or is None."""
    if record is None:
        return ("never done here",)
    reasons = tuple(differences(record.parts, parts))
    if record.failed and not reasons:
        reasons = ("failed last time",)
    return reasons + ((absent,) if absent else ())


def differences(before: Parts, now: Parts) -> Iterator[str]:
    """`arg CUDA 12.1 -> 12.4`, `file app.py changed`, `file app.py added`, `after build_base:os`."""
    if before == now:
        return
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        kind, _, what = name.partition(" ")
        if kind == "output":
            yield f"after {what}"
        elif old is None:
            yield f"{name} added"
        elif new is None:
            yield f"{name} removed"
        elif kind in ("file", "instruction") or _long(old) or _long(new):
            yield f"{name} changed"
        else:
            yield f"{name} {old} -> {new}"


def survey(
    tasks: Sequence[Task],
    records: Callable[[str], Record | None],
    files: Callable[[Task], Sequence[Parts]],
    absent: Mapping[str, str],
) -> dict[str, Verdict]:
    """The verdict on every task, before any runs; `tasks` in an order in which needs come first.

    Where a task will run and its output's identity is its fingerprint, that is known beforehand, and so are the
    fingerprints of all that is built on it. Elsewhere what follows is `maybe`."""
    verdicts: dict[str, Verdict] = {}
    identity: dict[str, str] = {}
    for task in tasks:
        maybe = tuple(need for need in task.needs if need not in identity)
        record = records(task.name)
        upstream = {need: identity.get(need) or _recorded(records(need)) for need in task.needs}
        verdict = judge(task, files(task), upstream, record, absent.get(task.name), maybe)
        verdicts[task.name] = verdict
        if task.foreseen:
            identity[task.name] = verdict.fingerprint
        elif verdict.fresh and record is not None:
            identity[task.name] = record.identity
    return verdicts


def judge(
    task: Task,
    files: Sequence[Parts],
    identities: Mapping[str, str],
    record: Record | None,
    absent: str | None,
    maybe: tuple[str, ...] = (),
) -> Verdict:
    """The verdict on one task whose upstream outputs are known."""
    parts = fingerprint.of(task, files, identities)
    return Verdict(task.name, parts, fingerprint.digest(parts), stale(parts, record, absent), maybe)


def _recorded(record: Record | None) -> str:
    return record.identity if record else ""


def _long(value: str) -> bool:
    return len(value) > SHOWN or value.startswith("sha256:")
