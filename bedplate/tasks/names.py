"""names: the images and tasks that the words of a command mean; a mistyped one is refused."""

from __future__ import annotations

import difflib
import fnmatch
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

from bedplate import plan
from bedplate.step import Task
from bedplate.tasks.console import complain
from bedplate.tasks.session import Session

MAKERS = ("build_base", "create_environment")  # the steps that make images


def of_images(session: Session, words: Iterable[str]) -> list[str]:
    """Images of the spec, each once. Ends the command for what is none."""
    for word in words:
        if word not in session.spec.images:
            refuse(f"there is no image '{word}' in pipeline.yaml", word, session.spec.images)
    return list(dict.fromkeys(words))


def maker(session: Session, word: str) -> Task:
    """The task that makes the image: `base`, `build_base:base`; of an environment, where no image has its name, too."""
    for name in (word, *(f"{step}:{word}" for step in MAKERS)):
        task = session.by_name.get(name)
        if task and task.entry and task.step in MAKERS:
            return task
    made = [task for task in session.tasks if task.step in MAKERS]
    known = [name for task in made for name in (task.entry, task.name)]
    return refuse(f"there is no image or environment '{word}' for target '{session.spec.target.name}'", word, known)


def of_tasks(session: Session, words: Iterable[str]) -> set[str]:
    """Tasks by their names, all of a step, and those that build and push an image."""
    found = set()
    for word in words:
        named = {t.name for t in session.tasks if word in (t.name, t.step)}
        named |= {t.name for t in session.tasks if t.step in ("build_base", "push") and t.entry == word}
        if not named:
            known = [name for t in session.tasks for name in (t.name, t.step)] + list(session.spec.images)
            refuse(f"there is no image or task '{word}' for target '{session.spec.target.name}'", word, known)
        found |= named
    return found


def of_run(session: Session, words: Sequence[str]) -> set[str]:
    """The tasks that a run of these words comes to, with all that they need; without words, all.

    All, too, where a word is none of ours: it may be a task of the user's that needs any of them."""
    everything = {t.name for t in session.tasks}
    found: set[str] = set()
    for word in words:
        named = {t.name for t in session.tasks if t.step == word or fnmatch.fnmatchcase(t.name, word)}
        if not named:
            return everything
        found |= named
    return plan.upstream(session.tasks, found) if words else everything


def refuse(message: str, word: str, known: Iterable[str]) -> NoReturn:
    whole = {name for name in known if ":" in name} if ":" in word else set(known)  # not a step for one task of it
    near = difflib.get_close_matches(word, sorted(whole), 1, 0.5)
    hint = f"did you mean '{near[0]}'?" if near else "`doit list --all` shows the tasks"
    complain(f"doit: {message}\n  hint: {hint}")
    sys.exit(3)
