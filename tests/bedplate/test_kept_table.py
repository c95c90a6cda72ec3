"""A table of which only the pages that are asked for are decoded."""

from __future__ import annotations

import marshal
from pathlib import Path

import pytest

from bedplate.kept_table import PAGES, KeptTable

KEYS = [f"key {n}" for n in range(10 * PAGES)] + ["ü", "\udcff"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = KeptTable(tmp_path / "table", "me")
    for number, key in enumerate(KEYS):
        table.put(key, (number, key))
    table.save(KEYS, 0)
    return tmp_path / "table"


def found(path: Path) -> set[str]:
    table = KeptTable(path, "me")
    return {key for number, key in enumerate(KEYS) if table.get(key) == (number, key)}


def test_what_was_put_is_got_by_who_made_it(path: Path) -> None:
    assert found(path) == set(KEYS)
    assert KeptTable(path, "me").get("other") is None
    assert KeptTable(path, "somebody else").get(KEYS[0]) is None


def test_one_value_costs_one_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = KeptTable(path, "me")
    loads, sizes = marshal.loads, list[int]()
    monkeypatch.setattr(marshal, "loads", lambda content: sizes.append(len(content)) or loads(content))
    assert table.get(KEYS[0]) and table.get(KEYS[0])
    whole, page = sizes
    assert page < whole / 10


def test_a_page_that_nobody_asked_for_is_kept_as_it_is(path: Path) -> None:
    table = KeptTable(path, "me")
    table.put("new", 1)
    table.save(None, 0)
    assert found(path) == set(KEYS) and KeptTable(path, "me").get("new") == 1


@pytest.mark.parametrize(("used", "spare", "left"), [(1, 0, 1), (1, len(KEYS), len(KEYS)), (400, 0, len(KEYS))])
def test_what_was_not_used_goes_where_it_is_most_of_the_table(path: Path, used: int, spare: int, left: int) -> None:
    table = KeptTable(path, "me")
    table.put(KEYS[0], (0, KEYS[0]))
    table.save(KEYS[:used], spare)
    assert len(found(path)) == left
    again = KeptTable(path, "me")
    again.put(KEYS[0], (0, KEYS[0]))
    again.save(KEYS[:1], left)  # how many there are was written, too
    assert len(found(path)) == left


def test_nothing_is_written_where_nothing_was_put(path: Path) -> None:
    before = path.stat().st_ino
    table = KeptTable(path, "me")
    table.get(KEYS[0])
    table.save(KEYS[:1], 0)
    assert path.stat().st_ino == before
