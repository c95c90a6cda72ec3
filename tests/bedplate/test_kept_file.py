"""What saves time is given up without a word where it cannot be written."""

from __future__ import annotations

import os
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
    assert path.read_bytes() == b"2" and list(path.parent.iterdir()) == [path]


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
