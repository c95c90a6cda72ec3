"""Whole messages for whole files: each <name>.yaml here beside its <name>.error."""

from __future__ import annotations

from pathlib import Path

import pytest

from bedplate import specfile
from bedplate.errors import SpecError

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))
SECRET = "hunter2"


def said(file: Path, folder: Path) -> str:
    """What a user with this file as pipeline.yaml reads."""
    (folder / "pipeline.yaml").write_bytes(file.read_bytes())
    try:
        specfile.load(folder / "pipeline.yaml")
    except SpecError as error:
        return f"{error}\n"
    return "no mistakes\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_said_in_these_words(file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    expected = file.with_suffix(".error")
    text = said(file, tmp_path)
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_secret_is_said(file: Path, tmp_path: Path) -> None:
    assert SECRET not in said(file, tmp_path)


def test_each_expected_text_has_its_file() -> None:
    assert {f.stem for f in HERE.glob("*.error")} == {f.stem for f in FILES}
    assert len(FILES) >= 25
