"""Labels are remembered by digest, across processes, and a line that a kill cut short is as if never written."""

from __future__ import annotations

from pathlib import Path

from bedplate.seen import Seen

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
