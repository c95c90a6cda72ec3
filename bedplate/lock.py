"""lock: pipeline.lock, the digests of upstream images as they were taken."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timezone
from pathlib import Path

from bedplate.errors import Mistake, SpecError
from bedplate.frozen import dataclass
from bedplate.model import Digest

HEAD = "# The digest of every upstream image, and when it was taken. `doit lock` writes this file; commit it."
VERSION = "version: 1"
IMAGE = re.compile(r'  "([^"\\]+)":')
PLATFORM = "[a-z0-9]+(?:/[a-z0-9_.-]+)+"
ENTRY = re.compile(rf'    ({PLATFORM}): \{{digest: "([^"]*)", taken: "([^"]*)"(?:, onbuild: (\[.*\]))?\}}')
TIME = "%Y-%m-%dT%H:%M:%SZ"
ANEW = "`doit lock --update` writes it anew"
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


@dataclass(frozen=True)
class Locked:
    """`digest`: sha256:... `taken`: UTC, in whole seconds.

    `onbuild`: the ONBUILD instructions that the image holds; None: nobody has looked, an earlier version wrote this."""

    digest: str
    taken: datetime
    onbuild: tuple[str, ...] | None = ()


@dataclass(frozen=True)
class Lock:
    """By reference as the Dockerfile's FROM says it once expanded, and by platform (`linux/amd64`)."""

    entries: Mapping[tuple[str, str], Locked] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Without a file: empty. Raises SpecError for what `write` would not have written.

        The file is YAML of one fixed shape, and read by its lines: PyYAML takes thirty times as long."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except UnicodeDecodeError:
            raise SpecError([Mistake(path.name, 0, 0, "is not UTF-8", ANEW)]) from None
        return cls(_parsed(text, path.name))

    def digest(self, reference: str, platform: str) -> str | None:
        locked = self.entries.get((reference, platform))
        return locked.digest if locked else None

    def with_entry(
        self, reference: str, platform: str, digest: str, taken: datetime, onbuild: tuple[str, ...] = ()
    ) -> Lock:
        """`taken` in any time zone. An entry that is there is replaced."""
        locked = Locked(digest, taken.astimezone(timezone.utc).replace(microsecond=0), onbuild)
        return Lock({**self.entries, (reference, platform): locked})

    def without(self, reference: str, platform: str | None = None) -> Lock:
        """`platform` None: all of them."""
        gone = {key for key in self.entries if key[0] == reference and platform in (None, key[1])}
        return Lock({key: locked for key, locked in self.entries.items() if key not in gone})

    def __str__(self) -> str:
        lines = [HEAD, VERSION, "images:" if self.entries else "images: {}"]
        previous = None
        for (reference, platform), locked in sorted(self.entries.items(), key=lambda item: item[0]):
            if reference != previous:
                lines.append(f'  "{reference}":')
                previous = reference
            # JSON is YAML, too
            onbuild = f", onbuild: {json.dumps(locked.onbuild)}" if locked.onbuild is not None else ""
            taken = locked.taken.strftime(TIME)
            lines.append(f'    {platform}: {{digest: "{locked.digest}", taken: "{taken}"{onbuild}}}')
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """By rename: a reader sees the file before or the file after."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False) as new:
            new.write(str(self))
        written = Path(new.name)
        written.chmod(path.stat().st_mode if path.exists() else 0o644)
        written.replace(path)


def _parsed(text: str, name: str) -> dict[tuple[str, str], Locked]:
    entries: dict[tuple[str, str], Locked] = {}
    mistakes: list[Mistake] = []
    reference, head = "", [VERSION, "images:"]
    for number, line in enumerate(text.splitlines(), 1):
        line = line.rstrip()
        hint, problem = ANEW, ""
        if not line or line.lstrip().startswith("#"):
            continue
        if line.startswith(CONFLICT):
            hint, problem = "take either side of it, then `doit lock`", "an unfinished merge"
        elif head:
            problem = "" if line.removesuffix(" {}") == head[0] else f"expected `{head[0]}`"
            head.pop(0)
        elif image := IMAGE.fullmatch(line):
            reference = image[1]
        elif (entry := ENTRY.fullmatch(line)) and reference:
            problem = _entry(entries, (reference, entry[1]), entry[2], entry[3], entry[4])
        else:
            problem = "not a line that `doit lock` writes"
        if problem:
            column = len(line) - len(line.lstrip()) + 1
            mistakes.append(Mistake(name, number, column, problem, hint, line))
    if head and not mistakes:
        mistakes.append(Mistake(name, 0, 0, f"`{head[0]}` is missing", ANEW))
    if mistakes:
        raise SpecError(mistakes)
    return entries


def _entry(
    entries: dict[tuple[str, str], Locked], key: tuple[str, str], digest: str, taken: str, onbuild: str | None
) -> str:
    """Adds an entry; returns what is wrong with it, or ""."""
    if key in entries:
        return f"{key[0]} for {key[1]} stands here twice"
    try:
        if len(taken) != 20 or taken[-1] != "Z":
            return f"not a time in UTC: {taken!r}"
        when = datetime.fromisoformat(taken[:-1]).replace(tzinfo=timezone.utc)  # five times as quick as strptime
        triggers = None if onbuild is None else tuple(json.loads(onbuild))
        if not all(isinstance(trigger, str) for trigger in triggers or ()):
            return "not a list of instructions"
        entries[key] = Locked(str(Digest.parse(digest)), when, triggers)
    except ValueError as error:
        return str(error)
    return ""
