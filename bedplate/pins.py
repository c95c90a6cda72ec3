"""pins: which digest each upstream reference stands for: the lock file's, or one taken now and written there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bedplate.errors import Mistake, SpecError, StepError
from bedplate.frozen import dataclass
from bedplate.lock import Lock

if TYPE_CHECKING:
    from bedplate.yamlfile.nodes import Node

NAME = "pipeline.lock"
# today's digests of all these references, or why one is not known
Ask: TypeAlias = "Callable[[Sequence[str]], Mapping[str, str | StepError]]"
# reference, platform, digest -> the ONBUILD instructions of that image, or why they are not known
Wanted: TypeAlias = tuple[str, str, str]
AskTriggers: TypeAlias = "Callable[[Sequence[Wanted]], Mapping[Wanted, tuple[str, ...] | StepError]]"


@dataclass(frozen=True)
class Reference:
    """An upstream reference where it stands in a file. `keys`: in pipeline.yaml, whose lines nobody has counted yet.

    `needed` False: work goes on by its tag where nobody says its digest."""

    text: str
    platform: str
    file: str
    line: int = 0
    column: int = 0
    keys: tuple[str, ...] = ()
    source: str = ""  # the line
    needed: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return self.text, self.platform


class Pins:
    """The lock of one project. Two runs at once both write what they took: the later one reads the file first."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME
        self.lock = Lock.read(self.path)
        self.unknown: dict[tuple[str, str], StepError] = {}  # why a reference has no digest, where work goes on

    def digest(self, reference: str, platform: str) -> str:
        """`sha256:...`, or "" where the lock has none. A reference that names its digest needs no entry."""
        _, at, digest = reference.partition("@")
        return digest if at else self.lock.digest(reference, platform) or ""

    def missing(self, references: Sequence[Reference]) -> list[Reference]:
        """Those without a digest, each once, where it stands first, with its line."""
        first: dict[tuple[str, str], Reference] = {}
        for reference in references:
            if not self.digest(*reference.key):
                first.setdefault(reference.key, reference)
        return placed(self.path.parent, list(first.values()))

    def unused(self, references: Iterable[Reference]) -> list[tuple[str, str]]:
        used = {r.key for r in references}
        return sorted(key for key in self.lock.entries if key not in used)

    def take(
        self, references: Iterable[Reference], ask: Ask, triggers: AskTriggers | None = None, *, go_on: bool = False
    ) -> Iterator[str]:
        """Asks for today's digests and writes them; what it did, a line for each. Raises StepError once what could be
        taken is written; to `go_on`, what could not be taken is kept in `unknown` instead. `triggers` is asked what
        ONBUILD instructions the images hold; None: they have none."""
        references = list(references)
        before = Lock.read(self.path)
        lock, lines, errors = _taken(before, references, ask, triggers)
        if lock != before:
            lock.write(self.path)
        self.lock = lock
        yield from lines
        self._refuse(references, errors, go_on=go_on)

    def suppose(self, references: Iterable[Reference], ask: Ask, triggers: AskTriggers | None = None) -> Iterator[str]:
        """As `take`, but what was asked stands in no file: only this process goes on with it."""
        references = list(references)
        self.lock, lines, errors = _taken(self.lock, references, ask, triggers)
        yield from lines
        self._refuse(references, errors, go_on=False)

    def complete(self, references: Iterable[Reference], triggers: AskTriggers) -> Iterator[str]:
        """Asks what ONBUILD instructions those entries hold that an earlier version wrote without looking, and writes
        it; a line for each. Raises StepError once what could be asked is written."""
        lock, errors, lines = Lock.read(self.path), [], []
        entries = ((key, lock.entries.get(key)) for key in dict.fromkeys(r.key for r in references))
        wanted = [(*key, entry.digest) for key, entry in entries if entry and entry.onbuild is None]
        for (text, platform, digest), found in (triggers(wanted) if wanted else {}).items():
            if isinstance(found, StepError):
                errors.append(found)
                continue
            lock = lock.with_entry(text, platform, digest, lock.entries[text, platform].taken, found)
            held = "1 ONBUILD instruction" if len(found) == 1 else f"{len(found) or 'no'} ONBUILD instructions"
            lines.append(f"{text} ({platform}) looked into: {held}")
        if lines:
            lock.write(self.path)
        self.lock = lock
        yield from lines
        _raise(errors)

    def _refuse(
        self, references: Iterable[Reference], errors: Mapping[tuple[str, str], StepError], *, go_on: bool
    ) -> None:
        """Raises StepError for the digests that nobody said; keeps those that work goes on without."""
        needed = {r.key for r in references if r.needed}
        self.unknown.update({key: why for key, why in errors.items() if go_on or key not in needed})
        _raise(why for key, why in errors.items() if key not in self.unknown)

    def drop(self, keys: Iterable[tuple[str, str]]) -> None:
        lock = Lock.read(self.path)
        for reference, platform in keys:
            lock = lock.without(reference, platform)
        if lock != self.lock:
            lock.write(self.path)
        self.lock = lock


def _taken(
    lock: Lock, references: Iterable[Reference], ask: Ask, triggers: AskTriggers | None
) -> tuple[Lock, list[str], dict[tuple[str, str], StepError]]:
    wanted = {r.key: r for r in references}
    said = ask(list(dict.fromkeys(r.text for r in wanted.values())))
    errors = {key: why for key, r in wanted.items() if isinstance(why := said[r.text], StepError)}
    new = [(*r.key, digest) for r in wanted.values() if isinstance(digest := said[r.text], str)]
    new = [(text, platform, digest) for text, platform, digest in new if lock.digest(text, platform) != digest]
    held = triggers(new) if triggers and new else {}
    lines = []
    for text, platform, digest in new:
        onbuild, before = held.get((text, platform, digest), ()), lock.digest(text, platform)
        if isinstance(onbuild, StepError):
            errors[text, platform] = onbuild
            continue
        lock = lock.with_entry(text, platform, digest, datetime.now(timezone.utc), onbuild)
        moved = f"moved from {before[:19]} to" if before else "locked as"
        lines.append(f"{text} ({platform}) {moved} {digest[:19]}")
    return lock, lines, errors


def _raise(errors: Iterable[StepError]) -> None:
    """One error that names all."""
    unlike = {error.message: error for error in errors}  # a reference may be asked for on several platforms
    if unlike:
        first, *others = unlike.values()
        raise StepError(
            first.message, first.hint, "\n".join(filter(None, (first.detail, *(e.message for e in others))))
        )


def refuse(missing: Iterable[Reference], why: str) -> SpecError:
    """What a run says that may not take digests by itself; `why`: what keeps it from that."""
    hint = f"`doit lock` takes its digest; commit {NAME}"
    return SpecError(
        [
            Mistake(r.file, r.line, r.column, f"{r.text} ({r.platform}) is not in {NAME} ({why})", hint, r.source)
            for r in missing
        ]
    )


def placed(root: Path, references: Sequence[Reference]) -> list[Reference]:
    """With line, column and source. A file that cannot be read gives none: whoever reads it says why."""
    if not references:
        return []
    from bedplate.specfile import places
    from bedplate.yamlfile import text as yaml_text

    contents: dict[str, bytes] = {}
    for file in {r.file for r in references}:
        try:
            contents[file] = (root / file).read_bytes()
        except OSError:
            continue
    lines = {file: content.decode("utf-8-sig", "replace").splitlines() for file, content in contents.items()}
    spec: Node | None = None
    found = []
    for r in references:
        if r.keys and r.file in contents:
            spec = spec or yaml_text.read(contents[r.file], r.file)[0]
            place = places.at(spec, r.keys)
            r = replace(r, line=place.line, column=place.column)
        if 0 < r.line <= len(lines.get(r.file, ())):
            r = replace(r, source=lines[r.file][r.line - 1])
        found.append(r)
    return found
