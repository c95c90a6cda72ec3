"""variants: which of a step's kinds an entry of the spec, a task's inputs or an output belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from bedplate.frozen import dataclass


@dataclass(frozen=True)
class Variants:
    """The kinds of the step whose package this is: a module each, imported when it is first asked for.

    `kinds`: by the type of the entry. A module has a class `Inputs` of its own."""

    package: str
    kinds: Mapping[type[Any], str]

    def of_kind(self, kind: str) -> ModuleType:
        return import_module(f"{self.package}.{kind}")

    def of_entry(self, entry: object) -> ModuleType:
        """KeyError: a type that the step does not know, which is a mistake of ours."""
        return self.of_kind(self.kinds[type(entry)])

    def of_inputs(self, inputs: object) -> ModuleType:
        return import_module(type(inputs).__module__)
