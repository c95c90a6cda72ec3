"""lock: `doit lock` and `doit outdated`, which keep the digests of upstream images."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from doit.cmd_base import DoitCmdBase

from bedplate.errors import SpecError, StepError
from bedplate.pins import NAME
from bedplate.tasks.session import Session

UPDATE = {
    "name": "update",
    "long": "update",
    "type": bool,
    "default": False,
    "help": "take today's digests, of all references or of those that the images named use",
}
CHECK = {
    "name": "check",
    "long": "check",
    "type": bool,
    "default": False,
    "help": "change nothing; exit code 1 if an entry is missing or unused",
}


class Lock(DoitCmdBase):  # type: ignore[misc]  # doit has no types
    name = "lock"
    doc_purpose = f"write the digest of every upstream image to {NAME}"
    doc_usage = "[IMAGE ...]"
    doc_description = "Adds what is missing and drops what no image uses. Exit code 1: --check found something."
    cmd_options = (UPDATE, CHECK)

    def _execute(self, update: bool, check: bool, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        return _said(lambda: _check(session) if check else _write(session, update, pos_args))


class Outdated(DoitCmdBase):  # type: ignore[misc]
    name = "outdated"
    doc_purpose = "list the locked images whose tag has moved since"
    doc_usage = ""
    doc_description = "Exit code 0: none has moved; 2: some have."
    cmd_options = ()

    def _execute(self, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        return _said(lambda: _outdated(session))


def _write(session: Session, update: bool, images: list[str]) -> int:
    everything = session.upstream()
    chosen = session.upstream(images) if images else everything
    wanted = chosen if update else session.pins.missing(chosen)
    lines = session.pins.take(wanted, session.ask_upstream)
    unused = session.pins.unused(everything)
    session.pins.drop(unused)
    lines += [f"{reference} ({platform}) dropped: no image uses it" for reference, platform in unused]
    print("\n".join(lines) or f"{NAME}: {_references(len(everything))}, nothing to do")
    return 0


def _check(session: Session) -> int:
    everything = session.upstream()
    for r in session.pins.missing(everything):
        print(f"{r.file}:{r.line}:{r.column}: {r.text} ({r.platform}) is not in {NAME}")
    for reference, platform in session.pins.unused(everything):
        print(f"{NAME}: {reference} ({platform}) is used by no image")
    wrong = len(session.pins.missing(everything)) + len(session.pins.unused(everything))
    print("  hint: `doit lock` mends it" if wrong else f"{NAME}: {_references(len(everything))}, all locked")
    return 1 if wrong else 0


def _outdated(session: Session) -> int:
    moved = 0
    seen: set[Any] = set()
    for reference in session.upstream():
        locked = session.pins.lock.entries.get(reference.key)
        if locked is None or reference.key in seen:
            continue
        seen.add(reference.key)
        now = session.ask_upstream(reference.text)
        if now != locked.digest:
            moved += 1
            change = f"{locked.digest[:19]} -> {now[:19]}"
            print(f"{reference.text} ({reference.platform})  {change}  taken {_age(locked.taken)} ago")
    print(f"{moved} of {len(seen)} have moved" + ("; `doit lock --update` takes today's" if moved else ""))
    return 2 if moved else 0


def _said(work: Callable[[], int]) -> int:
    try:
        return work()
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except StepError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _references(count: int) -> str:
    return f"{count} upstream reference{'' if count == 1 else 's'}"


def _age(taken: datetime) -> str:
    hours = (datetime.now(timezone.utc) - taken).total_seconds() / 3600
    if hours < 1:
        return "less than an hour"
    if hours < 48:
        return f"{hours:.0f} h"
    return f"{hours / 24:.0f} days"
