"""A reference in a target of Azure's, by doit: its bytes stay in the cloud, also where this machine's engine builds."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import put_image, real_registry

from tests.azure.standin import StandIn, docker_registry
from tests.conftest import DOIT, REPO

pytestmark = [
    pytest.mark.engine,  # it is asked whether it has the image
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
SPEC = """\
version: 1
project: {project}
images:
  taken: {{reference: "registry.example.org/team/hello:1", platform: linux/amd64, tags: [v1]}}
targets:
  cloud: {{registry: {{kind: acr, name: standinacr}}}}
"""
LOCK = """\
version: 1
images:
  "registry.example.org/team/hello:1":
    linux/amd64: {{digest: "{digest}", taken: "2024-01-02T03:04:05Z"}}
"""


class Project:
    def __init__(self, root: Path, azure: StandIn, elsewhere: str) -> None:
        self.root, self.azure = root, azure
        self.name = f"t{azure.url.rpartition(':')[2]}"
        digest = put_image(elsewhere, "team/hello", "1", {"made": "elsewhere"})
        (root / "pipeline.yaml").write_text(SPEC.format(project=self.name), encoding="utf-8")
        (root / "pipeline.lock").write_text(LOCK.format(digest=digest), encoding="utf-8")
        for name in ("pyproject.toml", "dodo.py"):
            shutil.copy(REPO / name, root)
        self.environ = {**os.environ, **azure.sign_in(root.parent / "az"), "DOCKER_CONFIG": str(root / "docker")}

    def doit(self) -> list[str]:
        """Names of the tasks that ran."""
        ran = subprocess.run([DOIT], cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return [line.split()[1] for line in ran.stdout.splitlines() if line.startswith(".  ")]

    @property
    def imports(self) -> int:
        return len(self.azure.recorder.matching("POST", "importImage"))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    for name in ("elsewhere", "work"):
        (tmp_path / name).mkdir()
    with StandIn() as azure, real_registry(tmp_path / "elsewhere") as elsewhere:
        azure.add_registry("standinacr", program=True)
        azure.azure.hosts["registry.example.org"] = elsewhere
        yield Project(tmp_path / "work", azure, elsewhere)


def test_it_is_imported_once_and_never_pulled(project: Project) -> None:
    assert sorted(project.doit()) == ["build_base:taken", "push:taken", "resolve_registry"]
    assert project.doit() == []
    shutil.rmtree(project.root / ".bedplate")
    project.doit()  # a fresh checkout
    assert project.imports == 1
    blobs = [e for e in project.azure.recorder if "/blobs/" in e.path and "docker" in e.headers.get("user-agent", "")]
    assert blobs == [], "no engine has fetched or sent a byte"


def test_a_copy_that_is_gone_is_imported_again(project: Project) -> None:
    project.doit()
    registry = project.azure.azure.registry("standinacr")
    folder = next(project.azure.folder.rglob(f"repositories/{project.name}/taken/_manifests"))
    shutil.rmtree(folder)
    assert registry.runs == {}
    project.doit()
    assert project.imports == 2
