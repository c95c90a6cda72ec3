"""Labels are remembered by digest, across processes, and a line that a kill cut short is as if never written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from bedplate.builders import found
from bedplate.seen import Seen
from bedplate.step import Clients

DIGEST, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def test_what_was_read_once_is_known_to_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "labels"
    assert Seen(file).label(DIGEST) is None
    first = Seen(file)
    first.keep(DIGEST, "f" * 64)
    first.keep(OTHER, "")
    for seen in (first, Seen(file)):
        assert seen.label(DIGEST) == "f" * 64
        assert seen.label(OTHER) == "", "it was read, and had no such label"


def test_a_line_that_was_cut_short_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    Seen(file).keep(DIGEST, "f" * 64)
    with file.open("a") as opened:
        opened.write(f"{OTHER} {'a' * 20}")
    assert Seen(file).label(OTHER) is None
    assert Seen(file).label(DIGEST) == "f" * 64


class Engine:
    """One that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def image(self, tag: str) -> None:
        self.asked.append(tag)


def test_an_engine_that_was_seen_to_lack_an_image_is_not_asked_until_somebody_builds_it(tmp_path: Path) -> None:
    seen, engine = Seen(tmp_path / "labels"), Engine()
    tag = found.local_tag("iris/os", "f" * 64)
    seen.lacking.add(tag)
    clients = cast(Clients, SimpleNamespace(again=False, engine=engine, seen=seen))
    assert found.find("os", "iris/os", "f" * 64, None, clients) is None
    assert engine.asked == [] and tag not in seen.lacking
    found.find("os", "iris/os", "f" * 64, None, clients)
    assert engine.asked == [tag]


def test_what_many_images_say_is_kept_at_once_and_what_was_known_stays(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    seen = Seen(file)
    seen.keep(DIGEST, "f" * 64)
    seen.keep_all({DIGEST: "a" * 64, OTHER: ""})
    for known in (seen, Seen(file)):
        assert known.label(DIGEST) == "f" * 64 and known.label(OTHER) == ""
    assert len(file.read_text().splitlines()) == 2
