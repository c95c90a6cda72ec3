"""dockerfile.takes: what one COPY, ADD or mount takes, and whether from the context, a stage or an image."""

from __future__ import annotations

import re

from bedplate.dockerfile.reader import Dockerfile, Instruction, names_heredoc
from bedplate.dockerfile.scope import Scope
from bedplate.errors import Mistake
from bedplate.frozen import dataclass


@dataclass(frozen=True)
class Source:
    """What an instruction takes from the context: paths or patterns, with variables expanded."""

    at: Instruction
    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    parents: bool = False
    wildcards: bool = True


@dataclass(frozen=True)
class Take:
    """`origin`: the stage or image that a `from=` names, as written; then nothing comes from the context."""

    at: Instruction
    source: Source | None = None
    origin: str = ""
    warnings: tuple[Mistake, ...] = ()


def copy(dockerfile: Dockerfile, at: Instruction, scope: Scope, from_scratch: bool) -> Take:
    """A COPY or ADD. `from_scratch`: no parent image has set variables before. Raises ValueError."""
    scope.word(at.words[-1])
    for flag in ("chown", "chmod", "checksum"):
        scope.word(at.flag(flag) or "")
    exclude = tuple(at.values("exclude"))
    if any(scope.word(pattern) != pattern for pattern in exclude):
        exclude = ()  # some frontends expand variables there, 1.19 does not: we take more, and the builder excludes
    for heredoc in at.heredocs:
        if heredoc.expand:
            scope.used.update(scope.args.intersection(re.findall(r"\$\{?(\w+)", heredoc.content)))
    written = [word for word in at.words[:-1] if not names_heredoc(word)]
    unset: list[str] = []
    paths = [scope.word(word, unset.append) for word in written]
    origin = at.flag("from")
    if origin:
        return Take(at, origin=origin)
    warnings = []
    if unset and not from_scratch:
        names = ", ".join(dict.fromkeys(unset))
        message = f"{names} has no value here: if the parent image sets it, any file may be meant, so all count"
        hint = f"set it with ARG or ENV before line {at.line}"
        warnings.append(dockerfile.mistake(at, message, hint, code="UnknownSource"))
        paths = ["/"]
    if at.keyword == "ADD":
        remote = [path for path in paths if _REMOTE.match(path)]
        paths = [path for path in paths if path not in remote]
        for path in remote:
            if not _PINNED.search(path) and at.flag("checksum") is None:
                message = f"what stands at {path} is not part of the fingerprint: a change there is not noticed"
                hint = "pin it: --checksum=sha256:... for a file, #<commit> for a git repository"
                warnings.append(dockerfile.mistake(at, message, hint, path, code="UnpinnedDownload"))
    parents = (at.flag("parents") or "true").lower() in ("true", "1") if at.flag("parents") is not None else False
    source = Source(at, tuple(paths), exclude, parents) if paths else None
    return Take(at, source, warnings=tuple(warnings))


def mount(at: Instruction, text: str, scope: Scope) -> Take:
    """A `--mount` of a RUN: type bind, which is the default, reads the context or another image."""
    fields: dict[str, str] = {}
    for item in _fields(text):
        key, _, value = item.partition("=")
        fields[_KEYS.get(key.strip().lower(), key.strip().lower())] = value
    kind = fields.get("type", "bind").lower()
    if kind in ("bind", "cache") and fields.get("from"):
        return Take(at, origin=fields["from"])
    if kind == "bind":
        return Take(at, Source(at, (scope.word(fields.get("source", "")) or "/",), wildcards=False))
    return Take(at)


_REMOTE = re.compile(r"https?://|git@|git://|ssh://|github\.com/")
_PINNED = re.compile(r"#[0-9a-f]{40}(?::|\Z)")
_KEYS = {"src": "source", "dst": "target", "destination": "target"}


def _fields(text: str) -> list[str]:
    """One line of comma-separated values, in which a quoted field may hold commas."""
    import csv

    return next(csv.reader([text]), [])
