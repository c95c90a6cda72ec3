"""state: what finished, on disk: one line for each task as it ends, so that a kill at any moment loses nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from bedplate.frozen import dataclass

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_AT_ONCE = 1 << 16  # bytes; the memory for all of a large project costs more time than its reading


@dataclass(frozen=True)
class Record:
    """What the last good run of a task was made of, and what it made. Only `took` varies with time or machine."""

    parts: Mapping[str, str]
    output: Mapping[str, Any]
    identity: str  # of the output: what the tasks after it are compared by
    failed: str = ""  # fingerprint of a later try that failed; parts and output are those of the last good one
    took: Mapping[str, int] = field(default_factory=dict, compare=False)  # bytes, as tasks/room.py has them


class State:
    """Entries by task name, kept in `path`, a file of JSON lines `[name, entry]`; the last line of a name counts.

    An entry is a mapping of JSON values; `None` in a line removes it. A line that a kill cut short is dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, dict[str, Any]] | None = None  # read when first asked for
        self._records: dict[str, tuple[dict[str, Any], Record | None]] = {}  # each with the entry that it was made of
        self._lines = 0
        self._appending = threading.Lock()
        self._file: int | None = None  # open once the first line is written
        self._close: Callable[[], object] | None = None

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def reload(self) -> None:
        """Forgets what was read; another process may have written since."""
        self._entries = None

    def some(self, names: Iterable[str]) -> State:
        """What is on disk of these alone, to be read."""
        starts = tuple(json.dumps([name]).encode()[:-1] + b"," for name in names)
        found: list[bytes] = []
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb", buffering=_AT_ONCE) as file:
            found = [line for line in file if line.startswith(starts)]
        some = State(self.path)
        # what a kill cut short has no line break
        some._entries = _last([pair for line in found if line.endswith(b"\n") and (pair := _parsed(line))])
        return some

    def put(self, name: str, entry: dict[str, Any]) -> None:
        """Returns once the line is in the file."""
        self.entries[name] = entry
        self._append(name, entry)

    def remove(self, name: str) -> None:
        if self.entries.pop(name, None) is not None:
            self._append(name, None)

    def record(self, name: str) -> Record | None:
        entry = self.entries.get(name)
        if entry is None:
            return None
        known = self._records.get(name)
        if known is None or known[0] is not entry:
            known = self._records[name] = (entry, _record(entry))
        return known[1]

    def fail(self, name: str, fingerprint: str) -> None:
        """Remembers that a try with this fingerprint failed, and keeps what the last good one made."""
        self.put(name, {**self.entries.get(name, {}), "failed": fingerprint})

    def compact(self, *, unless_small: bool = False) -> None:
        """Writes one line an entry, by rename."""
        if unless_small and (self._entries is None or self._lines <= 2 * len(self._entries) + 16):
            return
        self._write(self.entries)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        whole, _, cut = text.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        try:
            # one call for all lines is five times as quick as one for each
            pairs = json.loads(b"[" + b",".join(lines) + b"]")
        except ValueError:
            pairs = [pair for pair in map(_parsed, lines) if pair is not None]
        entries = _last(pairs)
        self._lines = len(lines)
        if cut:
            try:
                self._write(entries)
            except OSError as error:
                if error.errno not in (errno.EROFS, errno.EACCES):
                    raise  # elsewhere the next line would be appended to the one that was cut
        return entries

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        draft.write_bytes(b"".join(_line(name, entry) for name, entry in entries.items()))
        draft.replace(self.path)
        self._lines = len(entries)

    def _append(self, name: str, entry: dict[str, Any] | None) -> None:
        line = _line(name, entry)
        with self._appending:
            try:
                # one write of one whole line: two processes that append never mix their lines;
                # a disk that fills up in the middle of it takes a part and says nothing
                if os.write(self._opened(), line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(self.path)) from None
            self._lines += 1

    def _opened(self) -> int:
        """The file that is at `path` now, to append to; it stays open, unless another has taken its place."""
        with contextlib.suppress(FileNotFoundError):
            if self._file is not None and os.path.samestat(os.fstat(self._file), self.path.stat()):
                return self._file
        if self._close is not None:
            self._close()
            self._file = None
        try:
            self._file = os.open(self.path, _APPEND, 0o644)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, _APPEND, 0o644)
        self._close = weakref.finalize(self, os.close, self._file)
        return self._file


def _last(pairs: Iterable[tuple[str, dict[str, Any] | None]]) -> dict[str, dict[str, Any]]:
    """The last line of a name counts."""
    entries: dict[str, dict[str, Any]] = {}
    for name, entry in pairs:
        if entry is None:
            entries.pop(name, None)
        else:
            entries[name] = entry
    return entries


def _record(entry: Mapping[str, Any]) -> Record | None:
    values = entry.get("_values_:") or {}
    if "parts" not in values:
        return None
    failed, took = entry.get("failed", ""), values.get("took", {})
    return Record(values["parts"], values["output"], values["identity"], failed, took)


def _line(name: str, entry: dict[str, Any] | None) -> bytes:
    return json.dumps([name, entry], separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> tuple[str, dict[str, Any] | None] | None:
    try:
        name, entry = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, entry) if isinstance(name, str) and isinstance(entry, dict | None) else None
