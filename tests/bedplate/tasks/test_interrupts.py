"""Ctrl-C: its last word, and Ctrl-C while Python shuts down, between that and the end of the process."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scratch import DOIT, Scratch

from bedplate.tasks import interrupts

# Python runs this after all that doit does
LATE = """
import atexit, os, signal, time
atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(5)))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    made = Scratch(tmp_path_factory.mktemp("interrupts"), "base: {context: images/base}", "127.0.0.1:1")
    made.write({"images/base/Dockerfile": "FROM scratch\n"})
    own = "\n\ndef task_own():\n    return {'actions': [lambda: None]}\n"
    made.write({"dodo.py": (made.root / "dodo.py").read_text(encoding="utf-8") + LATE + own})
    return made


@pytest.mark.parametrize("words", [["own"], ["plan"]])
def test_ctrl_c_after_the_end_prints_no_traceback(project: Scratch, words: list[str]) -> None:
    ran = subprocess.run([DOIT, *words], cwd=project.root, capture_output=True, text=True, timeout=60)
    assert ran.returncode == -signal.SIGINT
    assert ran.stderr == ""


def test_ctrl_c_while_a_command_asks_is_told_in_a_word(project: Scratch, tmp_path: Path) -> None:
    asked = Scratch(tmp_path, "base: {context: images/base}", "127.0.0.1:1")
    asked.write({"images/base/Dockerfile": "FROM 127.0.0.1:1/up:v1\n"})
    now = "\nimport bedplate.pins, os, signal\n"
    now += "bedplate.pins.Pins.missing = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
    asked.write({"dodo.py": (asked.root / "dodo.py").read_text(encoding="utf-8") + now})
    ran = subprocess.run([DOIT, "plan"], cwd=asked.root, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (130, "\ninterrupted\n")


# two tasks, so that each has a thread; the last one to begin interrupts the run while the other one still works
THREADS = """
import atexit, os, signal, sys, threading, time, types

class Part:
    def __del__(self):
        os.write(2, b"Python shut down")

both = threading.Barrier(2)
sys.modules["a_part"] = types.ModuleType("a_part")
sys.modules["a_part"].part = Part()
atexit.register(lambda: os.write(2, b"tidied up"))

def act():
    if both.wait(20) == 0:
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)

def task_own():
    for name in "ab":
        yield {"name": name, "actions": [act]}
"""


def test_nothing_is_taken_apart_below_threads_that_still_work(tmp_path: Path) -> None:
    made = Scratch(tmp_path, "base: {context: images/base}", "127.0.0.1:1")
    made.write({"images/base/Dockerfile": "FROM scratch\n"})
    made.write({"dodo.py": (made.root / "dodo.py").read_text(encoding="utf-8") + THREADS})
    ran = subprocess.run([DOIT, "own"], cwd=made.root, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 130
    assert "interrupted: what had finished is kept" in ran.stderr
    assert ran.stderr.endswith("tidied up")


@pytest.mark.parametrize(
    ("session", "words", "command"),
    [
        (None, [], "doit"),
        (SimpleNamespace(command="doit -t azure", interrupted=lambda: iter(())), [], "doit -t azure"),
        (
            SimpleNamespace(command="doit -t azure", interrupted=lambda: iter(())),
            ["target=azure", "push:base"],
            "doit -t azure push:base",
        ),
    ],
)
def test_the_next_command_is_of_the_same_target_and_tasks(
    session: Any, words: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupts.told(session, words)
    said = f"\ninterrupted: what had finished is kept; `{command}` goes on from there\n"
    assert capsys.readouterr().err == said
