"""stamp: all that a run looked at which found nothing to do; while it is as it was, the next run need not look further.

It is a shortcut and nothing else: without it, a run comes to the same end by way of the spec, the plan and the records.
What is imported here is paid for by every run, so it is little."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bedplate import forks, kept_file
from bedplate.questions import KINDS, ContainerSeen, Question, Unreachable

FORMAT = 4
# A file that is written twice within one tick of the clock keeps its times; what is younger than this is not trusted.
TICK_NS = 20_000_000
SLICE = 500  # paths that have a sum of their own
WORTH = 12  # slices from which on other processes are a help


class Look(NamedTuple):
    """What stood at some paths. `sum`: over the times of all; `newest`: the latest of them, ns."""

    paths: tuple[str, ...]  # absolute
    sum: str
    newest: int


class Stamp(NamedTuple):
    made_by: str  # version, folder and engine: another one looks for itself
    look: Look
    answers: Mapping[Question, Any]  # what was said to each question
    registries: tuple[str, ...]  # host:port of those of ours whose files are among the paths, in place of questions
    said: tuple[str, ...]  # the run's words
    config: Mapping[str, Any]  # doit's, as the spec would have it
    folders: Mapping[
        str, tuple[str, int, int]
    ] = {}  # absolute; of large contexts, as StatCache.looked_folders has them


def read(file: Path, made_by: str) -> Stamp | None:
    """None: there is none, or it is another's, or broken."""
    try:
        version, by, paths, sum, newest, answers, registries, said, config, folders = marshal.loads(file.read_bytes())
        if (version, by) != (FORMAT, made_by):
            return None
        look = Look(tuple(paths.split("\0")), sum, newest)  # one text loads in a tenth of the time of many
        answered = {KINDS[q[-1]](*q): _answer(a) for q, a in answers}
        return Stamp(by, look, answered, tuple(registries), tuple(said), config, folders)
    except (OSError, ValueError, EOFError, TypeError, LookupError, AttributeError):
        return None


def write(file: Path, stamp: Stamp, began_ns: int) -> None:
    """By rename. `began_ns`: when the run began to look. Nothing is written where an answer is missing, or a file is
    so young that it may have changed since it was read."""
    newest = max([stamp.look.newest, *(newest for _, newest, _ in stamp.folders.values())])
    if newest > began_ns - TICK_NS or any(isinstance(answer, Unreachable) for answer in stamp.answers.values()):
        return
    answers = [(tuple(q), _plain(a)) for q, a in stamp.answers.items()]
    look, said, config, folders = stamp.look, list(stamp.said), dict(stamp.config), dict(stamp.folders)
    looked = ("\0".join(look.paths), look.sum, look.newest)
    content = (FORMAT, stamp.made_by, *looked, answers, list(stamp.registries), said, config, folders)
    kept_file.write(file, marshal.dumps(content, 2))


def looking(stamp: Stamp) -> Callable[[], bool]:
    """Whether the files hold, when what is given back is called, once; other cores look at them meanwhile."""
    now = _look(stamp.look.paths)
    return lambda: now() == stamp.look and _folders_hold(stamp)


def look(paths: Iterable[str]) -> Look:
    return _look(tuple(paths))()


def _look(paths: tuple[str, ...]) -> Callable[[], Look]:
    slices = [paths[at : at + SLICE] for at in range(0, len(paths), SLICE)]
    summing = forks.begin(_sums, slices) if len(slices) >= WORTH else partial(_sums, slices)

    def look() -> Look:
        sums = summing()
        whole = hashlib.sha256("".join(sum for sum, _ in sums).encode())
        return Look(paths, whole.hexdigest(), max((newest for _, newest in sums), default=0))

    return look


def _sums(slices: Sequence[tuple[str, ...]]) -> list[tuple[str, int]]:
    """Of each slice the sum over its paths' times, and the newest of these."""
    return [_sum(paths) for paths in slices]


def _sum(paths: tuple[str, ...]) -> tuple[str, int]:
    found: list[int | None] = []  # a tuple for each path would cost more than all but the looking
    newest, add, lstat = 0, found.extend, os.lstat
    for path in paths:
        try:
            s = lstat(path)
        except OSError:
            found.append(None)
            continue
        changed = s.st_ctime_ns
        written = s.st_mtime_ns
        newest = max(newest, changed, written)
        add((s.st_size, written, changed, s.st_ino, s.st_mode))
    # version 2 writes equal values as equal bytes
    return hashlib.sha256(marshal.dumps(found, 2)).hexdigest(), newest


def _folders_hold(stamp: Stamp) -> bool:
    if not stamp.folders:
        return True
    from bedplate import folder_look

    try:
        now = folder_look.sums(list(stamp.folders), sum(entries for _, _, entries in stamp.folders.values()))
    except OSError:
        return False
    return all(is_.digest == was for is_, (was, _, _) in zip(now, stamp.folders.values(), strict=True))


def _plain(answer: Any) -> Any:
    if isinstance(answer, ContainerSeen):
        return ("seen", answer.state, dict(answer.labels))
    return dict(answer) if isinstance(answer, Mapping) else answer


def _answer(plain: Any) -> Any:
    return ContainerSeen(*plain[1:]) if isinstance(plain, tuple) else plain
