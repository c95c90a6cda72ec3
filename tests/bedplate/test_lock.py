from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.errors import SpecError
from bedplate.lock import Lock

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=timezone.utc)
LOCK = (
    Lock()
    .with_entry("ubuntu:22.04", "linux/amd64", ONE, NOON)
    .with_entry("ubuntu:22.04", "linux/arm64", TWO, NOON)
    .with_entry("10:30", "linux/arm/v7", TWO, NOON)
)


def test_the_file_is_sorted_and_reads_as_yaml() -> None:
    document = yaml.safe_load(str(LOCK))
    taken = "2026-01-02T12:00:00Z"
    assert document == {
        "version": 1,
        "images": {
            "10:30": {"linux/arm/v7": {"digest": TWO, "taken": taken, "onbuild": []}},
            "ubuntu:22.04": {
                "linux/amd64": {"digest": ONE, "taken": taken, "onbuild": []},
                "linux/arm64": {"digest": TWO, "taken": taken, "onbuild": []},
            },
        },
    }
    assert list(document["images"]) == ["10:30", "ubuntu:22.04"]
    assert yaml.safe_load(str(Lock())) == {"version": 1, "images": {}}


REFERENCE = st.from_regex(r"[a-z0-9]+([._/:-][a-z0-9]+){0,3}", fullmatch=True)
ENTRIES = st.dictionaries(
    st.tuples(REFERENCE, st.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7"])),
    st.tuples(st.from_regex("sha256:[0-9a-f]{64}", fullmatch=True), st.datetimes(datetime(2000, 1, 1))),
)


@settings(max_examples=40)
@given(ENTRIES)
def test_what_is_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, entries: dict) -> None:  # type: ignore[type-arg]
    path = tmp_path_factory.getbasetemp() / "pipeline.lock"
    lock = Lock()
    for (reference, platform), (digest, taken) in entries.items():
        lock = lock.with_entry(reference, platform, digest, taken.replace(tzinfo=timezone.utc))
    lock.write(path)
    assert Lock.read(path) == lock
    images = yaml.safe_load(path.read_text())["images"]
    assert {(r, p): e["digest"] for r, ps in images.items() for p, e in ps.items()} == {
        key: locked.digest for key, locked in lock.entries.items()
    }


def test_without_a_file_nothing_is_locked(tmp_path: Path) -> None:
    assert Lock.read(tmp_path / "pipeline.lock") == Lock()


def test_an_entry_is_by_reference_and_platform() -> None:
    assert LOCK.digest("ubuntu:22.04", "linux/arm64") == TWO
    assert LOCK.digest("ubuntu:22.04", "linux/s390x") is None
    assert LOCK.digest("ubuntu", "linux/amd64") is None


def test_an_entry_is_replaced_and_dropped() -> None:
    assert LOCK.with_entry("ubuntu:22.04", "linux/arm64", ONE, NOON).digest("ubuntu:22.04", "linux/arm64") == ONE
    assert LOCK.without("ubuntu:22.04").entries.keys() == {("10:30", "linux/arm/v7")}
    assert LOCK.without("ubuntu:22.04", "linux/amd64").digest("ubuntu:22.04", "linux/arm64") == TWO
    assert len(LOCK.entries) == 3, "the lock itself does not change"


def test_a_time_is_kept_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    assert Lock().with_entry("a", "linux/amd64", ONE, there) == Lock().with_entry("a", "linux/amd64", ONE, NOON)


def test_comments_and_empty_lines_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.lock"
    path.write_text("\n# mine\n" + str(LOCK).replace("\n", "\r\n") + "\n   # end\n")
    assert Lock.read(path) == LOCK


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("version: 1", "version: 2", 2, "expected `version: 1`"),
        ("images:", "pictures:", 3, "expected `images:`"),
        ('  "ubuntu:22.04":', "  ubuntu:22.04:", 6, "not a line that `doit lock` writes"),
        (ONE, "sha256:123", 7, "not a sha256 digest: 'sha256:123'"),
        ("linux/amd64", "linux/arm64", 8, "ubuntu:22.04 for linux/arm64 stands here twice"),
        ("2026-01-02T12", "2026-13-02T12", 5, "month must be in 1..12"),
        ("00:00Z", "00:00+01:00", 5, "not a time in UTC"),
        ('  "ubuntu', '<<<<<<< HEAD\n  "ubuntu', 6, "an unfinished merge"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    path = tmp_path / "pipeline.lock"
    assert old in str(LOCK)
    path.write_text(str(LOCK).replace(old, new, 1))
    with pytest.raises(SpecError) as refused:
        Lock.read(path)
    first = refused.value.mistakes[0]
    assert (first.file, first.line) == ("pipeline.lock", line)
    assert message in first.message
    assert "doit lock" in first.hint


def test_an_empty_file_and_one_that_is_not_text_are_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.lock"
    for content in (b"", b"\xff\xfe", b"# nothing\n"):
        path.write_bytes(content)
        with pytest.raises(SpecError):
            Lock.read(path)


def test_writing_keeps_the_mode_and_leaves_no_second_file(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.lock"
    path.write_text("old")
    path.chmod(0o600)
    LOCK.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["pipeline.lock"]


@given(st.lists(st.text(), max_size=3))
def test_onbuild_instructions_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, onbuild: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "onbuild.lock"
    lock = Lock().with_entry("a:1", "linux/amd64", ONE, NOON, tuple(onbuild))
    lock.write(path)
    assert Lock.read(path) == lock
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))["images"]["a:1"]["linux/amd64"]
    if all(ord(character) < 0x10000 for text in onbuild for character in text):  # YAML 1.1 has no pairs of surrogates
        assert entry["onbuild"] == onbuild


def test_an_entry_of_an_earlier_version_does_not_say_that_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.lock"
    text = str(Lock().with_entry("a:1", "linux/amd64", ONE, NOON)).replace(", onbuild: []", "")
    path.write_text(text, encoding="utf-8")
    assert Lock.read(path).entries["a:1", "linux/amd64"].onbuild is None
    assert str(Lock.read(path)) == text


def test_onbuild_that_is_no_list_of_texts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.lock"
    text = str(Lock().with_entry("a:1", "linux/amd64", ONE, NOON, ("RUN x",)))
    for wrong in ("[1]", '["RUN x"'):
        path.write_text(text.replace('["RUN x"]', wrong), encoding="utf-8")
        with pytest.raises(SpecError):
            Lock.read(path)
