"""fingerprint: what a task is made of, as named parts with readable values or hashes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from bedplate.step import Task

Parts: TypeAlias = Mapping[str, str]

READABLE = 120  # characters; a longer value stands in the record as its hash


def of(task: Task, files: Iterable[Parts], identities: Mapping[str, str]) -> dict[str, str]:
    """The parts of a task: its inputs, the parts of its files, the identities of the outputs that it needs.

    The order of fields, files or mappings changes nothing; every field, file and need is noticed."""
    parts = dict(of_inputs(task.inputs))
    for some in files:
        parts.update(some)
    for name in task.needs:
        parts[f"output {name}"] = identities[name]
    return parts


def of_inputs(inputs: Any) -> Iterator[tuple[str, str]]:
    """`tags` -> its value; a mapping gives one part for each key: `variables OMP_NUM_THREADS`."""
    for field in dataclasses.fields(inputs):
        value = getattr(inputs, field.name)
        name = field.name.rstrip("_")
        if isinstance(value, Mapping):
            for key in value:
                yield f"{name} {key}", text(value[key])
        else:
            yield name, text(value)


def digest(parts: Parts) -> str:
    """64 hex digits: sha256 of the parts as sorted JSON."""
    return hashlib.sha256(json.dumps(sorted(parts.items()), separators=(",", ":")).encode()).hexdigest()


def text(value: Any) -> str:
    """One line that stands for the value: itself where it is short, else its hash."""
    plain = value if isinstance(value, str) and "\n" not in value else _JSON.encode(value)
    if len(plain) <= READABLE:
        return plain
    return "sha256:" + hashlib.sha256(plain.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # the kind is part of the value: two variants with equal fields are two things
        return {"": type(value).__name__, **{f.name: getattr(value, f.name) for f in dataclasses.fields(value)}}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"an input that has no text form: {type(value).__name__}")


_JSON = json.JSONEncoder(default=_plain, sort_keys=True, separators=(",", ":"))  # json.dumps would make one each time
