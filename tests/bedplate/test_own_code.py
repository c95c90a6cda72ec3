"""Another Bedplate is told from this one, also in a checkout that somebody works on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import bedplate
from bedplate import own_code


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in ("pyproject.toml", "bedplate/__init__.py", "bedplate/one.py", "steps/two.py", "schemas/three.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
        os.utime(tmp_path / path, (1, 1))
    monkeypatch.setattr(bedplate, "__file__", str(tmp_path / "bedplate/__init__.py"))
    return tmp_path


def identity() -> str:
    own_code.identity.cache_clear()
    try:
        return own_code.identity()
    finally:
        own_code.identity.cache_clear()


@pytest.mark.parametrize(
    "edit",
    [
        lambda root: os.utime(root / "steps/two.py"),
        lambda root: os.utime(root / "schemas/three.json"),
        lambda root: (root / "bedplate/one.py").unlink(),
        lambda root: (root / "bedplate/one.py").rename(root / "bedplate/other.py"),
    ],
)
def test_an_edit_of_it_makes_another_one(checkout: Path, edit: Callable[[Path], object]) -> None:
    before = identity()
    assert identity() == before
    edit(checkout)
    assert identity() != before
