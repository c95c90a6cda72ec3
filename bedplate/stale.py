"""stale: does a task have to run, and why; one answer for the loader, for doit and for the plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from bedplate import fingerprint
from bedplate.fingerprint import Parts
from bedplate.frozen import dataclass
from bedplate.state import Record
from bedplate.step import DockerfileFiles, Task

SHOWN = 48  # characters of a value in a reason
REASONS = 8  # said of one task; `doit plan --json` has all
KIND = '{"":'  # how fingerprint.text begins a value of one of our own types
OWN = "bedplate.internal/"  # how an image of the spec stands in an argument


@dataclass(frozen=True)
class Verdict:
    """`reasons` is empty: fresh. `maybe`: tasks that run first and whose outputs, not known before, may change it."""

    task: str
    parts: Parts
    reasons: tuple[str, ...]
    maybe: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Made when first asked for: of a task that is fresh hardly anybody does."""
        return fingerprint.digest(self.parts)

    @property
    def fresh(self) -> bool:
        return not self.reasons and not self.maybe


def stale(parts: Parts, record: Record | None, absent: str | None) -> tuple[str, ...]:
    """Why a task with these parts must run; empty: it need not.

    `absent` says why what it made is not there any more, or is None."""
    if record is None:
        return ("never done here",)
    reasons = tuple(differences(record.parts, parts))
    if record.failed and not reasons and record.failed == fingerprint.digest(parts):
        reasons = ("failed last time",)
    return reasons + ((absent,) if absent else ())


def differences(before: Parts, now: Parts) -> Iterator[str]:
    """`arg CUDA 12.1 -> 12.4`, `file app.py changed`, `file app.py added`, `after build_base:os`."""
    if before == now:
        return
    instructions = list(_instructions(before, now))
    gone = [name.partition(" ")[2] for name in before if name.startswith("output ") and name not in now]
    if gone and all(before[name] == now.get(name) for name in before.keys() & now.keys()) and not now.keys() - before:
        yield from (f"no longer after {what}" for what in gone)
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        kind, _, what = name.partition(" ")
        if kind == "instruction":
            yield from instructions
            instructions = []
        if old == new or kind == "instruction" or (kind == "output" and new is None):
            continue
        if kind == "output":
            yield f"after {what}"
        elif old is None:
            yield f"{name} added"
        elif new is None:
            yield f"{name} removed"
        elif kind == "from":
            yield f"{name} moved"
        else:
            was, is_ = (_worded(value, own=not what) for value in (old, new))
            if kind in ("file", "folder") or _long(was) or _long(is_) or was == is_:
                yield f"{name} changed"
            else:
                yield f"{name} {was} -> {is_}"


def shown(reasons: Sequence[str]) -> list[str]:
    """As many as a person reads, each on one line."""
    more = len(reasons) - REASONS
    kept = reasons if more <= 1 else [*reasons[:REASONS], f"and {more} more"]
    return [visible(reason) for reason in kept]


def visible(text: str) -> str:
    """What a name may hold and a terminal would obey, as Python writes it: `\\n`, `\\x1b`, `\\udcff`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
        if verdict.fresh and record is not None:
            identity[task.name] = record.identity
        elif task.foreseen:
            identity[task.name] = verdict.fingerprint
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
    return Verdict(task.name, parts, _placed(stale(parts, record, absent), task), maybe)


def _placed(reasons: tuple[str, ...], task: Task) -> tuple[str, ...]:
    """The files of a context are parts by their names there; a person looks for them from the project's root."""
    contexts = [files.context for files in task.files if isinstance(files, DockerfileFiles)]
    if not reasons or len(contexts) != 1 or contexts[0] in ("", "."):
        return reasons
    return tuple(_below(contexts[0], reason) for reason in reasons)


def _below(folder: str, reason: str) -> str:
    kind, _, rest = reason.partition(" ")
    if kind not in ("file", "folder"):
        return reason
    return f"{kind} {folder}{rest[1:]}" if rest.startswith(". ") else f"{kind} {folder}/{rest}"


def _recorded(record: Record | None) -> str:
    return record.identity if record else ""


def _instructions(before: Parts, now: Parts) -> Iterator[str]:
    """`instruction 4 RUN added`: one that comes in between changes the numbers of those behind it and nothing else."""
    olds, news = _numbered(before), _numbered(now)
    if olds == news:
        return
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, [value for _, value in olds], [value for _, value in news], autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        gone, come = [name for name, _ in olds[start:end]], [name for name, _ in news[new_start:new_end]]
        both = min(len(gone), len(come))
        yield from (f"{name} changed" for name in come[:both])
        yield from (f"{name} added" for name in come[both:])
        yield from (f"{name} removed" for name in gone[both:])


def _numbered(parts: Parts) -> list[tuple[str, tuple[str, str]]]:
    """Instructions in their order: the part's name, then keyword and value."""
    found = [(int(name.split()[1]), name, value) for name, value in parts.items() if name.startswith("instruction ")]
    return [(name, (name.split()[2], value)) for _, name, value in sorted(found)]


def _worded(value: str, own: bool) -> str:
    """As it would stand in pipeline.yaml: `{env: REG_USER}`. `own`: it is no text of the user's, who may write null."""
    if own and value == "null":
        return "not set"
    if KIND not in value:
        return value.removeprefix(OWN)
    try:
        return _flow(json.loads(value))
    except ValueError:
        return value  # a text that only looks like one of ours


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items() if k and v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _long(value: str) -> bool:
    return len(value) > SHOWN or value.startswith("sha256:")
