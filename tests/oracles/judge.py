"""Microsoft's own SDKs, each in a virtual environment of its own, saying whether they take a file."""

from __future__ import annotations

import functools
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.azure.judges import programs

SCRIPTS = Path(__file__).resolve().parents[3] / "shared/azure-oracles"
EXAMPLES = SCRIPTS / "examples"
V1 = ("azureml-core==1.61.0", "setuptools<81")  # it asks for pkg_resources, which newer ones lack
V2 = (programs.ML,)


@dataclass(frozen=True)
class Verdict:
    accepted: bool
    said: str


def python(*packages: str) -> Path:
    """The interpreter of a judge; the test is skipped where it cannot be had."""
    try:
        return programs.venv_python(*packages)
    except programs.CannotInstall as why:
        pytest.skip(f"{packages[0]} cannot be installed: {why}")


def v1(noun: str, file: Path) -> Verdict:
    """`noun`: environment (a file or folder), inferenceconfig or deploymentconfig."""
    return _ask(V1, f"v1_{noun}", str(file))


def v2(noun: str, file: Path) -> Verdict:
    """`noun`: environment, endpoint, deployment or model."""
    return _ask(V2, "v2_load", noun, str(file))


# calls the scripts' own functions: a judge takes a second to start and a few milliseconds for a file
_COURT = """
import contextlib, importlib, io, json, os, sys
sys.path.insert(0, sys.argv[1])
home, out = os.getcwd(), sys.stdout
for line in sys.stdin:
    script, *arguments = json.loads(line)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = importlib.import_module(script).main(*arguments)
        except Exception as error:
            code = 1
            print("REJECTED", type(error).__name__, error)
    os.chdir(home)
    print(json.dumps([code, said.getvalue()]), file=out, flush=True)
"""


@functools.cache
def _court(packages: tuple[str, ...]) -> subprocess.Popen[str]:
    """One process for all files of a test run; it ends when its input does."""
    command = [python(*packages), "-W", "ignore", "-c", _COURT, SCRIPTS]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _ask(packages: tuple[str, ...], script: str, *arguments: str) -> Verdict:
    if not SCRIPTS.is_dir():
        pytest.skip(f"no judges here: {SCRIPTS.parent.name}/{SCRIPTS.name} is not beside the repository")
    court = _court(packages)
    assert court.stdin and court.stdout
    court.stdin.write(json.dumps([script, *arguments]) + "\n")
    court.stdin.flush()
    answer = court.stdout.readline()
    assert answer, f"{script} ended with {court.wait()}"
    code, said = json.loads(answer)
    return Verdict(code == 0, said)
