"""What saves time is given up without a word where it cannot be written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bedplate import kept_file
from bedplate.folder_cache import FolderCache, Known
from bedplate.read_cache import ReadCache, Summary
from bedplate.seen import Seen
from bedplate.stat_cache import StatCache, stamp
from bedplate.state import State


def test_a_file_is_replaced_whole_and_no_draft_stays(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "x"
    kept_file.write(path, b"1")
    kept_file.write(path, b"2")
    assert kept_file.read(path) == b"2" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c + b"x", lambda c: b"\0" * len(c), lambda c: b""])
def test_what_is_damaged_is_not_read(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x"
    kept_file.write(path, b"some content")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged"):
        kept_file.read(path)


def test_no_byte_of_a_cache_can_be_another_without_notice(tmp_path: Path) -> None:
    """Marshal makes room for as many things as a damaged length says, and takes a wrong letter for a right one."""
    path = tmp_path / "reads"
    reads = ReadCache(path, "me")
    reads.keep("key", Summary({"file a": "b"}, ()), [str(tmp_path / "nothing")], 0)
    reads.save()
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert ReadCache(path, "me").summary("key", set()) is None, f"byte {at}"
    path.write_bytes(whole)
    assert ReadCache(path, "me").summary("key", set()) is not None


def test_no_cache_minds_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")  # root may write anywhere else
    file = tmp_path / "file"
    file.write_text("x")
    os.utime(file, ns=(10**18 + 1, 10**18 + 1))
    place = tmp_path / "cache" / "x"
    files, folders, reads = StatCache(place), FolderCache(place), ReadCache(place, "me")
    files._changed = True
    assert files.sha256(str(file), stamp(file.stat()))
    folders.keep("view", "folder", Known("d", newest=1, taken=1, size=1, as_is=True, content="c"))
    reads.keep("key", Summary({}, ()), [str(tmp_path / "nothing")], 0)
    for cache in (files, folders, reads):
        cache.save()
    Seen(place).keep("sha256:1", "f")
    assert (tmp_path / "cache").is_file()


def test_a_record_that_a_full_disk_does_not_take_names_its_file() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    state = State(full)
    state._entries = {}
    with pytest.raises(OSError, match="No space left") as refused:
        state.put("push:a", {})
    assert refused.value.filename == str(full)


def test_git_is_told_once_to_leave_the_folder_alone(tmp_path: Path) -> None:
    kept_file.out_of_git(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*\n"
    (tmp_path / ".gitignore").write_text("mine")
    kept_file.out_of_git(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
