"""kill -9 at any moment, run again: what had finished is not redone, and nothing is left half-done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import pytest
import requests

from tests.conftest import DOIT, Pipeline

pytestmark = pytest.mark.engine

KEPT = {".gitignore", "local.jsonl", "local.lock", "cache", "logs"}


def killed_after(pipeline: Pipeline, seconds: float) -> set[str]:
    """Starts doit, kills it, and gives the names of the tasks that had finished in that run."""
    state = pipeline.root / ".bedplate/local.jsonl"
    before = state.stat().st_size if state.exists() else 0
    process = subprocess.Popen(
        [DOIT], cwd=pipeline.root, env=pipeline.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    time.sleep(seconds)
    # the whole group, as when a machine's memory runs out or a terminal is closed
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    lines = state.read_bytes()[before:].split(b"\n")[:-1] if state.exists() else []
    return {line.split(b'"')[1].decode() for line in lines}


def goes_on(pipeline: Pipeline, finished: set[str]) -> None:
    again = pipeline.run()
    assert not finished & set(again), f"done again: {finished & set(again)}\n{pipeline.output}"
    assert pipeline.run() == []
    assert len(pipeline.containers()) <= 1
    # doit's own draft files are renamed into place or not there
    assert {p.name for p in (pipeline.root / ".bedplate").iterdir()} <= KEPT


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_of_images_goes_on_where_it_was(images: Pipeline, seed: int) -> None:
    chance = random.Random(seed)
    for round_ in range(3):
        images.edit("pipeline.yaml", f'ROUND: "{round_}"', f'ROUND: "{round_ + 1}"')
        goes_on(images, killed_after(images, chance.uniform(0.2, 2.5)))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_a_killed_run_of_the_demo_goes_on_where_it_was(pipeline: Pipeline, seed: int) -> None:
    chance = random.Random(seed)
    pipeline.edit("images/base/requirements.txt", append=f"# seed {seed}\n")
    pipeline.edit("services/iris/score.py", append=f"\n# seed {seed}\n")
    for _ in range(2):
        goes_on(pipeline, killed_after(pipeline, chance.uniform(0.5, 45)))
        pipeline.edit("services/iris/score.py", append="\n# again\n")
    goes_on(pipeline, set())
    assert requests.get(f"{pipeline.url}/", timeout=5).text == "Healthy"
