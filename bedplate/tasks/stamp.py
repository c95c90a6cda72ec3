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
from typing import Any, NamedTuple, TypeAlias, TypeVar

from bedplate import forks, kept_file
from bedplate.questions import KINDS, Answers, ContainerSeen, Question

FORMAT = 7
# A file that is written twice within one tick of the clock keeps its times; what is younger than this is not trusted.
TICK_NS = 20_000_000
SLICE = 500  # paths that have a sum of their own
WORTH = 12  # slices from which on other processes are a help

Times: TypeAlias = "tuple[int, int, int, int, int]"  # size, mtime ns, ctime ns, inode, mode
T = TypeVar("T")


class Look(NamedTuple):
    """What stood at some paths. `sums`: over the times of each slice of them; `newest`: the latest of all, ns."""

    paths: tuple[str, ...]  # absolute
    sums: tuple[str, ...]
    newest: int


class EngineSaid(NamedTuple):
    """Thousands of answers, which are of use one by one only where the engine's lists are not the known ones."""

    requests: tuple[str, ...]  # for these lists
    packed: bytes  # the answers
    digest: str  # of made_by and all this


class Stamp(NamedTuple):
    made_by: str  # version, folder and engine: another one looks for itself
    look: Look
    others: Answers  # what was said to each question that is not for the engine
    engine: EngineSaid
    registries: tuple[str, ...]  # host:port of those of ours whose files are among the paths, in place of questions
    said: tuple[str, ...]  # the run's words
    config: Mapping[str, Any]  # doit's, as the spec would have it
    folders: Mapping[
        str, tuple[str, int, int]
    ] = {}  # absolute; of large contexts, as StatCache.looked_folders has them


def read(file: Path, made_by: str) -> Stamp | None:
    """None: there is none, or it is another's, or broken."""
    try:
        version, by, paths, sums, newest, others, engine, registries, said, config, folders = marshal.loads(
            kept_file.read(file)
        )
        if (version, by) != (FORMAT, made_by):
            return None
        look = Look(tuple(paths.split("\0")), tuple(sums), newest)  # one text loads in a tenth of the time of many
        return Stamp(by, look, _unpacked(others), EngineSaid(*engine), tuple(registries), tuple(said), config, folders)
    except (OSError, ValueError, EOFError, TypeError, LookupError, AttributeError):
        return None


def write(file: Path, stamp: Stamp, began_ns: int) -> None:
    """By rename. `began_ns`: when the run began to look. Nothing is written where a file is so young that it may have
    changed since it was read."""
    newest = max([stamp.look.newest, *(newest for _, newest, _ in stamp.folders.values())])
    if newest > began_ns - TICK_NS:
        return
    look, said, config, folders = stamp.look, list(stamp.said), dict(stamp.config), dict(stamp.folders)
    looked = ("\0".join(look.paths), look.sums, look.newest)
    engine = (stamp.engine.requests, stamp.engine.packed, stamp.engine.digest)
    answers = (_packed(stamp.others), engine)
    content = (FORMAT, stamp.made_by, *looked, *answers, list(stamp.registries), said, config, folders)
    kept_file.write(file, marshal.dumps(content, 2))


def engine_said(made_by: str, answers: Answers) -> EngineSaid:
    """`answers`: to all questions that are for the engine."""
    from bedplate.clients import engine_lists

    requests, packed = engine_lists.requests(answers), _packed(answers)
    digest = hashlib.sha256(marshal.dumps((made_by, requests, packed), 2)).hexdigest()
    return EngineSaid(requests, packed, digest)


def of_engine(stamp: Stamp) -> dict[Question, Any]:
    """What the engine said to each question that is for it."""
    return _unpacked(stamp.engine.packed)


def looking(stamp: Stamp) -> Callable[[], list[int] | None]:
    """When what is given back is called, once: the numbers of the slices whose paths are not as they were, or None
    where something in a large folder is not. Other cores look at them meanwhile."""
    now = _begin(slices(stamp.look.paths))

    def look() -> list[int] | None:
        changed = [at for at, (was, is_) in enumerate(zip(stamp.look.sums, now(), strict=True)) if was != is_]
        return changed if _folders_hold(stamp) else None

    return look


def look(paths: Iterable[str], found: Sequence[Times | None]) -> Look:
    """`found`: what stands at each of the paths."""
    newest = max((max(one[1], one[2]) for one in found if one), default=0)
    return Look(tuple(paths), tuple(_sum(some) for some in slices(found)), newest)


def slices(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[at : at + SLICE] for at in range(0, len(things), SLICE)]


def _begin(paths: Sequence[Sequence[str]]) -> Callable[[], list[str]]:
    return forks.begin(_sums, paths) if len(paths) >= WORTH else partial(_sums, paths)


def _sums(slices: Sequence[Sequence[str]]) -> list[str]:
    return [_sum(times(slice)) for slice in slices]


def times(paths: Iterable[str]) -> list[Times | None]:
    """As read_cache.times, which would cost a call for each path."""
    found: list[Times | None] = []
    add, lstat = found.append, os.lstat
    for path in paths:
        try:
            s = lstat(path)
        except OSError:
            add(None)
        else:
            add((s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode))
    return found


def _sum(found: Sequence[Times | None]) -> str:
    # version 2 writes equal values as equal bytes
    return hashlib.sha256(marshal.dumps(list(found), 2)).hexdigest()


def _folders_hold(stamp: Stamp) -> bool:
    if not stamp.folders:
        return True
    from bedplate import folder_look

    try:
        now = folder_look.sums(list(stamp.folders), sum(entries for _, _, entries in stamp.folders.values()))
    except OSError:
        return False
    return all(is_.digest == was for is_, (was, _, _) in zip(now, stamp.folders.values(), strict=True))


def _packed(answers: Answers) -> bytes:
    return marshal.dumps([(tuple(q), _plain(a)) for q, a in answers.items()], 2)


def _unpacked(packed: bytes) -> dict[Question, Any]:
    return {KINDS[q[-1]](*q): _answer(a) for q, a in marshal.loads(packed)}


def _plain(answer: Any) -> Any:
    if isinstance(answer, ContainerSeen):
        return ("seen", answer.state, dict(answer.labels))
    return dict(answer) if isinstance(answer, Mapping) else answer


def _answer(plain: Any) -> Any:
    return ContainerSeen(*plain[1:]) if isinstance(plain, tuple) else plain
