"""The shortcut of a run that has nothing to do: it holds only while everything is as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bedplate import folder_look
from bedplate.questions import Answers, AskContainer, AskFile, AskImage, AskManifest, ContainerSeen
from bedplate.tasks import stamp
from bedplate.tasks.stamp import Stamp

OF_ENGINE: Answers = {
    AskContainer("iris-iris"): ContainerSeen("running", {"a": "b"}),
    AskImage("iris/os:fp-1"): {"x": "y"},
    AskContainer("none"): None,
}
LATER = 60_000_000_000  # ns: the files are a minute old by then


def looked(paths: list[str]) -> stamp.Look:
    return stamp.look(paths, stamp.times(paths))


def a_stamp(folder: Path) -> Stamp:
    (folder / "file").write_text("one", encoding="utf-8")
    (folder / "list").mkdir(exist_ok=True)
    look = looked([str(folder / name) for name in ("file", "list", "gone")])
    others = {AskManifest("127.0.0.1:5000", "iris/os", "v1"): "sha256:" + "1" * 64, AskFile("build"): True}
    engine = stamp.engine_said("me", OF_ENGINE)
    (folder / "large/inner").mkdir(parents=True, exist_ok=True)
    (folder / "large/file").write_text("one", encoding="utf-8")
    large = folder_look.summed(folder_look.look(str(folder / "large")))
    folders = {str(folder / "large"): (large.digest, (folder / "large/file").stat().st_ctime_ns, large.entries)}
    return Stamp("me", look, others, engine, ("127.0.0.1:1",), ("iris: nothing to do",), {"num_process": 4}, folders)


def kept(folder: Path) -> Stamp:
    made = a_stamp(folder)
    stamp.write(folder / "cache/unchanged.", made, time.time_ns() + LATER)
    read = stamp.read(folder / "cache/unchanged.", "me")
    assert read is not None
    return read


def test_what_was_kept_is_read_back_as_it_was(tmp_path: Path) -> None:
    read = kept(tmp_path)
    assert stamp.looking(read)() == []
    assert read == a_stamp(tmp_path)._replace(look=read.look, folders=read.folders)
    assert stamp.of_engine(read) == OF_ENGINE
    assert all(type(question) is type(was) for question, was in zip(stamp.of_engine(read), OF_ENGINE, strict=True))


def test_another_version_or_a_broken_file_counts_as_none(tmp_path: Path) -> None:
    kept(tmp_path)
    assert stamp.read(tmp_path / "cache/unchanged.", "somebody else") is None
    (tmp_path / "cache/unchanged.").write_bytes(b"\x00broken")
    assert stamp.read(tmp_path / "cache/unchanged.", "me") is None
    assert stamp.read(tmp_path / "cache/none", "me") is None


def touched(folder: Path) -> None:
    os.utime(folder / "file", ns=(1, 1))


def replaced_with_the_same_times(folder: Path) -> None:
    times = (folder / "file").stat()
    (folder / "new").write_text("two", encoding="utf-8")
    os.utime(folder / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "new").replace(folder / "file")


def made_executable(folder: Path) -> None:
    (folder / "file").chmod(0o755)


def removed(folder: Path) -> None:
    (folder / "file").unlink()


def appeared(folder: Path) -> None:
    (folder / "gone").touch()


def one_more_in_a_folder(folder: Path) -> None:
    (folder / "list/new").touch()


def touched_in_a_large_folder(folder: Path) -> None:
    os.utime(folder / "large/file", ns=(1, 1))


def one_more_in_a_large_folder(folder: Path) -> None:
    (folder / "large/new").touch()


def a_large_folder_removed(folder: Path) -> None:
    (folder / "large").rename(folder / "small")


EDITS = [touched, replaced_with_the_same_times, made_executable, removed, appeared, one_more_in_a_folder]
LARGE = [touched_in_a_large_folder, one_more_in_a_large_folder, a_large_folder_removed]


@pytest.mark.parametrize("edit", [*EDITS, *LARGE])
def test_an_edit_ends_it(tmp_path: Path, edit: object) -> None:
    before = kept(tmp_path)
    assert callable(edit)
    edit(tmp_path)
    assert stamp.looking(before)() != []


def test_a_file_that_changed_since_the_run_began_is_not_trusted(tmp_path: Path) -> None:
    made = a_stamp(tmp_path)
    stamp.write(tmp_path / "cache/unchanged.", made, time.time_ns())
    assert not (tmp_path / "cache/unchanged.").exists()


def test_a_file_of_a_large_folder_that_changed_since_the_run_began_is_not_trusted(tmp_path: Path) -> None:
    made = a_stamp(tmp_path)
    stamp.write(tmp_path / "cache/unchanged.", made._replace(look=looked([])), time.time_ns())
    assert not (tmp_path / "cache/unchanged.").exists()
    stamp.write(tmp_path / "cache/unchanged.", made._replace(look=looked([]), folders={}), time.time_ns())
    assert (tmp_path / "cache/unchanged.").exists()


def test_a_run_that_ends_by_the_shortcut_imports_little_of_ours() -> None:
    # each of these costs as much as the whole shortcut of a small project
    code = (
        "import sys; from bedplate.tasks import loader, run, database, stamp\n"
        "from bedplate.clients import answers, registry_files\n"
        "large = {'bedplate.model', 'bedplate.step', 'bedplate.stale', 'bedplate.specfile', 'steps.push', 'ssl'}\n"
        "sys.exit(' '.join(sorted(large & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_files_are_looked_at_on_all_cores_and_a_change_of_any_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    paths = [str(folder / f"{number:05}") for number in range(stamp.SLICE * stamp.WORTH + 7)]
    for path in paths[:-1]:  # the last one is not there
        Path(path).touch()
    before = looked(paths)
    assert looked(paths) == before
    for number in (0, stamp.SLICE, len(paths) - 2, len(paths) - 1):
        Path(paths[number]).write_text("changed", encoding="utf-8")
        after = looked(paths)
        assert [was == is_ for was, is_ in zip(before.sums, after.sums, strict=True)].count(False) == 1
        assert after.newest == os.lstat(paths[number]).st_ctime_ns
        before = after
