"""dockerfile.buildkit: what in a Dockerfile only BuildKit reads, and the classic builder refuses or reads otherwise."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from bedplate.dockerfile.reader import Dockerfile, Instruction

# flags of the classic builder (Docker 20.10 and later); BuildKit alone has every other
FLAGS = {"FROM": ("--platform",), "COPY": ("--from", "--chown"), "ADD": ("--chown",)}
CHECKED = (*FLAGS, "RUN")  # HEALTHCHECK has the same ones in both
GIT = re.compile(r"git@|(?:https?|git|ssh)://[^#?]*\.git(?:[#?]|\Z)")
# Dockerfile reference, "Automatic platform ARGs in the global scope"
PLATFORM = re.compile(r"(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)")
USED = re.compile(r"\$\{?(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)\b")


class Need(NamedTuple):
    """`what` for people: `RUN --mount`. `line` of the text, from 1."""

    what: str
    line: int


def need(dockerfile: Dockerfile, given: Collection[str] = ()) -> Need | None:
    """The first thing that only BuildKit reads. `given`: names of the build arguments that are handed in."""
    if "syntax" in dockerfile.directives:
        return Need("# syntax", 1)
    for instruction in dockerfile.instructions:
        what = _what(instruction, given)
        if what:
            return Need(what, instruction.line)
    return None


def secret_ids(dockerfile: Dockerfile) -> Iterator[str]:
    """Of what RUN mounts as secrets. (Dockerfile reference, "RUN --mount=type=secret": the target's last part, else)"""
    for instruction in dockerfile.instructions:
        for mount in (instruction.inner or instruction).values("mount"):
            options = {key.lower(): value for key, _, value in (part.partition("=") for part in mount.split(","))}
            if options.get("type") == "secret":
                target = next((options[key] for key in ("target", "dst", "destination") if key in options), "")
                yield options.get("id") or posixpath.basename(target)


def _what(instruction: Instruction, given: Collection[str]) -> str:
    if instruction.inner:
        inner = _what(instruction.inner, given)
        return f"ONBUILD {inner}" if inner else ""
    keyword = instruction.keyword
    for flag in instruction.flags if keyword in CHECKED else ():
        name = flag.partition("=")[0]
        if name not in FLAGS.get(keyword, ()):
            return f"{keyword} {name}"
    if instruction.heredocs:
        return f"{keyword} <<{instruction.heredocs[0].name}"
    if keyword == "ADD" and any(GIT.match(word) for word in instruction.words[:-1]):
        return "ADD of a git repository"
    if keyword == "ARG":
        names = (word.partition("=")[0] for word in instruction.words)
        found = [name for name in names if PLATFORM.fullmatch(name) and name not in given]
        return f"ARG {found[0]}" if found else ""
    if keyword == "FROM" and USED.search(instruction.original):
        return "FROM with the platform of the build"
    return ""
