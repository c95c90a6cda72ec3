"""Ctrl-C while Azure ML makes a deployment: what goes on there is said, and the next run takes it up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.azure.standin import StandIn

REPO = Path(__file__).parents[2]
FILES = {
    "pipeline.yaml": """\
version: 1
project: interrupted
environments:
  iris: {conda: conda.yml}
services:
  iris: {environment: iris, code: code, entry_script: score.py}
targets:
  azure:
    workspace: {resource_group: rg, name: demo}
    registry: {kind: workspace}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, instance_type: Standard_DS3_v2}
""",
    "conda.yml": "dependencies: [python=3.11, pip, {pip: [azureml-inference-server-http]}]\n",
    "code/score.py": "def init(): pass\n",
}


@pytest.mark.judges
def test_what_goes_on_in_azure_is_said_and_the_next_run_takes_it_up(judged_azure: StandIn, tmp_path: Path) -> None:
    azure, root = judged_azure, tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for name in ("pyproject.toml", "dodo.py"):
        (root / name).write_text((REPO / name).read_text(encoding="utf-8"), encoding="utf-8")
    azure.add_workspace("demo", azure.add_registry("standinacr"))
    environ = {**os.environ, **azure.sign_in(tmp_path / "az"), "DOCKER_CONFIG": str(tmp_path / "docker")}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [sys.executable, "-m", "doit"]

    azure.operations.hold("/deployments/")
    with subprocess.Popen(command, cwd=root, env=environ, **pipes) as ran:
        until = time.monotonic() + 60
        while not asked(azure, "PUT", "/onlineEndpoints/iris") and time.monotonic() < until and ran.poll() is None:
            time.sleep(0.05)
        while not asked(azure, "GET", "mfeOperationsStatus", after="/deployments/") and time.monotonic() < until:
            time.sleep(0.05)
        ran.send_signal(signal.SIGINT)
        try:
            said, _ = ran.communicate(timeout=60)
        finally:
            ran.kill()
    assert ran.returncode == 130, said
    (path,) = {one.path for one in azure.recorder if one.method == "PUT" and "/deployments/" in one.path}
    name = path.rpartition("/")[2]
    going = f"goes on in Azure: creating deployment {name} of endpoint iris\n  shown by: `az ml online-deployment show"
    assert going in said
    assert said.splitlines()[-1] == "interrupted: what had finished is kept; `doit` goes on from there"

    azure.operations.let_go()
    again = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(asked(azure, "PUT", "/deployments/")) == 1


def asked(azure: StandIn, method: str, part: str, after: str = "") -> list[str]:
    """Paths of the requests that had this part, `after` one of a PUT to a path with that part."""
    paths, begun = [], not after
    for one in list(azure.recorder):
        begun = begun or (one.method == "PUT" and after in one.path)
        if begun and one.method == method and part in one.path:
            paths.append(one.path)
    return paths
