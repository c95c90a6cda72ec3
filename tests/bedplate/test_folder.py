"""A folder of files that is there as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bedplate import folder


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "a/b"
    folder.write(place, {"x/one": "1", "two": "2"})
    folder.write(place, {"two": "3"})
    assert [str(f.relative_to(place)) for f in place.rglob("*")] == ["two"]
    assert (place / "two").read_text() == "3"
    assert [f.name for f in place.parent.iterdir()] == ["b"]


def test_a_script_can_be_run_and_other_files_cannot(tmp_path: Path) -> None:
    folder.write(tmp_path / "a", {"run.sh": "#!/bin/sh\n", "text": "#"})
    assert os.access(tmp_path / "a/run.sh", os.X_OK)
    assert not os.access(tmp_path / "a/text", os.X_OK)


def test_files_are_copied_and_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("1")
    (tmp_path / "file").symlink_to("real/file")
    (tmp_path / "folder").symlink_to("real")
    copies = {"s/file": tmp_path / "file", "s/folder": tmp_path / "folder"}
    folder.write(tmp_path / "out", {}, copies)
    assert not (tmp_path / "out/s/file").is_symlink()
    assert (tmp_path / "out/s/folder").is_symlink()


def test_a_failed_write_leaves_the_old_folder(tmp_path: Path) -> None:
    place = tmp_path / "a"
    folder.write(place, {"one": "1"})
    with pytest.raises(OSError):
        folder.write(place, {"one": "2"}, {"gone": tmp_path / "gone"})
    assert (place / "one").read_text() == "1"
    assert [f.name for f in tmp_path.iterdir()] == ["a"]


def test_a_failed_swap_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a"
    folder.write(place, {"one": "1"})
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == place and not self.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="No space left"):
        folder.write(place, {"one": "2"})
    assert (place / "one").read_text() == "1"
    assert [f.name for f in tmp_path.iterdir()] == ["a"]


def test_removing_says_whether_there_was_something(tmp_path: Path) -> None:
    folder.write(tmp_path / "a", {"one": "1"})
    assert folder.remove(tmp_path / "a") is True
    assert folder.remove(tmp_path / "a") is False
