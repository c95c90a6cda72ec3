"""What files came to is known again only while every path that was looked at is as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bedplate.errors import SpecError
from bedplate.read_cache import ReadCache, Summary
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles, Files, Requirements, Task, Tree

SUMMARY = Summary({"file a/x": "file 644 0"}, (("debian:12", "linux/amd64", 1, 6),))
LATER = 60_000_000_000  # ns: the files are a minute old by then
FILES: list[Files] = [
    DockerfileFiles("a", "a/Dockerfile", None, {"N": "1"}, {}, "linux/amd64"),
    Tree("a", ("a/x",)),
    Requirements("a/requirements.txt", conda=False),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a/in").mkdir(parents=True)
    (tmp_path / "a/Dockerfile").write_text("FROM debian:12\nARG N\nCOPY x in /\n", encoding="utf-8")
    (tmp_path / "a/x").write_text("one", encoding="utf-8")
    (tmp_path / "a/in/y").write_text("one", encoding="utf-8")
    (tmp_path / "a/requirements.txt").write_text("-r more.txt\n", encoding="utf-8")
    (tmp_path / "a/more.txt").write_text("numpy==1.26.4\n", encoding="utf-8")
    return tmp_path


def reads(folder: Path, known: ReadCache | None) -> Reads:
    return Reads(folder, StatCache(folder / "stats"), lambda reference, platform: f"digest of {reference}", known)


def cache(folder: Path) -> ReadCache:
    return ReadCache(folder / "cache/reads", "me")


def parts(folder: Path, files: Files, known: ReadCache | None) -> list[dict[str, str]]:
    return [dict(some) for some in reads(folder, known).parts(Task("step", "x", None, (files,)))]


def learned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of FILES is kept: the clock says that they are a minute old."""
    now = time.time_ns()
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: now + LATER)
        known = cache(folder)
        for files in FILES:
            parts(folder, files, known)
        known.save()


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing is read."""

    def refuse(*_: object) -> None:
        raise AssertionError("it was read again")

    for name in ("bedplate.context.read", "bedplate.context.tree", "bedplate.requirements.file_set"):
        monkeypatch.setattr(name, refuse)


@pytest.mark.parametrize("files", FILES)
def test_what_is_as_it_was_is_not_read_again(folder: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts(folder, files, None)
    learned(folder, monkeypatch)
    blind(monkeypatch)
    assert parts(folder, files, cache(folder)) == before


def edited(folder: Path) -> None:
    (folder / "a/x").write_text("two", encoding="utf-8")


def edited_below(folder: Path) -> None:
    (folder / "a/in/y").write_text("two", encoding="utf-8")


def made_executable(folder: Path) -> None:
    (folder / "a/x").chmod(0o755)


def one_more(folder: Path) -> None:
    (folder / "a/in/z").touch()


def one_less(folder: Path) -> None:
    (folder / "a/in/y").unlink()


def other_instructions(folder: Path) -> None:
    (folder / "a/Dockerfile").write_text("FROM debian:12\nCOPY x /\n", encoding="utf-8")


def an_ignore_file(folder: Path) -> None:
    (folder / "a/.dockerignore").write_text("in/y\n", encoding="utf-8")


def an_ignore_file_of_the_dockerfile(folder: Path) -> None:
    (folder / "a/Dockerfile.dockerignore").write_text("in/y\n", encoding="utf-8")


def an_included_file(folder: Path) -> None:
    (folder / "a/more.txt").write_text("numpy==2.0.0\n", encoding="utf-8")


def replaced_with_the_same_times(folder: Path) -> None:
    times = (folder / "a/x").stat()
    (folder / "new").write_text("two", encoding="utf-8")
    os.utime(folder / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "new").replace(folder / "a/x")


EDITS = [edited, edited_below, made_executable, one_more, one_less, other_instructions, an_ignore_file]
MORE_EDITS = [an_ignore_file_of_the_dockerfile, an_included_file, replaced_with_the_same_times]


@pytest.mark.parametrize("edit", [*EDITS, *MORE_EDITS])
def test_after_an_edit_it_says_what_reading_says(
    folder: Path, edit: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [parts(folder, files, None) for files in FILES]
    learned(folder, monkeypatch)
    edit(folder)
    after = [parts(folder, files, None) for files in FILES]
    assert after != before
    assert [parts(folder, files, cache(folder)) for files in FILES] == after


def test_all_that_was_looked_at_is_told_whether_it_was_read_or_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned(folder, monkeypatch)
    for files in FILES:
        task = Task("step", "x", None, (files,))
        first, second = reads(folder, None), reads(folder, cache(folder))
        first.parts(task)
        second.parts(task)
        assert second.cache.looked == first.cache.looked != set()


def test_what_is_built_was_read_in_this_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learned(folder, monkeypatch)
    one, task = reads(folder, cache(folder)), Task("step", "x", None, (FILES[0],))
    before = one.parts(task)
    edited(folder)
    assert one.parts(task) == before
    assert one.parts_now(task) != before
    assert one.parts_now(task)[0].items() >= one.recipe(FILES[0]).parts.items()  # type: ignore[arg-type]


def test_a_file_that_changed_a_moment_ago_is_not_trusted(folder: Path) -> None:
    known = cache(folder)
    parts(folder, FILES[0], known)
    known.save()
    assert cache(folder).summary(repr(FILES[0]), set()) is None


def test_a_mistake_is_found_each_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a/x").unlink()
    for _ in range(2):
        with pytest.raises(SpecError, match="COPY x"):
            learned(folder, monkeypatch)


def test_other_code_or_a_broken_file_knows_nothing(folder: Path) -> None:
    path = folder / "cache/reads"
    known = ReadCache(path, "me")
    known.keep("key", SUMMARY, [str(folder / "a/x"), str(folder / "gone")], time.time_ns() + LATER)
    known.save()
    looked: set[str] = set()
    assert ReadCache(path, "me").summary("key", looked) == SUMMARY
    assert looked == {str(folder / "a/x"), str(folder / "gone")}
    assert ReadCache(path, "me").summary("other", set()) is None
    assert ReadCache(path, "somebody else").summary("key", set()) is None
    path.write_bytes(b"\x00broken")
    assert ReadCache(path, "me").summary("key", set()) is None


def test_what_does_not_hold_any_more_tells_no_paths(folder: Path) -> None:
    known = ReadCache(folder / "cache/reads", "me")
    known.keep("key", SUMMARY, [str(folder / "a/x")], time.time_ns() + LATER)
    known.save()
    assert known.paths("key") == [str(folder / "a/x")]
    edited(folder)
    later = ReadCache(folder / "cache/reads", "me")
    assert later.summary("key", set()) is None
    assert later.paths("key") is None
