"""lock: `doit lock` and `doit outdated`, which keep the digests of upstream images."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from doit.cmd_base import DoitCmdBase

from bedplate.errors import Mistake, SpecError, StepError
from bedplate.pins import NAME, Reference
from bedplate.tasks import names, options
from bedplate.tasks.console import complain
from bedplate.tasks.session import Session

UPDATE = options.flag("update", "take today's digests, of all references or of those that the images named use")
CHECK = options.flag("check", "change nothing; exit code 1 if an entry is missing or unused")
SHOWN = 19  # characters of a digest: sha256: and twelve digits


class Lock(DoitCmdBase):  # type: ignore[misc]  # doit has no types
    name = "lock"
    doc_purpose = f"write the digest of every upstream image to {NAME}"
    doc_usage = "[IMAGE ...]"
    doc_description = (
        "Adds what is missing and drops what no image uses.\n"
        "Exit code 1: --check found something, or a registry did not answer; 3: a mistake in the spec."
    )
    cmd_options = (UPDATE, CHECK)

    parse_execute = options.parse_execute

    def _execute(self, update: bool, check: bool, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        images = names.of_images(session, pos_args)
        if update and check:
            complain("doit: --check changes nothing, --update does\n  hint: give one of them")
            return 3
        return _said(lambda: _check(session) if check else _write(session, update, images))


class Outdated(DoitCmdBase):  # type: ignore[misc]
    name = "outdated"
    doc_purpose = "list the locked images whose tag has moved since"
    doc_usage = "[IMAGE ...]"
    doc_description = "Exit code 0: none has moved; 1: a registry did not answer; 2: some have moved."
    cmd_options = ()

    parse_execute = options.parse_execute

    def _execute(self, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        images = names.of_images(session, pos_args)
        return _said(lambda: _outdated(session, images))


def _write(session: Session, update: bool, images: list[str]) -> int:
    everything = session.upstreams.of()
    chosen = _of(session, images) if images else everything
    wanted = chosen if update else session.pins.missing(chosen)
    changes = 0
    # first: what a registry that is down keeps from being taken does not keep this from being dropped
    unused = session.pins.unused(everything)
    session.pins.drop(unused)
    for reference, platform in unused:
        changes += 1
        print(f"{reference} ({platform}) dropped: no image uses it")
    for line in session.pins.take(wanted, session.upstreams.digests, session.upstreams.triggers):
        changes += 1
        print(line)
    for line in session.pins.complete(chosen, session.upstreams.triggers):
        changes += 1
        print(line)
    for why in session.pins.unknown.values():
        complain(str(why))
    if not changes and not session.pins.unknown:
        print(f"{NAME}: {_count(len({r.key for r in everything}), 'upstream image')}, nothing to change")
    return 1 if session.pins.unknown else 0


def _of(session: Session, images: list[str]) -> list[Reference]:
    return session.upstreams.of({f"build_base:{image}" for image in images})


def _check(session: Session) -> int:
    everything = session.upstreams.of()
    missing, unused = session.pins.missing(everything), session.pins.unused(everything)
    for r in missing:
        message = f"{r.text} ({r.platform}) is not in {NAME}"
        print(Mistake(r.file, r.line, r.column, message, source=r.source))
    for reference, platform in unused:
        print(f"{NAME}: {reference} ({platform}) is used by no image")
    if missing or unused:
        print("  hint: `doit lock` mends it")
        return 1
    print(f"{NAME}: {_count(len({r.key for r in everything}), 'upstream image')}, all locked")
    return 0


def _outdated(session: Session, images: list[str]) -> int:
    everything = {r.key: r for r in (_of(session, images) if images else session.upstreams.of())}.values()
    locked = {r.key: session.pins.lock.entries[r.key] for r in everything if r.key in session.pins.lock.entries}
    now = session.upstreams.digests(list(dict.fromkeys(reference for reference, _ in locked)))
    moved, errors = 0, 0
    for (reference, platform), entry in locked.items():
        today = now[reference]
        if isinstance(today, StepError):
            errors += 1
            complain(str(today))
        elif today != entry.digest:
            moved += 1
            change = f"{entry.digest[:SHOWN]} -> {today[:SHOWN]}"
            print(f"{reference} ({platform})  {change}  taken {age(entry.taken)} ago")
    mend = "; `doit lock --update` takes today's" if moved else ""
    print(f"{moved} of {_count(len(locked), 'locked image')} moved{mend}")
    if len(locked) < len(everything) and session.pins.missing(list(everything)):
        print(f"{_count(len(session.pins.missing(list(everything))), 'image')} not locked yet: `doit lock`")
    return 1 if errors else 2 if moved else 0


def _said(work: Callable[[], int]) -> int:
    try:
        return work()
    except SpecError as error:
        complain(str(error))
        return 3
    except StepError as error:
        complain(str(error))
        return 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def age(taken: datetime) -> str:
    hours = (datetime.now(timezone.utc) - taken).total_seconds() / 3600
    if hours < 1:
        return "less than an hour"
    if hours < 48:
        return f"{hours:.0f} h"
    return f"{hours / 24:.0f} days"
