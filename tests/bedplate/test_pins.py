"""Pins: which references are missing or unused, what is taken and written, and what one process supposes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bedplate.errors import SpecError, StepError
from bedplate.lock import Lock
from bedplate.pins import NAME, Pins, Reference, refuse

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
UBUNTU = Reference("ubuntu:22.04", "linux/amd64", "images/a/Dockerfile", 1, 6)
OTHER = Reference("debian:12", "linux/amd64", "images/b/Dockerfile", 3, 6)
PINNED = Reference(f"ubuntu@{ONE}", "linux/amd64", "images/c/Dockerfile", 1, 6)


class Registry:
    """Answers with what it is given, and remembers what it was asked."""

    def __init__(self, **digests: str | StepError) -> None:
        self.digests = digests
        self.asked: list[str] = []

    def __call__(self, references: Sequence[str]) -> dict[str, str | StepError]:
        self.asked += references
        return {reference: self.digests[reference.partition(":")[0]] for reference in references}


def test_what_is_taken_is_written_and_known(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    assert pins.missing([UBUNTU, PINNED, UBUNTU, OTHER]) == [UBUNTU, OTHER]
    lines = list(pins.take([UBUNTU, OTHER], Registry(ubuntu=ONE, debian=TWO)))
    assert lines == [
        f"ubuntu:22.04 (linux/amd64) locked as {ONE[:19]}",
        f"debian:12 (linux/amd64) locked as {TWO[:19]}",
    ]
    for known in (pins, Pins(tmp_path)):
        assert known.missing([UBUNTU, PINNED, OTHER]) == []
        assert known.digest("ubuntu:22.04", "linux/amd64") == ONE
        assert known.digest("ubuntu:22.04", "linux/arm64") == ""
        assert known.digest(PINNED.text, "linux/amd64") == ONE


def test_a_reference_of_several_platforms_is_asked_for_once(tmp_path: Path) -> None:
    registry = Registry(ubuntu=ONE)
    arm = Reference(UBUNTU.text, "linux/arm64", "images/b/Dockerfile")
    assert len(list(Pins(tmp_path).take([UBUNTU, arm], registry))) == 2
    assert registry.asked == ["ubuntu:22.04"]


def test_an_unchanged_digest_keeps_the_time_it_was_taken(tmp_path: Path) -> None:
    list(Pins(tmp_path).take([UBUNTU], Registry(ubuntu=ONE)))
    old = (tmp_path / NAME).read_text().replace(":00Z", ":01Z")
    (tmp_path / NAME).write_text(old)
    assert list(Pins(tmp_path).take([UBUNTU], Registry(ubuntu=ONE))) == []
    assert (tmp_path / NAME).read_text() == old
    lines = list(Pins(tmp_path).take([UBUNTU], Registry(ubuntu=TWO)))
    assert lines == [f"ubuntu:22.04 (linux/amd64) moved from {ONE[:19]} to {TWO[:19]}"]


def test_what_other_registries_said_is_kept_when_one_is_down(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    down = StepError("debian:12: no answer", "is it up?")
    with pytest.raises(StepError, match="debian:12: no answer"):
        list(pins.take([OTHER, UBUNTU], Registry(ubuntu=ONE, debian=down)))
    assert list(Lock.read(tmp_path / NAME).entries) == [UBUNTU.key]


def test_all_that_failed_is_named(tmp_path: Path) -> None:
    one, two = StepError("debian:12: no answer", "is it up?"), StepError("ubuntu:22.04: denied")
    with pytest.raises(StepError) as refused:
        list(Pins(tmp_path).take([OTHER, UBUNTU], Registry(ubuntu=two, debian=one)))
    assert str(refused.value) == "debian:12: no answer\n    ubuntu:22.04: denied\n  hint: is it up?"
    assert not (tmp_path / NAME).exists()


def test_what_is_supposed_is_written_nowhere(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    list(pins.suppose([UBUNTU], Registry(ubuntu=ONE)))
    assert pins.digest(*UBUNTU.key) == ONE
    assert list(tmp_path.iterdir()) == []


def test_entries_that_another_run_has_written_meanwhile_stay(tmp_path: Path) -> None:
    mine, theirs = Pins(tmp_path), Pins(tmp_path)
    list(theirs.take([OTHER], Registry(debian=TWO)))
    list(mine.take([UBUNTU], Registry(ubuntu=ONE)))
    assert set(Lock.read(tmp_path / NAME).entries) == {UBUNTU.key, OTHER.key}


def test_unused_entries_are_found_and_dropped(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    list(pins.take([UBUNTU, OTHER], Registry(ubuntu=ONE, debian=TWO)))
    assert pins.unused([UBUNTU]) == [OTHER.key]
    pins.drop(pins.unused([UBUNTU]))
    assert list(Lock.read(tmp_path / NAME).entries) == [UBUNTU.key]
    assert pins.unused([UBUNTU]) == []


def test_a_refusal_names_every_place() -> None:
    error = refuse([UBUNTU, OTHER], "CI is set")
    assert isinstance(error, SpecError)
    assert [m.line for m in error.mistakes] == [1, 3]
    assert "images/a/Dockerfile:1:6: ubuntu:22.04 (linux/amd64) is not in pipeline.lock (CI is set)" in str(error)


def test_a_reference_of_the_spec_is_missing_where_it_stands_with_its_line(tmp_path: Path) -> None:
    text = "version: 1\nimages:\n  os: {reference: 'debian:12'}\n"
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "Dockerfile").write_text("# x\nFROM debian:13\n", encoding="utf-8")
    mine = Reference("debian:12", "linux/amd64", "pipeline.yaml", keys=("images", "os", "reference"))
    other = Reference("debian:13", "linux/amd64", "Dockerfile", 2, 6)
    error = refuse(Pins(tmp_path).missing([mine, other]), "CI is set")
    assert str(error).splitlines() == [
        "Dockerfile:2:6: debian:13 (linux/amd64) is not in pipeline.lock (CI is set)",
        "    FROM debian:13",
        "         ^",
        "  hint: `doit lock` takes its digest; commit pipeline.lock",
        "pipeline.yaml:3:19: debian:12 (linux/amd64) is not in pipeline.lock (CI is set)",
        "      os: {reference: 'debian:12'}",
        "                      ^",
        "  hint: `doit lock` takes its digest; commit pipeline.lock",
    ]


def test_work_goes_on_by_the_tag_of_an_image_that_need_not_be_locked(tmp_path: Path) -> None:
    spare = replace(OTHER, needed=False)
    silent = Registry(ubuntu=ONE, debian=StepError("no answer"))
    for pins in (Pins(tmp_path), Pins(tmp_path)):
        lines = list(pins.take([UBUNTU, spare], silent))
        assert [str(why) for why in pins.unknown.values()] == ["no answer"]
    assert lines == [] and list(Lock.read(tmp_path / NAME).entries) == [UBUNTU.key]
    supposing = Pins(tmp_path)
    assert list(supposing.suppose([spare], silent)) == [] and list(supposing.unknown) == [OTHER.key]
    with pytest.raises(StepError, match="no answer"):
        list(Pins(tmp_path).take([spare, OTHER], silent))
