"""variants: which of a step's kinds an entry of the spec, a task's inputs or an output belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any


def of_entry(entry: object, kinds: Mapping[type[Any], str], variants: Mapping[str, ModuleType]) -> ModuleType:
    """`kinds`: the kind that each type of entry is. KeyError: a type that no step knows, which is a mistake of ours."""
    return variants[kinds[type(entry)]]


def of_inputs(inputs: object, variants: Mapping[str, ModuleType]) -> ModuleType:
    """Each variant has a class `Inputs` of its own."""
    return next(module for module in variants.values() if isinstance(inputs, module.Inputs))
