"""plan: the tasks of a spec, in an order in which each comes after what it needs."""

from __future__ import annotations

from collections.abc import Mapping

from bedplate.model import Spec
from bedplate.step import Step, Task


def plan(spec: Spec, steps: Mapping[str, Step]) -> tuple[Task, ...]:
    """Every task of the chosen target. Steps come in their order, tasks within a step in the spec's,
    but for those that need one another."""
    tasks = {task.name: task for step in steps.values() for task in step.tasks(spec)}
    ordered: dict[str, Task] = {}
    for task in tasks.values():
        _place(task, tasks, ordered)
    return tuple(ordered.values())


def downstream(tasks: tuple[Task, ...], names: set[str]) -> set[str]:
    """These tasks and all that come after them, directly or not. `tasks` in plan order."""
    found = set(names)
    for task in tasks:
        if found.intersection(task.needs) or found.intersection(task.after):
            found.add(task.name)
    return found


def upstream(tasks: tuple[Task, ...], names: set[str]) -> set[str]:
    """These tasks and all that come before them, directly or not. `tasks` in plan order."""
    found = set(names)
    for task in reversed(tasks):
        if task.name in found:
            found.update(task.needs, task.after)
    return found


def _place(task: Task, tasks: Mapping[str, Task], ordered: dict[str, Task]) -> None:
    # a stack instead of recursion: a chain of images may be longer than Python's stack is deep
    stack = [task]
    while stack:
        top = stack[-1]
        missing = [tasks[n] for n in (*top.needs, *top.after) if n not in ordered]
        if top.name in ordered or not missing:
            ordered.setdefault(top.name, top)
            stack.pop()
        else:
            assert len(stack) <= len(tasks), f"{task.name}: the plan has a cycle"
            stack += missing
