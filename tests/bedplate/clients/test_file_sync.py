"""Files as BuildKit asks for them: what it is told, and what it is given."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from bedplate.clients.file_sync import DATA, FIN, REQ, Entry, Sending, in_order
from bedplate.clients.protobuf import field, fields

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=3)


def stats(sending: Sending) -> list[dict[int, int | bytes]]:
    *packets, last = sending.begin()
    assert last == b""
    found = []
    for packet in packets:
        ((number, stat),) = fields(packet)
        assert number == 2 and isinstance(stat, bytes)
        found.append(dict(fields(stat)))
    return found


def test_it_is_told_of_all_and_asks_for_content_by_number() -> None:
    entries = [
        Entry("run.sh", "file", 0o755, 7, 5, content=lambda: (b"he", b"llo")),
        Entry("d", "dir", 0o1777, 7),
        Entry("d/link", "symlink", 0o777, 7, target="../run.sh"),
        Entry("d/set", "file", 0o4755, 7),
    ]
    sending = Sending(entries)
    told = stats(sending)
    time = {6: 7}
    assert told == [
        {1: b"d", 2: 1 << 31 | 1 << 20 | 0o777, **time},
        {1: b"d/link", 2: 1 << 27 | 0o777, **time, 7: b"../run.sh"},
        {1: b"d/set", 2: 1 << 23 | 0o755, **time},
        {1: b"run.sh", 2: 0o755, 5: 5, **time},
    ]
    given_ = [dict(fields(packet)) for packet in sending.take(field(1, REQ) + field(3, 3))]
    assert given_ == [{1: DATA, 3: 3, 4: b"he"}, {1: DATA, 3: 3, 4: b"llo"}, {1: DATA, 3: 3}]
    assert [dict(fields(packet)) for packet in sending.take(field(1, REQ))] == [{1: DATA}], "the first has number 0"
    assert not sending.done
    assert list(sending.take(field(1, FIN))) == [field(1, FIN)]
    assert sending.done


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=12))
def test_the_order_is_that_of_a_walk(paths: list[list[str]]) -> None:
    """Go's filepath.Walk: the names of a folder by their bytes, each folder before what is in it."""
    whole = {tuple(path[:depth]) for path in paths for depth in range(1, len(path) + 1)}
    walked = sorted(whole, key=lambda path: [os.fsencode(name) for name in path])
    found = in_order([Entry("/".join(path), "file", 0, 0) for path in whole])
    assert [entry.path for entry in found] == ["/".join(path) for path in walked]
