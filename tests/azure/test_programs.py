"""The judges' programs are installed once, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.azure.judges import programs
from tests.azure.judges.programs import CannotInstall, npm_program, venv_python


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "bedplate" / "judges"


def left(place: Path) -> list[str]:
    return [p.name for p in place.iterdir() if not p.name.endswith(".lock")]


def test_without_npm_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotInstall, match="npm is not installed"):
        npm_program(programs.PRISM, "prism")


@pytest.mark.judges
def test_what_could_not_be_installed_leaves_nothing(place: Path) -> None:
    with pytest.raises(CannotInstall, match="no-such-package|npm"):
        npm_program("./no-such-package", "x")
    assert left(place) == []


@pytest.mark.judges
def test_an_interpreter_is_made_once_and_works_where_it_stands(place: Path) -> None:
    python = venv_python()
    made = python.parent.parent.stat().st_ino
    prefix = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(prefix.stdout.strip()) == python.parent.parent
    assert venv_python().parent.parent.stat().st_ino == made
    assert len(left(place)) == 1


def test_two_that_come_at_once_install_once(place: Path) -> None:
    code = (
        "import time, pathlib\n"
        "from tests.azure.judges import programs\n"
        "def install(folder):\n"
        "    time.sleep(0.5); (folder / 'made').write_text('')\n"
        "    with open(folder.parent / 'count.lock', 'a') as file: file.write('x')\n"
        "programs._once('thing', install)\n"
    )
    root = Path(__file__).parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(2)]
    assert [process.wait(30) for process in both] == [0, 0]
    assert (place / "count.lock").read_text() == "x"
    assert left(place) == ["thing"]
