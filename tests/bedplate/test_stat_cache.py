"""The stat cache: when content is read again, and what a broken cache costs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bedplate import stat_cache
from bedplate.stat_cache import StatCache, stamp

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read."""
    seen: list[str] = []
    plain = stat_cache.hash_file

    def noted(path: str) -> str:
        seen.append(path)
        return plain(path)

    monkeypatch.setattr(stat_cache, "hash_file", noted)
    return seen


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute passes between writing a file and looking at it."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)


def look(cache: StatCache, path: Path) -> str:
    return cache.sha256(str(path), stamp(path.lstat()))


@pytest.mark.usefixtures("old")
def test_the_second_look_reads_no_content(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "f").write_text("hello")
    for _ in range(2):
        cache = StatCache(tmp_path / "deep/cache")
        assert look(cache, tmp_path / "f") == HELLO
        cache.save()
    assert len(reads) == 1


@pytest.mark.usefixtures("old")
def test_a_file_with_another_stamp_is_read_again(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "f").write_text("hello")
    cache = StatCache(tmp_path / "cache")
    look(cache, tmp_path / "f")
    os.utime(tmp_path / "f", ns=(1, 1))
    assert look(cache, tmp_path / "f") == HELLO
    (tmp_path / "f").write_text("other")
    assert look(cache, tmp_path / "f") != HELLO
    assert len(reads) == 3


def test_a_file_written_just_now_is_not_trusted(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "f").write_text("hello")
    cache = StatCache(tmp_path / "cache")
    status = stamp((tmp_path / "f").lstat())
    just = (status[0], time.time_ns(), time.time_ns(), status[3])
    cache.sha256(str(tmp_path / "f"), just)
    (tmp_path / "f").write_text("world")  # the same size, and on a coarse clock the same time
    assert cache.sha256(str(tmp_path / "f"), just) != HELLO
    assert len(reads) == 2


def test_whole_seconds_are_not_trusted_for_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stat_cache.racy((1, 5_000_000_000, 5_000_000_000, 1), 6_500_000_000)
    assert not stat_cache.racy((1, 5_000_000_000, 5_000_000_000, 1), 7_500_000_000)
    assert not stat_cache.racy((1, 5_000_000_001, 5_000_000_001, 1), 5_500_000_000)
    assert stat_cache.racy((1, 9_000_000_001, 1, 1), 5_500_000_000), "a time that is still to come"


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("content", [b"", b"\x00", b"nonsense", b"\xe9\x02\x00\x00\x00"])
def test_a_broken_cache_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cache").write_bytes(content)
    (tmp_path / "f").write_text("hello")
    cache = StatCache(tmp_path / "cache")
    assert look(cache, tmp_path / "f") == HELLO
    cache.save()
    assert look(StatCache(tmp_path / "cache"), tmp_path / "f") == HELLO


@pytest.mark.usefixtures("old")
def test_nothing_is_written_where_nothing_was_learned(tmp_path: Path) -> None:
    StatCache(tmp_path / "cache").save()
    assert not (tmp_path / "cache").exists()
