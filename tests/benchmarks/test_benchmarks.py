"""Each benchmark is tried at its smallest size: that it runs, not how fast."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.measures


def run(tmp_path: Path, *names: str) -> dict[str, dict[str, object]]:
    file = tmp_path / "figures.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--tiny", "--json", str(file), *names],
        cwd=REPO,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {figure["name"]: figure for figure in json.loads(file.read_text(encoding="utf-8"))["figures"]}


@pytest.mark.engine  # of it, only the registry program is used
@pytest.mark.parametrize("name", ["noop", "one_edited", "reuse", "bake"])
def test_a_benchmark_of_whole_runs_works_at_its_smallest_size(name: str, tmp_path: Path) -> None:
    _have_figures(run(tmp_path, name))


@pytest.mark.engine
def test_the_rebuild_benchmark_works_at_its_smallest_size(tmp_path: Path) -> None:
    _have_figures(run(tmp_path, "rebuild"))


@pytest.mark.parametrize("name", ["spec", "context"])
def test_a_benchmark_of_one_part_works_at_its_smallest_size(name: str, tmp_path: Path) -> None:
    _have_figures(run(tmp_path, name))


def test_an_unknown_benchmark_is_refused_with_those_there_are() -> None:
    ended = subprocess.run([sys.executable, "-m", "benchmarks", "nop"], cwd=REPO, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "noop" in ended.stderr


def _have_figures(figures: dict[str, dict[str, object]]) -> None:
    assert figures
    for name, figure in figures.items():
        if "why" in figure:  # this machine lacks what it needs
            continue
        ours, theirs = figure["ours"], figure["theirs"]
        assert isinstance(ours, float) and math.isfinite(ours), name
        assert theirs is None or (isinstance(theirs, float) and theirs > 0), name
