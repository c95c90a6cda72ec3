"""A target of kind azureml_v1 as a user runs it: a real engine, a real registry, and files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azureml.project import EXAMPLES
from tests.registries import real_registry

pytestmark = pytest.mark.engine

DOIT = Path(sys.executable).with_name("doit")
PIPELINE = """\
version: 1
project: {project}
images:
  myimage: {{context: images/base, tags: [v1], requires: {{presets: []}}}}
environments:
  myenv: {{image: myimage, conda: service/conda.yml}}
models:
  mymodel: {{path: model.txt, version: "1"}}
services:
  myservice: {{environment: myenv, model: mymodel, code: service, entry_script: score.py}}
targets:
  azure_v1:
    registry: {{kind: generic, address: {address}}}
    environment: {{kind: azureml_v1}}
    deploy: {{kind: azureml_v1, compute_type: local, port: 8890}}
"""


class Run:
    def __init__(self, root: Path, project: str) -> None:
        self.root = root
        self.project = project
        self.output = ""

    def __call__(self, *args: str) -> list[str]:
        """Names of the tasks that ran."""
        ran = subprocess.run([DOIT, *args], cwd=self.root, capture_output=True, text=True, timeout=300)
        self.output = ran.stdout + ran.stderr
        assert ran.returncode == 0, self.output
        return [line.split()[1] for line in ran.stdout.splitlines() if line.startswith(".  ")]


@pytest.fixture
def doit(tmp_path: Path) -> Iterator[Run]:
    root, project = tmp_path / "work", f"v1{uuid.uuid4().hex[:8]}"
    shutil.copytree(EXAMPLES / "v1_private_registry", root)
    (root / "images/base/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n", encoding="utf-8")
    (root / "model.txt").write_text("1", encoding="utf-8")
    with real_registry(tmp_path) as address:
        (root / "pipeline.yaml").write_text(PIPELINE.format(project=project, address=address), encoding="utf-8")
        yield Run(root, project)
        label = f"label=dev.bedplate.project={project}"
        found = subprocess.run(["docker", "images", "-q", "--filter", label], capture_output=True, text=True)
        for image in set(found.stdout.split()):
            subprocess.run(["docker", "rmi", "-f", image], capture_output=True)


def test_files_are_written_once_and_again_when_they_are_gone(doit: Run) -> None:
    assert doit()[-3:] == ["create_environment:myenv", "deploy:myservice", "smoke_test:myservice"]
    assert "nothing is deployed yet: `sh build/azure_v1/services/myservice/deploy.sh` does it" in doit.output
    assert "nothing to do: this target serves nothing, it writes files" in doit.output
    folder = doit.root / "build/azure_v1/services/myservice"
    docker = json.loads((folder / "inferenceconfig.json").read_bytes())["environment"]["docker"]
    assert f"/{doit.project}/myimage@sha256:" in docker["baseImage"]
    assert "az ml model register -n mymodel -p ../../../../model.txt" in (folder / "deploy.sh").read_text()
    assert doit() == []

    shutil.rmtree(folder)
    assert doit() == ["deploy:myservice"]
    shutil.rmtree(doit.root / "build")
    assert doit() == ["create_environment:myenv", "deploy:myservice"]

    (doit.root / "service/score.py").write_text("def init(): pass\ndef run(raw): return 1\n", encoding="utf-8")
    assert doit()[0] == "deploy:myservice"
    assert "return 1" in (folder / "source/score.py").read_text(encoding="utf-8")

    doit("clean")
    assert "removed build/azure_v1/services/myservice" in doit.output
    assert not folder.exists()
