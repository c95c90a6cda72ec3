"""outputs: what steps return, to JSON for the record and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bedplate import model
from bedplate.model import Output

NOUNS = {
    noun.__name__: noun
    for noun in (
        model.Registry,
        model.BuiltImage,
        model.PushedImage,
        model.Environment,
        model.Deployment,
        model.SmokeReport,
    )
}


def to_json(output: Output) -> dict[str, Any]:
    return {"noun": type(output).__name__, **vars(output)}  # flat: texts, and tuples of texts


def from_json(entry: Mapping[str, Any]) -> Output:
    """Raises KeyError or TypeError for an entry that an other version wrote."""
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in entry.items() if name != "noun"}
    noun: Any = NOUNS[entry["noun"]]  # one of several dataclasses, each with fields of its own
    return cast(Output, noun(**fields))
