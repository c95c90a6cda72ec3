"""shortcut: a run that ends before the spec is read: nothing has changed since the last one that did nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate import own_code
from bedplate.clients import docker_host
from bedplate.questions import Answers, AskManifest, Question
from bedplate.read_cache import times
from bedplate.tasks import stamp

if TYPE_CHECKING:
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.tasks.session import Session


class Shortcut:
    """For the project in `root` and a target by the name that was asked for, None for the spec's first."""

    def __init__(self, root: Path, target: str | None) -> None:
        self.root = root
        self.target = target
        self.file = root / ".bedplate" / "cache" / f"unchanged.{target or ''}"
        self._touched = self.file.with_name(f"touched.{target or ''}")
        self.engine = docker_host.address()
        self.made_by = f"{own_code.identity()} {root} {self.engine}"  # a folder may be copied with all that is in it
        self._stamp = stamp.read(self.file, self.made_by)

    @property
    def config(self) -> Mapping[str, Any] | None:
        """doit's settings, where they need no spec."""
        return self._stamp.config if self._stamp else None

    def said(self, registry: Callable[[str], OciRegistry]) -> tuple[str, ...] | None:
        """What the last run said that had nothing to do, if this one has nothing to do either. None: look."""
        return self._stamp.said if self._stamp and self._changed(registry) == [] else None

    def part(self, registry: Callable[[str], OciRegistry]) -> Session | None:
        """Of a project in which little changed since the last run that had nothing to do, what that bears on; None:
        look at all of it. What it says of its tasks is what a look at all of it would say."""
        changed = self._changed(registry) if self._stamp else None
        if self._stamp is None or changed is None:
            return None
        from bedplate import specfile
        from bedplate.tasks import touched
        from bedplate.tasks.session import Session

        found = touched.read(self._touched, self._stamp.look, changed)
        if found is None:
            return None
        spec = specfile.load_some(self.root / "pipeline.yaml", self.target, self.file.parent, found.entries)
        if spec is None:
            return None
        return Session(self.root, self.target, part=spec, of=found.tasks, said=self._stamp.answers)

    def _changed(self, registry: Callable[[str], OciRegistry]) -> list[int] | None:
        """The slices of the stamp's paths that are not as they were; None: something else is not."""
        assert self._stamp
        from bedplate.clients import answers, registry_files
        from bedplate.clients.engine_lists import EngineLists

        engine = EngineLists(self._stamp.answers, self.engine)  # it works while the files are looked at
        looking = stamp.looking(self._stamp)
        try:
            answered = answers.read(self._stamp.answers, engine, registry)
        finally:
            changed = looking()
        hold = answered == self._stamp.answers and all(map(registry_files.of_host, self._stamp.registries))
        return changed if hold else None

    def keep(self, session: Session, said: tuple[str, ...]) -> None:
        """Called by a run that found nothing to do."""
        from bedplate.tasks import touched

        answers, files = _with_files(session.world.answers)
        # a folder that was listed tells of what appears in it
        looked = session.looked
        paths = [path for path in sorted(looked) if os.path.lexists(path) or not _listed(path, looked)]
        paths += (path for paths in files.values() for path in paths)
        found = stamp.times(paths)
        look = stamp.look(paths, found)
        if not all(os.path.lexists(path) for paths in files.values() for path in paths):
            return  # gone since it was asked for
        made = stamp.Stamp(
            self.made_by, look, answers, tuple(files), said, session.config, session.cache.looked_folders
        )
        touched.write(self._touched, session, look, found)
        stamp.write(self.file, made, session.began_ns)


def _with_files(answers: Answers) -> tuple[dict[Question, Any], dict[str, list[str]]]:
    """The answers without those that files of a registry of ours stand for, which are there; and these files, by host.

    To look at a file's times takes a third of the time of reading it."""
    from bedplate.clients import registry_files

    hosts = {question.host for question in answers if isinstance(question, AskManifest)}
    ours = {host: files for host in hosts if (files := registry_files.of_host(host))}
    asked: dict[Question, Any] = {}
    found: dict[str, list[str]] = {}
    for question, answer in answers.items():
        if isinstance(question, AskManifest) and isinstance(answer, str) and question.host in ours:
            paths = ours[question.host].paths(question.repository, question.reference, answer)
            found.setdefault(question.host, []).extend(paths)
        else:
            asked[question] = answer
    return asked, {host: list(dict.fromkeys(paths)) for host, paths in found.items()}


def _listed(path: str, looked: set[str]) -> bool:
    folder = path.rpartition("/")[0]
    was = times(folder) if folder in looked else None
    return was is not None and stat.S_ISDIR(was[4])
