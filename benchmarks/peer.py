"""peer: a bare doit file with as many tasks as a project of ours, chained in the same way, one file each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bedplate.step import Task

DODO = '''"""A bare doit file: {count} tasks."""

import json

DOIT_CONFIG = {{"backend": "json", "dep_file": "doit.json"}}
TASKS = json.load(open("tasks.json"))


def made():
    pass


def chain(step):
    for name, needs in TASKS[step]:
        task = {{"actions": [made], "file_dep": [f"files/{{step}}.{{name}}"], "task_dep": needs}}
        yield {{"name": name, **task}} if name else task


{creators}
'''
CREATOR = """
def task_{step}():
    yield from chain("{step}")
"""
CREATOR_OF_ONE = """
def task_{step}():
    return next(chain("{step}"))
"""


def write(root: Path, tasks: Sequence[Task]) -> None:
    (root / "files").mkdir(parents=True)
    steps: dict[str, list[tuple[str, list[str]]]] = {}
    for task in tasks:
        steps.setdefault(task.step, []).append((task.entry, list(dict.fromkeys((*task.needs, *task.after)))))
        (root / "files" / f"{task.step}.{task.entry}").write_text(task.name, encoding="utf-8")
    creators = [(CREATOR if entries[0][0] else CREATOR_OF_ONE).format(step=step) for step, entries in steps.items()]
    (root / "tasks.json").write_text(json.dumps(steps), encoding="utf-8")
    (root / "dodo.py").write_text(DODO.format(count=len(tasks), creators="\n".join(creators)), encoding="utf-8")
