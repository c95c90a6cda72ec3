"""pins: which digest each upstream reference stands for: the lock file's, or one taken now and written there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from bedplate.errors import Mistake, SpecError
from bedplate.lock import Lock

NAME = "pipeline.lock"


@dataclass(frozen=True)
class Reference:
    """An upstream reference where it stands in a file."""

    text: str
    platform: str
    file: str
    line: int = 0
    column: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.text, self.platform


class Pins:
    """The lock of one project. Two runs at once both write what they took: the later one reads the file first."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME
        self.lock = Lock.read(self.path)

    def digest(self, reference: str, platform: str) -> str:
        """`sha256:...`, or "" where the lock has none. A reference that names its digest needs no entry."""
        _, at, digest = reference.partition("@")
        return digest if at else self.lock.digest(reference, platform) or ""

    def missing(self, references: Sequence[Reference]) -> list[Reference]:
        """Those without a digest, each once, where it stands first."""
        first: dict[tuple[str, str], Reference] = {}
        for reference in references:
            if not self.digest(*reference.key):
                first.setdefault(reference.key, reference)
        return list(first.values())

    def unused(self, references: Iterable[Reference]) -> list[tuple[str, str]]:
        used = {r.key for r in references}
        return sorted(key for key in self.lock.entries if key not in used)

    def take(self, references: Iterable[Reference], ask: Callable[[str], str]) -> list[str]:
        """Asks for today's digests and writes them; what it did, a line for each. Raises StepError; what was taken
        until then is written."""
        lines, asked = [], dict[str, str]()
        lock = Lock.read(self.path)
        try:
            for reference in references:
                digest = asked[reference.text] = asked.get(reference.text) or ask(reference.text)
                before = lock.digest(*reference.key)
                if before == digest:
                    continue
                lock = lock.with_entry(*reference.key, digest, datetime.now(timezone.utc))
                moved = f"moved from {before[:19]} to" if before else "locked as"
                lines.append(f"{reference.text} ({reference.platform}) {moved} {digest[:19]}")
        finally:
            if lock != self.lock:
                lock.write(self.path)
            self.lock = lock
        return lines

    def drop(self, keys: Iterable[tuple[str, str]]) -> None:
        lock = Lock.read(self.path)
        for reference, platform in keys:
            lock = lock.without(reference, platform)
        if lock != self.lock:
            lock.write(self.path)
        self.lock = lock


def refuse(missing: Iterable[Reference], why: str) -> SpecError:
    """What a run says that may not take digests by itself; `why`: what keeps it from that."""
    hint = f"`doit lock` takes its digest; commit {NAME}"
    return SpecError(
        [Mistake(r.file, r.line, r.column, f"{r.text} ({r.platform}) is not in {NAME} ({why})", hint) for r in missing]
    )
