"""file_sync: files as BuildKit asks for them: it is told of all, and takes the content of those that it has not."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence

from bedplate.clients.protobuf import field, fields
from bedplate.frozen import dataclass

# messages Packet and Stat in tonistiigi/fsutil, types/wire.proto and types/stat.proto
STAT, REQ, DATA, FIN = 0, 1, 2, 3
# the bits of Go's os.FileMode for what permissions do not say
KINDS = {"file": 0, "dir": 1 << 31, "symlink": 1 << 27}
SPECIAL = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


@dataclass(frozen=True)
class Entry:
    """`mode`: permission bits. `time`: ns since 1970; where it and the size are the same, BuildKit takes the content
    for known. `target`: of a symlink. `content` is asked for once at most, in pieces below 4 MB."""

    path: str  # forward slashes
    kind: str  # file | dir | symlink
    mode: int
    time: int
    size: int = 0
    target: str = ""
    content: Callable[[], Iterable[bytes]] = tuple


class Sending:
    """The other side of one `moby.filesync.v1.FileSync/DiffCopy`."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Each entry's folder is among them."""
        self._entries = in_order(entries)
        self.done = False

    def begin(self) -> Iterator[bytes]:
        for entry in self._entries:
            yield field(2, _stat(entry))
        yield b""  # these were all

    def take(self, message: bytes) -> Iterator[bytes]:
        """What is sent in answer to a packet. Raises what `content` raises."""
        packet = dict(fields(message))
        kind, number = packet.get(1, STAT), packet.get(3, 0)
        if kind == REQ:
            assert isinstance(number, int), "wire.proto says so"
            for piece in self._entries[number].content():
                yield field(1, DATA) + field(3, number) + field(4, piece)
            yield field(1, DATA) + field(3, number)  # the end of it
        elif kind == FIN:
            yield field(1, FIN)
            self.done = True


def in_order(entries: Iterable[Entry]) -> Sequence[Entry]:
    """As a walk meets them, which BuildKit insists on: `a/b` comes before `a-b`."""
    return sorted(entries, key=lambda entry: os.fsencode(entry.path).replace(b"/", b"\0"))


def _stat(entry: Entry) -> bytes:
    mode = KINDS[entry.kind] | entry.mode & 0o777
    for bit, of_go in SPECIAL.items():
        mode |= of_go if entry.mode & bit else 0
    path, target = os.fsencode(entry.path), os.fsencode(entry.target)
    return (
        field(1, path) + field(2, mode) + field(5, entry.size) + field(6, entry.time) + field(7, target)
    )  # without uid and gid: root's
