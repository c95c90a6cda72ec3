"""A context of very many files: one part for each folder, and nothing read twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bedplate import context, folder_look, forks
from bedplate.context import Recipe
from bedplate.context import disk as context_tree
from bedplate.context import large as context_large
from bedplate.context import whole as context_whole
from bedplate.errors import SpecError, StepError
from bedplate.stale import differences
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles

FILES = ("a", "b", "sub/a", "sub/deep/c", "sub/deep/d", "other/x", "left/y", "left/kept/z")
TAKES = (".", "sub", "sub/deep", "left", "a b", "s*", "sub/*", "--exclude=**/a sub", "--exclude=sub/deep .", "other/x")
ALL = "FROM scratch\nCOPY . /all\n"
Read = Callable[..., Recipe]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "img" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    (tmp_path / "img/empty").mkdir()
    (tmp_path / "img/link").symlink_to("a")
    return tmp_path


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files are very many, and two are enough to share out."""
    for module in (context, context_tree, context_whole, context_large):
        monkeypatch.setattr(module, "LARGE", 3)
    monkeypatch.setattr(folder_look, "WORTH", 1)
    monkeypatch.setattr(context_large, "MANY", 1)


@pytest.fixture(autouse=True)
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute passes between writing a file and looking at it."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)


def read(root: Path, text: str = ALL, ignore: str = "") -> Recipe:
    (root / "Dockerfile").write_text(text, encoding="utf-8")
    (root / "Dockerfile.dockerignore").write_text(ignore, encoding="utf-8")
    cache = StatCache(root / "cache")
    found = context.read(DockerfileFiles("img", "Dockerfile", None, {}, {}, "linux/amd64"), root, cache)
    cache.save()
    return found


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read, in this process."""
    seen: list[str] = []
    plain = context_large.hash_file

    def noted(path: str) -> str:
        seen.append(Path(path).name)
        return plain(path)

    monkeypatch.setattr(context_large, "hash_file", noted)
    monkeypatch.setattr(forks, "_cores", lambda: 1)
    return seen


def test_a_folder_stands_for_its_files(root: Path) -> None:
    parts = read(root).parts
    names = [name for name in parts if name.startswith(("file", "folder"))]
    expected = {"folder .", *(f"folder {f}" for f in ("empty", "left", "left/kept", "other", "sub", "sub/deep"))}
    assert set(names) == expected and len(names) == len(expected)


def test_the_second_look_reads_nothing_and_a_change_one_file(root: Path, hashed: list[str]) -> None:
    first = read(root).parts
    assert sorted(hashed) == sorted(Path(name).name for name in FILES)
    hashed.clear()
    assert read(root).parts == first
    assert hashed == []
    (root / "img/sub/deep/c").write_text("changed", encoding="utf-8")
    assert list(differences(first, read(root).parts)) == ["folder sub/deep changed"]
    assert hashed == ["c"]
    hashed.clear()
    read(root, ignore="other\n")
    assert hashed == [], "another ignore file is no reason to read them"


def test_what_counts_of_a_file_counts_of_a_folder(root: Path) -> None:
    before = read(root).parts

    def changed() -> list[str]:
        return list(differences(before, read(root).parts))

    os.utime(root / "img/sub/a", ns=(1, 1))
    (root / "img/sub/a").chmod(0o600)
    assert changed() == []
    (root / "img/sub/a").chmod(0o755)
    assert changed() == ["folder sub changed"]
    (root / "img/sub/a").chmod(0o644)
    (root / "img/sub/a").rename(root / "img/sub/b")
    assert changed() == ["folder sub changed"]
    (root / "img/sub/b").rename(root / "img/sub/a")
    (root / "img/link").unlink()
    (root / "img/link").symlink_to("b")
    assert changed() == ["folder . changed"]
    (root / "img/link").unlink()
    (root / "img/link").symlink_to("a")
    (root / "img/empty").rmdir()
    assert changed() == ["folder empty removed"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    takes=some.lists(
        some.sampled_from(
            [
                ".",
                "sub",
                "sub/deep",
                "left",
                "a b",
                "s*",
                "sub/*",
                "--exclude=**/a sub",
                "--exclude=sub/deep .",
                "other/x",
            ]
        ),
        min_size=1,
        max_size=4,
    ),
    ignore=some.lists(some.sampled_from(["left", "!left/kept", "**/a", "*", "!sub", "other", "!a", "!b"]), max_size=4),
)
def test_the_parts_are_those_of_the_file_set_however_it_was_chosen(
    root: Path, takes: list[str], ignore: list[str]
) -> None:
    text = "FROM scratch\n" + "".join(f"COPY {take} /to/\n" for take in takes)
    try:
        large = read(root, text, "\n".join(ignore))
    except SpecError:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(context, "LARGE", 1000)
            patch.setattr(context_whole, "LARGE", 1000)
            with pytest.raises(SpecError):
                read(root, text, "\n".join(ignore))
        return
    of_set = context.parts_of(large.file_set)
    assert {n: v for n, v in large.parts.items() if n.startswith(("file", "folder"))} == of_set
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "LARGE", 1000)
        patch.setattr(context_whole, "LARGE", 1000)
        small = read(root, text, "\n".join(ignore))
    assert [(f.path, f.kind, f.mode, f.sha256) for f in small.file_set.files] == [
        (f.path, f.kind, f.mode, f.sha256) for f in large.file_set.files
    ]
    assert small.parts == large.parts


def test_a_file_that_changes_before_the_files_are_listed_stops_the_build(root: Path) -> None:
    found = read(root)
    (root / "img/sub/a").write_text("changed", encoding="utf-8")
    with pytest.raises(StepError, match="img/sub: a file changed while the files were read"):
        list(found.file_set.files)


def test_what_is_asked_before_a_build_lists_no_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "img/sub/a").chmod(0o600)
    found = read(root)
    listed = context.FileSet(found.file_set.root, list(found.file_set.files))
    assert not listed.as_is
    (root / "img/sub/a").chmod(0o644)
    for text in (ALL, "FROM scratch\nCOPY sub left/kept other/x a /to/\n"):
        now = read(root, text)
        with monkeypatch.context() as patch:
            patch.setattr(context_large.LargeContext, "_listed", None)  # would fail
            said = (len(now.file_set.files), now.file_set.size, now.file_set.as_is, now.file_set.folders)
            assert now.changed() is None
        listed = context.FileSet(now.file_set.root, list(now.file_set.files))
        assert said == (len(listed.files), listed.size, listed.as_is, listed.folders)


@pytest.mark.parametrize("few", [False, True])
def test_what_is_written_during_a_build_is_told(root: Path, few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if few:
        monkeypatch.setattr(context, "LARGE", 1000)
        monkeypatch.setattr(context_whole, "LARGE", 1000)

    def told(edit: Callable[[Path], object], text: str = ALL) -> str | None:
        found = read(root, text, "**/*.log\nother\n")
        time.sleep(0.02)  # a tick of the clock: what a builder reads takes longer
        edit(root / "img")
        return found.changed()

    there = "img/sub" if not few else "img/sub/a"
    assert told(lambda _: None) is None
    assert told(lambda img: (img / "sub/a").write_text("sub/a", encoding="utf-8")) == there, "the same, but written"
    assert told(lambda img: (img / "sub/a").chmod(0o755)) == there
    assert told(lambda img: (img / "sub/new").touch()) == (there if not few else "img/sub/new")
    assert told(lambda img: (img / "sub/new").unlink()) == (there if not few else "img/sub/new")
    assert told(lambda img: (img / "new").mkdir()) == "img/new"
    assert told(lambda img: (img / "new").rmdir()) == "img/new"
    assert told(lambda img: (img / "a").write_text("1", encoding="utf-8"), "FROM scratch\nCOPY a sub /to/\n") == "img/a"
    assert told(lambda img: (img / "b").unlink(), "FROM scratch\nCOPY b sub /to/\n") == "img"
    assert told(lambda img: (img / "sub/x.log").touch()) is None, "ignored"
    assert told(lambda img: (img / "other/x").write_text("1", encoding="utf-8")) is None, "ignored"
    assert told(lambda img: (img / "a").write_text("2", encoding="utf-8"), "FROM scratch\nCOPY sub /to/\n") is None


def test_a_file_written_just_now_is_not_trusted(root: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    just = (root / "img/other/x").lstat().st_ctime_ns
    monkeypatch.setattr(time, "time_ns", lambda: just + 1)
    (root / "img/other/x").write_text("y", encoding="utf-8")
    read(root)
    hashed.clear()
    read(root)
    assert "x" in hashed


def test_a_pipe_is_refused_in_a_large_context_too(root: Path) -> None:
    os.mkfifo(root / "img/sub/pipe")
    for _ in range(2):
        with pytest.raises(SpecError, match="Dockerfile:2:1: sub/pipe is a named pipe"):
            read(root)


def test_another_checkout_has_the_same_parts(root: Path, tmp_path: Path) -> None:
    before = read(root).parts
    shutil.copytree(root / "img", tmp_path / "elsewhere/img", symlinks=True)
    assert read(tmp_path / "elsewhere").parts == before


def test_work_is_shared_out_and_comes_back_in_order(tmp_path: Path) -> None:
    # in a process of its own: threads that other tests have left would keep it from forking
    program = textwrap.dedent(
        """
        import os, sys, time
        from pathlib import Path
        from bedplate import forks
        forks._cores = lambda: 3
        def work(items):
            (Path(sys.argv[1]) / str(os.getpid())).touch()
            while len(os.listdir(sys.argv[1])) < 3:  # nobody goes on before all have something to do
                time.sleep(0.001)
            return [(item, os.getpid()) for item in items]
        made = forks.share(work, list(range(1000)))
        print([item for item, _ in made] == list(range(1000)), len({pid for _, pid in made}))
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.strip() == "True 3"


def test_what_fails_in_a_fork_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_cores", lambda: 2)

    def work(items: object) -> list[str]:
        assert isinstance(items, list)
        return [Path(item).read_text(encoding="utf-8") for item in items]

    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text(encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        forks.share(work, [__file__, "gone"])
    assert children.read_text(encoding="utf-8") == before, "nobody is left"


def test_nothing_forks_beside_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_cores", lambda: 2)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        made = forks.share(lambda items: [os.getpid() for _ in items], [1, 2])
    finally:
        done.set()
        thread.join()
    assert made == [os.getpid()] * 2
