"""An account that may only pull is enough where all has been pushed by another: `doit check` knows, and `doit` does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import PASSWORD, USER, issuer, real_registry

pytestmark = pytest.mark.engine

REPO = Path(__file__).parents[3]
DOIT = Path(sys.executable).with_name("doit")
TEXT = """\
version: 1
project: {project}
images:
  base: {{context: docker, tags: [v1, latest]}}
targets:
  team: {{registry: {{kind: generic, address: {address}/team{account}}}}}
"""
ACCOUNT = f", username: {USER}, password: {{env: TEAM_PASSWORD}}"


class Checkout:
    def __init__(self, root: Path, project: str, address: str, account: str = "") -> None:
        self.root = root
        (root / "docker").mkdir(parents=True)
        (root / "docker/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n", encoding="utf-8")
        (root / "pipeline.yaml").write_text(
            TEXT.format(project=project, address=address, account=account), encoding="utf-8"
        )
        for name in ("dodo.py", "pyproject.toml"):
            shutil.copy(REPO / "examples/v1_public_image" / name, root)

    def doit(self, *args: str, code: int = 0) -> str:
        environ = {**os.environ, "DOCKER_CONFIG": str(self.root), "TEAM_PASSWORD": PASSWORD, "COLUMNS": "200"}
        ran = subprocess.run([DOIT, *args], cwd=self.root, env=environ, capture_output=True, text=True, timeout=300)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr


@pytest.fixture
def pushed(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Project and address of a registry that holds all of it."""
    project = f"pulls{uuid.uuid4().hex[:8]}"
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        Checkout(tmp_path / "pusher", project, address, ACCOUNT).doit()
        yield project, address
        label = f"label=dev.bedplate.project={project}"
        found = subprocess.run(["docker", "images", "-q", "--filter", label], capture_output=True, text=True)
        for image in set(found.stdout.split()):
            subprocess.run(["docker", "rmi", "-f", image], capture_output=True)


def test_where_all_is_there_a_missing_push_right_is_a_warning_and_the_run_works(
    pushed: tuple[str, str], tmp_path: Path
) -> None:
    puller = Checkout(tmp_path / "puller", *pushed)
    said = puller.doit("check")
    assert "\nwarnings:\npipeline.yaml:6:45: nobody is signed in, and a stranger may not push to " in said
    assert "its token grants pull alone; a run needs no such right now, all is there [PushRefused]" in said
    puller.doit()
    assert "1 warning" in puller.doit("check"), "now that it is recorded, too"

    (puller.root / "docker/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /more\n", encoding="utf-8")
    said = puller.doit("check", code=1)
    assert "\nerrors:\npipeline.yaml:6:45: nobody is signed in" in said and "all is there" not in said


def test_a_tag_that_would_move_needs_the_right(pushed: tuple[str, str], tmp_path: Path) -> None:
    puller = Checkout(tmp_path / "puller", *pushed)
    spec = puller.root / "pipeline.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("[v1, latest]", "[v1, v2]"), encoding="utf-8")
    assert "\nerrors:\npipeline.yaml:6:45: nobody is signed in" in puller.doit("check", code=1)
