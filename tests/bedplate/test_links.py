"""What is read under the name of a link is what all links on the way to it lead to."""

from __future__ import annotations

from pathlib import Path

from bedplate import links
from bedplate.context import disk
from bedplate.requirements import file_set
from bedplate.stat_cache import StatCache
from bedplate.step import Requirements, Tree


def test_each_link_on_the_way_counts(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/file").write_text("x")
    (tmp_path / "inner/second").symlink_to("file")
    (tmp_path / "first").symlink_to("inner/second")
    found = list(links.followed(str(tmp_path / "first")))
    assert found == [str(tmp_path / "inner/second"), str(tmp_path / "inner/file")]


def test_what_is_no_link_leads_nowhere_and_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "circle").symlink_to("circle")
    assert list(links.followed(str(tmp_path / "file"))) == []
    assert list(links.followed(str(tmp_path / "absent"))) == []
    assert set(links.followed(str(tmp_path / "circle"))) == {str(tmp_path / "circle")}


def test_a_link_that_is_named_stands_for_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/weights").write_text("one")
    (tmp_path / "named").symlink_to("there/weights")
    cache = StatCache(tmp_path / "cache")
    (before,) = disk.tree(Tree("named"), tmp_path, cache).files
    assert (before.path, before.kind, before.size) == ("named", "file", 3)
    assert str(tmp_path / "there/weights") in cache.looked
    (tmp_path / "there/weights").write_text("other")
    (now,) = disk.tree(Tree("named"), tmp_path, cache).files
    assert now.sha256 != before.sha256


def test_requirements_behind_a_link_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("six==1.16.0\n")
    (tmp_path / "named.txt").symlink_to("there.txt")
    cache = StatCache(tmp_path / "cache")
    before = file_set(Requirements("named.txt", conda=False), tmp_path, cache)
    (tmp_path / "there.txt").write_text("six==1.17.0\n")
    assert file_set(Requirements("named.txt", conda=False), tmp_path, cache) != before
    assert str(tmp_path / "there.txt") in cache.looked
