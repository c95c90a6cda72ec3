"""shortcut: a run that ends before the spec is read: nothing has changed since the last one that did nothing."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import steps
from bedplate import kept_file, own_code
from bedplate.clients import docker_host
from bedplate.questions import Answers, AskManifest, EngineQuestion, Question, Unreachable
from bedplate.read_cache import times
from bedplate.tasks import stamp

if TYPE_CHECKING:
    from bedplate.clients.engine_lists import EngineLists
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.tasks.session import Session


class Shortcut:
    """For the project in `root` and a target by the name that was asked for, None for the spec's first."""

    def __init__(self, root: Path, target: str | None) -> None:
        self.root = root
        self.target = target
        self.file = root / ".bedplate" / "cache" / f"unchanged.{target or ''}"
        self._touched = self.file.with_name(f"touched.{target or ''}")
        self._lists = self.file.with_name(f"lists.{target or ''}")
        self.engine = docker_host.address()
        self.made_by = f"{own_code.identity()} {root} {self.engine}"  # a folder may be copied with all that is in it
        self._stamp = stamp.read(self.file, self.made_by)
        self._looked = False
        self._slices: list[int] | None = None
        self._records: list[stamp.Times | None] = []

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
        changed = self._changed(registry, meanwhile=_import_for_a_part) if self._stamp else None
        if self._stamp is None or changed is None:
            return None
        from bedplate import specfile
        from bedplate.tasks import touched
        from bedplate.tasks.session import Part, Session

        found = touched.read(self._touched, self._stamp.look, changed)
        if found is None:
            return None
        spec = specfile.load_some(self.root / "pipeline.yaml", self.target, self.file.parent, found.entries)
        if spec is None:
            return None
        return Session(self.root, self.target, part=Part(spec, found.tasks, self._answers(), found.serving))

    def records_as_seen(self) -> bool:
        """Whether no other run has recorded anything since this one looked."""
        return self._records == self._records_now()

    def _changed(
        self, registry: Callable[[str], OciRegistry], meanwhile: Callable[[], None] = lambda: None
    ) -> list[int] | None:
        """The slices of the stamp's paths that are not as they were; None: something else is not. Looks once.

        `meanwhile` is done while the engine and other cores are at work."""
        if not self._looked:
            self._looked = True
            self._slices = self._look(registry, meanwhile)
        return self._slices

    def _look(self, registry: Callable[[str], OciRegistry], meanwhile: Callable[[], None]) -> list[int] | None:
        assert self._stamp
        from bedplate.clients import answers, registry_files
        from bedplate.clients.engine_lists import EngineLists

        engine = EngineLists(self._stamp.engine.requests, self.engine)  # it works while the files are looked at
        self._records = self._records_now()
        looking = stamp.looking(self._stamp)
        try:
            meanwhile()
            others = self._stamp.others
            hold = answers.read(others, registry) == others and self._engine_holds(engine)
        finally:
            engine.close()
            changed = looking()
        return changed if hold and all(map(registry_files.of_host, self._stamp.registries)) else None

    def _engine_holds(self, engine: EngineLists) -> bool:
        """Whether it says what it said. Lists that came to the same once are known by their sum the next time."""
        assert self._stamp
        sum_ = engine.sum()
        seen = f"{self._stamp.engine.digest} {sum_}".encode()
        if sum_ and kept_file.holds(self._lists, seen):
            return True
        was = stamp.of_engine(self._stamp)
        if engine.read(was) != was:
            return False
        if sum_:
            kept_file.write(self._lists, seen)
        return True

    def _answers(self) -> Answers:
        assert self._stamp
        return {**self._stamp.others, **stamp.of_engine(self._stamp)}

    def _records_now(self) -> list[stamp.Times | None]:
        return stamp.times([str(self._stamp.config["dep_file"])]) if self._stamp else []

    def keep(self, session: Session, said: tuple[str, ...], gone: Collection[Question] = ()) -> None:
        """Called where nothing is to do. `gone`: of a part, questions about what the run has made anew."""
        from bedplate.tasks import touched

        answers, files = _with_files(session.world.answers)
        if any(isinstance(answer, Unreachable) for answer in answers.values()):
            return  # the next run asks again
        # a folder that was listed tells of what appears in it
        looked = session.looked
        there = [path for path in sorted(looked) if os.path.lexists(path) or not _listed(path, looked)]
        ours = [path for paths in files.values() for path in paths]
        paths, registries, folders = list(dict.fromkeys((*there, *ours))), tuple(files), session.cache.looked_folders
        found = stamp.times(paths)
        if not all(map(os.path.lexists, ours)):
            return  # gone since it was asked for
        before = touched.kept(self._touched, self._stamp.look) if session.part and self._stamp else None
        if before and self._stamp:
            now = dict(zip(paths, found, strict=True))
            times_of = _with_others(now, before.times, touched.of_part(before, session), session, ours)
            paths, found = list(times_of), list(times_of.values())
            answers = {**{q: a for q, a in self._answers().items() if q not in gone}, **answers}
            registries = tuple(dict.fromkeys((*self._stamp.registries, *registries)))
        elif session.part:
            return
        look = stamp.look(paths, found)
        touched.write(self._touched, session, look, found, before)
        of_engine: Answers = {q: a for q, a in answers.items() if isinstance(q, EngineQuestion)}
        others = {q: a for q, a in answers.items() if q not in of_engine}
        engine = stamp.engine_said(self.made_by, of_engine)
        made = stamp.Stamp(self.made_by, look, others, engine, registries, said, session.config, folders)
        stamp.write(self.file, made, session.began_ns)

    def settle(self, session: Session, done: Sequence[str]) -> None:
        """Called when a run has done all that there was to do, these tasks. Where they are few it looks once more, so
        that the next run looks at no more than what changes until then."""
        from bedplate.errors import SpecError, StepError
        from bedplate.tasks import touched
        from bedplate.tasks.session import Session

        if len(done) * touched.MOST > session.count:
            return  # to ask about all of them again is what the next run may as well do
        time.sleep(stamp.TICK_NS / 1e9)  # what was just recorded is older than a tick of the clock then
        try:
            again = Session(session.root, self.target, part=session.part)
            again.state = session.state
            gone = {question for name in done for question in session.world.asked.get(name, ())}
            again.said = {q: a for q, a in session.world.answers.items() if q not in gone}
            if not again.dirty:
                self.keep(again, again.up_to_date(), gone)
        except (SpecError, StepError, OSError):
            return  # somebody edits it: the next run tells


def _import_for_a_part() -> None:
    """What a part of a project is looked at with."""
    from bedplate import context, specfile  # noqa: F401
    from bedplate.tasks import session, touched  # noqa: F401

    steps.load()


def _with_others(
    now: Mapping[str, stamp.Times | None],
    before: Mapping[str, stamp.Times | None],
    of_part: Collection[str],
    session: Session,
    ours: Sequence[str],
) -> dict[str, stamp.Times | None]:
    """What stands at all paths of a project of which this session looked at a part.

    What others were looked at for as well stands as it was when they were: the next run sees if it is not so."""
    made = {*ours, str(session.state_path)}  # what the run itself writes
    others = {path for path in before if path not in of_part and path not in made} | session.of_all
    all_ = {path: times for path, times in before.items() if path in others or path in now}
    all_.update((path, times) for path, times in now.items() if path not in others)
    return {**dict.fromkeys(session.of_all), **all_}


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
