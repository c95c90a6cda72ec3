"""touched: which entries of the spec the files belong to that changed since a run found nothing to do.

It stands beside the stamp and is read only where the stamp no longer holds: of a large project in which one file was
edited, little more than what that edit bears on has then to be looked at."""

from __future__ import annotations

import marshal
import stat
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bedplate import kept_file
from bedplate.tasks import stamp
from bedplate.tasks.stamp import Look, Times

if TYPE_CHECKING:
    from bedplate.specfile.kept import Entries
    from bedplate.tasks.session import Session

FORMAT = 3
MOST = 4  # times as many entries are in all as may be touched, for a part of them to be worth looking at alone
SECTIONS = {
    "build_base": "images",
    "push": "images",
    "create_environment": "environments",
    "deploy": "services",
    "smoke_test": "services",
}  # of the entry that a task of a step is made for


class Touched(NamedTuple):
    """`entries`: all whose tasks may have to run, and those that must be known for it."""

    entries: Entries
    tasks: int  # how many there are of the whole spec
    serving: Mapping[str, str]  # as World.lines has it


class Kept(NamedTuple):
    """What the file says of a whole project. `links`: as numbers of entries."""

    times: dict[str, Times | None]  # of all paths of the look, in its order
    owners: dict[str, list[int]]  # of each path the entries that it was looked at for
    tasks: int
    entries: list[tuple[str, str]]
    links: list[list[list[int]]]


def write(file: Path, session: Session, look: Look, found: Sequence[Times | None], before: Kept | None = None) -> None:
    """`found`: what stood at the paths of the look. `before`: of a session that looks at a part, what was kept of all.

    Nothing is kept where a part would not tell all that is to say."""
    from bedplate import bearing
    from bedplate.tasks import unhashed

    owners = _owners(session, look)
    if owners is None or unhashed.may_fetch(session, session.tasks):
        file.unlink(missing_ok=True)
        return
    if before is None:
        known_by, used_by = bearing.known_by(session.spec), bearing.used_by(session.spec)
        entries = list(known_by)
        number = {entry: at for at, entry in enumerate(entries)}
        links = [[[number[other] for other in links[entry]] for entry in entries] for links in (known_by, used_by)]
        before = Kept({}, {}, len(session.tasks), entries, links)
    number = {entry: at for at, entry in enumerate(before.entries)}
    part = _part(session, before)
    theirs = [
        sorted({*before.owners.get(path, ())} - part | {number[entry] for entry in owners.get(path, ())})
        for path in look.paths
    ]
    content = [FORMAT, look.sums, before.tasks, session.world.lines(), before.entries, before.links]
    kept_file.write(file, marshal.dumps([*content, _blobs(found, theirs)], 2))


def kept(file: Path, look: Look) -> Kept | None:
    """What was written with this look; None: nothing."""
    try:
        version, sums, tasks, _, entries, links, blobs = marshal.loads(kept_file.read(file))
        if (version, sums) != (FORMAT, look.sums):
            return None
        slices = [marshal.loads(blob) for blob in blobs]
        times = dict(zip(look.paths, (one for were, _ in slices for one in were), strict=True))
        owners = dict(zip(look.paths, (one for _, own in slices for one in own), strict=True))
        return Kept(times, owners, tasks, [tuple(entry) for entry in entries], links)
    except (OSError, ValueError, EOFError, TypeError, LookupError):
        return None


def of_part(before: Kept, session: Session) -> set[str]:
    """The paths that were looked at for entries of the session, which looks at a part, and for no other."""
    part = _part(session, before)
    return {path for path, own in before.owners.items() if own and part.issuperset(own)}


def _part(session: Session, before: Kept) -> set[int]:
    from bedplate import bearing

    theirs = set(bearing.entries(session.spec))
    return {at for at, entry in enumerate(before.entries) if entry in theirs}


def _blobs(found: Sequence[Times | None], owners: Sequence[Sequence[int]]) -> list[bytes]:
    """One for each slice of the paths: it is read where that slice is not as it was."""
    both = zip(stamp.slices(found), stamp.slices(owners), strict=True)
    return [marshal.dumps((list(were), list(own)), 2) for were, own in both]


def read(file: Path, look: Look, changed: Iterable[int]) -> Touched | None:
    """`changed`: the slices of the stamp's look that are not as they were. None: look at all of the project."""
    try:
        version, sums, tasks, serving, entries, (known_by, used_by), blobs = marshal.loads(kept_file.read(file))
        if (version, sums) != (FORMAT, look.sums):
            return None
        paths = stamp.slices(look.paths)
        theirs: set[int] = set()
        for at in changed:
            owners = _changed(paths[at], *marshal.loads(blobs[at]))
            if owners is None:
                return None
            theirs |= owners
        needed = _closed(_closed(theirs, used_by), known_by)
        if len(needed) * MOST > len(entries):
            return None
        names: dict[str, set[str]] = {}
        for section, name in (entries[at] for at in needed):
            names.setdefault(section, set()).add(name)
        return Touched(names, tasks, serving)
    except (OSError, ValueError, EOFError, TypeError, LookupError):
        return None


def _owners(session: Session, look: Look) -> Mapping[str, set[tuple[str, str]]] | None:
    """The entries that each path was looked at for. None: of some files that is not known.

    What is not there is no path of the look where its folder is: the folder tells of it then, to whom it matters."""
    among = set(look.paths)
    owners: dict[str, set[tuple[str, str]]] = {}
    for task in session.tasks:
        for files in task.files:
            looked = session.reads.looked(files)
            if looked is None:
                return None
            for path in looked:
                there = path if path in among else path.rpartition("/")[0]
                owners.setdefault(there, set()).add((SECTIONS[task.step], task.entry))
    return owners


def _changed(paths: Sequence[str], were: Sequence[Times | None], owners: Sequence[Sequence[int]]) -> set[int] | None:
    """The owners of those that changed. None: one is nobody's, or not there any more, or something else."""
    theirs: set[int] = set()
    for was, is_, own in zip(were, stamp.times(paths), owners, strict=True):
        if was == is_:
            continue
        if not own or (was is not None and (is_ is None or stat.S_IFMT(was[4]) != stat.S_IFMT(is_[4]))):
            return None
        theirs.update(own)
    return theirs or None  # what did change is back again


def _closed(found: set[int], links: Sequence[Sequence[int]]) -> set[int]:
    """These and all that they lead to."""
    reached, left = set(found), deque(found)
    while left:
        new = set(links[left.popleft()]) - reached
        reached |= new
        left.extend(new)
    return reached
