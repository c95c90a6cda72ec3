"""database: doit's database over the state file: a line is written as each task ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bedplate.state import State


class Database:
    """A doit backend (doit.dependency: `get`, `set`, `in_`, `remove`, `remove_all`, `dump`).

    While tasks run, a failure does not take the last good record of a pipeline task away (doit would)."""

    desc = "one line for each task as it ends"

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        self.name = name
        self.state = State(Path(name))
        self.running = False
        self._changed: dict[str, dict[str, Any]] = {}

    def get(self, task_id: str, dependency: str) -> Any:
        entry = self._changed.get(task_id) or self.state.entries.get(task_id)
        return entry.get(dependency) if entry else None

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        # a new record starts from nothing: what an earlier run of the task left does not stay in it
        entry = self._changed.setdefault(task_id, {})
        entry[dependency] = value
        # doit's save_success sets `deps:` last, and `ignore` sets nothing else
        if dependency == "deps:":
            self.state.put(task_id, self._changed.pop(task_id))
        elif dependency == "ignore:":
            self.state.put(task_id, {**self.state.entries.get(task_id, {}), **self._changed.pop(task_id)})

    def in_(self, task_id: str) -> bool:
        return task_id in self._changed or task_id in self.state.entries

    def remove(self, task_id: str) -> None:
        self._changed.pop(task_id, None)
        if not (self.running and self.state.record(task_id)):
            self.state.remove(task_id)

    def remove_all(self) -> None:
        for name in list(self.state.entries):
            self.state.remove(name)

    def dump(self) -> None:
        for name, entry in self._changed.items():
            self.state.put(name, entry)
        self._changed.clear()
        self.state.compact(unless_small=True)
