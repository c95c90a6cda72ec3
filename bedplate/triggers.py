"""triggers: what is known of the ONBUILD instructions of parent images: from the lock, by digest, or of our own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bedplate import links
from bedplate.errors import SpecError, StepError
from bedplate.lock import Lock
from bedplate.pins import AskTriggers, Pins, Reference, Wanted
from bedplate.stale import OWN
from bedplate.step import DockerfileFiles, Files, Upstream


class Triggers:
    """`files_of` gives what an image of the spec is made of. `path`: a file that remembers, a line for each digest.

    An image that the lock has an entry for has its triggers there. One that the Dockerfile names by digest needs no
    entry, and an entry of an earlier version may say nothing: what these hold is asked once, and remembered here."""

    def __init__(self, root: Path, path: Path, pins: Pins, files_of: Callable[[str], Sequence[Files]]) -> None:
        self._root = root
        self._path = path
        self._pins = pins
        self._files_of = files_of
        self._by_digest: dict[tuple[str, str], tuple[str, ...]] | None = None
        self._known: tuple[Lock, str] | None = None

    def of(self, reference: str, platform: str, looked: set[str]) -> Sequence[str]:
        """Of the image with this reference; none where nobody knows. `looked` gets the paths that were read."""
        if not reference.startswith(OWN):
            return self._upstream(reference, platform)
        from bedplate import context

        found: list[str] = []
        for files in self._files_of(reference.removeprefix(OWN)):
            if isinstance(files, Upstream):
                found += self._upstream(files.reference, files.platform)
            elif isinstance(files, DockerfileFiles):
                path = str(self._root / files.dockerfile)
                looked.update((path, *links.followed(path)))
                try:
                    found += context.triggers(files, self._root)
                except SpecError:
                    continue  # the parent's own task says so
        return found

    def key(self, files: Files) -> str:
        """Changes with what `of` may say for these files, but for the paths that it looks at."""
        own = files.images.values() if isinstance(files, DockerfileFiles) else ()
        parents = [f for image in dict.fromkeys(own) for f in self._files_of(image)]
        shown = [(f.dockerfile, f.target) if isinstance(f, DockerfileFiles) else repr(f) for f in parents]
        return f"{self.known} {shown}" if shown else self.known

    @property
    def known(self) -> str:
        """All triggers of upstream images, as a text; "" for most projects."""
        lock = self._pins.lock
        if self._known is None or self._known[0] is not lock:
            found = {key: entry.onbuild for key, entry in lock.entries.items() if entry.onbuild}
            found |= {key: triggers for key, triggers in self._read().items() if triggers}
            self._known = (lock, str(sorted(found.items())) if found else "")
        return self._known[1]

    def learn(self, references: Iterable[Reference], ask: AskTriggers) -> None:
        """Asks for those that no lock entry tells and that are not known yet. Where nobody answers they count as none
        for now."""
        read = self._read()
        wanted: list[Wanted] = []
        for reference in references:
            entry, digest = self._pins.lock.entries.get(reference.key), self._pins.digest(*reference.key)
            told = entry is not None and entry.onbuild is not None
            if digest and not told and (digest, reference.platform) not in read:
                wanted.append((*reference.key, digest))
        if not wanted:
            return
        for (_, platform, digest), found in ask(list(dict.fromkeys(wanted))).items():
            if not isinstance(found, StepError):
                self._keep(digest, platform, found)

    def _upstream(self, reference: str, platform: str) -> tuple[str, ...]:
        entry = self._pins.lock.entries.get((reference, platform))
        if entry is not None and entry.onbuild is not None:
            return entry.onbuild
        return self._read().get((self._pins.digest(reference, platform), platform), ())

    def _keep(self, digest: str, platform: str, found: tuple[str, ...]) -> None:
        self._read()[digest, platform] = found
        self._known = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps([digest, platform, found]) + "\n"
        # one write of one whole line: processes that append never mix their lines
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def _read(self) -> dict[tuple[str, str], tuple[str, ...]]:
        if self._by_digest is None:
            self._by_digest = {}
            try:
                lines = self._path.read_text(encoding="utf-8", errors="replace").split("\n")
            except OSError:
                return self._by_digest
            for line in lines[:-1]:  # what a kill cut short has no line break
                try:
                    digest, platform, found = json.loads(line)
                except ValueError:
                    continue
                self._by_digest[digest, platform] = tuple(found)
        return self._by_digest
