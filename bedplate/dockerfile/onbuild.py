"""dockerfile.onbuild: the triggers of an image: instructions that a build runs behind the FROM that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from bedplate.dockerfile.reader import Instruction, fragment

# by reference and platform: the triggers as the image's configuration has them (image-spec, config.md: OnBuild)
OnBuild: TypeAlias = Callable[[str, str], Sequence[str]]


def none(reference: str, platform: str) -> Sequence[str]:
    return ()


def parsed(triggers: Iterable[str], at: Instruction) -> list[Instruction]:
    """As instructions that stand where the FROM does. Raises ValueError."""
    found: list[Instruction] = []
    for text in triggers:
        try:
            found += fragment(text)
        except ValueError as error:
            raise ValueError(f"ONBUILD {text}: {error}") from None
    return [replace(one, line=at.line, column=at.column, end_line=at.end_line) for one in found]


def texts(body: Iterable[Instruction]) -> tuple[str, ...]:
    """What the ONBUILDs of a stage leave in its image."""
    inner = (at.inner for at in body if at.keyword == "ONBUILD" and at.inner is not None)
    return tuple("\n".join([i.original, *(f"{h.content}{h.name}" for h in i.heredocs)]) for i in inner)
