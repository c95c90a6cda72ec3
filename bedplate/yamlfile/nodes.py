"""yamlfile.nodes: what stands in a YAML file, each part with its line and column (from 1)."""

from __future__ import annotations

from typing import TypeAlias


class Scalar:
    """A text as it stands in the file. `plain`: without quotes, so that YAML may read it as a number or the like."""

    __slots__ = ("text", "plain", "line", "column")

    def __init__(self, text: str, plain: bool, line: int, column: int) -> None:
        self.text = text
        self.plain = plain
        self.line = line
        self.column = column


class Sequence:
    __slots__ = ("items", "line", "column")

    def __init__(self, items: list[Node], line: int, column: int) -> None:
        self.items = items
        self.line = line
        self.column = column


class Mapping:
    """`entries`: by the key's text; the key as a node, and the value."""

    __slots__ = ("entries", "line", "column")

    def __init__(self, entries: dict[str, tuple[Scalar, Node]], line: int, column: int) -> None:
        self.entries = entries
        self.line = line
        self.column = column


Node: TypeAlias = "Scalar | Sequence | Mapping"
