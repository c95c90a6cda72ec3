"""triggers: what a parent's ONBUILD says is asked once for each digest, and read from the text of images of our own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import pytest

from bedplate.errors import StepError
from bedplate.pins import Pins, Reference, Wanted
from bedplate.stale import OWN
from bedplate.step import DockerfileFiles, Files, Upstream
from bedplate.triggers import Triggers

DIGEST = "sha256:" + "1" * 64
PINNED = Reference(f"debian@{DIGEST}", "linux/amd64", "Dockerfile", 1, 6)
TAGGED = Reference("debian:12", "linux/amd64", "Dockerfile", 2, 6)


class World:
    """What registry and engine say, and what they were asked."""

    def __init__(self, answer: tuple[str, ...] | StepError) -> None:
        self.answer = answer
        self.asked: list[Wanted] = []

    def __call__(self, wanted: Sequence[Wanted]) -> dict[Wanted, tuple[str, ...] | StepError]:
        self.asked += wanted
        return dict.fromkeys(wanted, self.answer)


def made(root: Path, **images: Files) -> Triggers:
    return Triggers(root, root / "cache/onbuild", Pins(root), lambda name: [images[name]] if name in images else [])


def test_a_digest_is_asked_once_and_remembered_by_the_next_run(tmp_path: Path) -> None:
    world, first = World(("COPY a /a",)), made(tmp_path)
    first.learn([PINNED, PINNED], world)
    assert world.asked == [(PINNED.text, "linux/amd64", DIGEST)]
    later = made(tmp_path)
    later.learn([PINNED], world)
    assert len(world.asked) == 1
    assert later.of(PINNED.text, "linux/amd64", set()) == ("COPY a /a",)
    assert later.of(PINNED.text, "linux/arm64", set()) == ()
    assert later.known == first.known != ""


def test_an_image_without_triggers_is_remembered_too_and_changes_nothing(tmp_path: Path) -> None:
    world = World(())
    made(tmp_path).learn([PINNED], world)
    later = made(tmp_path)
    later.learn([PINNED], world)
    assert len(world.asked) == 1
    assert later.known == ""


def test_where_nobody_answers_none_is_supposed_and_the_next_run_asks_again(tmp_path: Path) -> None:
    triggers = made(tmp_path)
    triggers.learn([PINNED], World(StepError("down")))
    assert triggers.of(PINNED.text, "linux/amd64", set()) == ()
    world = World(("RUN x",))
    triggers.learn([PINNED], world)
    assert world.asked
    assert triggers.of(PINNED.text, "linux/amd64", set()) == ("RUN x",)


def test_a_line_that_a_kill_cut_short_is_not_believed(tmp_path: Path) -> None:
    made(tmp_path).learn([PINNED], World(("RUN x",)))
    path = tmp_path / "cache/onbuild"
    path.write_text(path.read_text()[:-8])
    assert made(tmp_path).known == ""


def test_a_tag_is_never_asked_here_its_lock_entry_tells(tmp_path: Path) -> None:
    pins, world = Pins(tmp_path), World(("RUN x",))
    pins.lock = pins.lock.with_entry(*TAGGED.key, DIGEST, datetime.now(timezone.utc), ("COPY b /b",))
    triggers = Triggers(tmp_path, tmp_path / "onbuild", pins, lambda name: ())
    triggers.learn([TAGGED], world)
    assert world.asked == []
    assert triggers.of(*TAGGED.key, set()) == ("COPY b /b",)


def old_lock(root: Path) -> Pins:
    """As a version wrote it that knew nothing of triggers."""
    list(Pins(root).take([TAGGED], lambda _: {"debian:12": DIGEST}))
    path = root / "pipeline.lock"
    path.write_text(path.read_text().replace(", onbuild: []", ""))
    return Pins(root)


def test_an_entry_that_says_nothing_is_asked_by_its_digest_and_doit_lock_notes_it(tmp_path: Path) -> None:
    pins, world = old_lock(tmp_path), World(("COPY a /a",))
    triggers = Triggers(tmp_path, tmp_path / "onbuild", pins, lambda name: ())
    assert triggers.of(*TAGGED.key, set()) == ()
    for _ in range(2):
        triggers.learn([TAGGED], world)
        assert triggers.of(*TAGGED.key, set()) == ("COPY a /a",)
        assert world.asked == [(*TAGGED.key, DIGEST)]
    taken = pins.lock.entries[TAGGED.key].taken
    assert list(pins.complete([TAGGED, TAGGED], world)) == [
        "debian:12 (linux/amd64) looked into: 1 ONBUILD instruction"
    ]
    entry = Pins(tmp_path).lock.entries[TAGGED.key]
    assert (entry.digest, entry.taken, entry.onbuild) == (DIGEST, taken, ("COPY a /a",))
    assert list(pins.complete([TAGGED], world)) == []
    assert len(world.asked) == 2


def test_an_entry_stays_as_it_is_where_nobody_can_say_what_it_holds(tmp_path: Path) -> None:
    pins = old_lock(tmp_path)
    before = (tmp_path / "pipeline.lock").read_text()
    with pytest.raises(StepError, match="down"):
        list(pins.complete([TAGGED], World(StepError("down"))))
    assert (tmp_path / "pipeline.lock").read_text() == before


def test_triggers_are_taken_into_the_lock_with_the_digest(tmp_path: Path) -> None:
    world = World(("COPY a /a",))
    list(Pins(tmp_path).take([TAGGED], lambda _: {"debian:12": DIGEST}, world))
    assert world.asked == [("debian:12", "linux/amd64", DIGEST)]
    assert Pins(tmp_path).lock.entries[TAGGED.key].onbuild == ("COPY a /a",)
    list(Pins(tmp_path).take([TAGGED], lambda _: {"debian:12": DIGEST}, world))
    assert len(world.asked) == 1, "the same digest holds the same"


def test_no_entry_is_written_without_knowing_the_triggers(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="down"):
        list(Pins(tmp_path).take([TAGGED], lambda _: {"debian:12": DIGEST}, World(StepError("down"))))
    assert Pins(tmp_path).missing([TAGGED])


def test_of_an_image_of_our_own_the_target_s_stage_tells_and_its_dockerfile_is_looked_at(tmp_path: Path) -> None:
    text = (
        "FROM a AS one\nONBUILD RUN one\nFROM b AS two\nONBUILD COPY <<EOF /x\nhello\nEOF\nONBUILD RUN two \\\n  more\n"
    )
    (tmp_path / "Dockerfile").write_text(text)

    def of(target: str | None) -> Sequence[str]:
        looked: set[str] = set()
        files = DockerfileFiles(".", "Dockerfile", target, {}, {}, "linux/amd64")
        found = made(tmp_path, p=files).of(OWN + "p", "linux/amd64", looked)
        assert looked == {str(tmp_path / "Dockerfile")}
        return found

    assert of("one") == ["RUN one"]
    assert of(None) == ["COPY <<EOF /x\nhello\nEOF", "RUN two   more"]
    assert of("gone") == []


def test_an_image_by_reference_has_the_triggers_of_what_it_refers_to(tmp_path: Path) -> None:
    triggers = made(tmp_path, p=Upstream(PINNED.text, "linux/amd64"))
    triggers.learn([PINNED], World(("RUN x",)))
    assert triggers.of(OWN + "p", "linux/amd64", set()) == ["RUN x"]


def test_the_key_of_what_is_kept_changes_with_the_parent_s_stage(tmp_path: Path) -> None:
    def key(target: str) -> str:
        parent = DockerfileFiles("p", "p/Dockerfile", target, {}, {}, "linux/amd64")
        child = DockerfileFiles("a", "a/Dockerfile", None, {}, {"BASE": "p"}, "linux/amd64")
        return made(tmp_path, p=parent).key(child)

    assert key("one") != key("two")
