"""image_pins: upstream images whose content may change under their name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bedplate.checks.finding import Finding
from bedplate.errors import Mistake
from bedplate.pins import NAME, Reference

LOCK = f"`doit lock` writes its digest to {NAME}: commit that"


def find(missing: Sequence[tuple[Reference, str]]) -> Iterator[Finding]:
    """`missing`: those that neither name their digest nor have one in the lock, each with the line it stands on."""
    for at, source in missing:
        name = at.text.rpartition("/")[2]
        tag = name.partition(":")[2]
        if tag in ("", "latest"):
            said = "has no tag, so it is `:latest`" if not tag else "is whatever was pushed last"
            yield Finding(
                "LatestTag",
                Mistake(at.file, at.line, at.column, f"{at.text} {said}", f"name a version; {LOCK}", source),
                at.line,
            )
        else:
            message = f"{at.text} can become another image: {NAME} has no digest for it"
            yield Finding("UnpinnedImage", Mistake(at.file, at.line, at.column, message, LOCK, source), at.line)
