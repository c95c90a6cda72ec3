"""A project on a stand-in that has bad days: its runs, and a look for secrets in all that they leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

from tests.azure.standin import StandIn
from tests.azure.standin.building import BuildFailed, with_the_engine
from tests.azure.standin.state import Document
from tests.azure.standin.tasks import Build
from tests.conftest import REPO

SPEC = """\
version: 1
project: {project}
images:
  base: {{context: base}}
environments:
  iris: {{image: base, conda: conda.yml}}
models:
  iris: {{path: model, version: "1"}}
services:
  iris:
    environment: iris
    model: iris
    code: code
    entry_script: score.py
    smoke_test:
      - {{name: echo, request: {{json: [1]}}, expect: {{status: 200, json: [1]}}}}
targets:
  azure:
    workspace: {{resource_group: rg, name: demo}}
    registry: {{kind: workspace}}
    builder: {{kind: acr_tasks}}
    environment: {{kind: azureml}}
    deploy: {{kind: online_endpoint, instance_type: Standard_DS3_v2}}
"""
CODE = "def init(): pass\ndef run(data): return data\n"
ENDPOINT = "onlineEndpoints/iris"
LIMIT_S = 180
SHORTEST = 8  # characters of a secret that is looked for


class BadDay:
    """`url`: what answers as each deployment."""

    def __init__(self, folder: Path, azure: StandIn, url: str) -> None:
        self.root, self.azure = folder / "work", azure
        self.registry = azure.add_registry("standinacr", program=True)
        self.workspace = azure.add_workspace("demo", self.registry)
        azure.azure.serve, azure.azure.builds = lambda *_: url, _built
        self.round = 0
        self.project = f"t{azure.url.rpartition(':')[2]}"
        self.spec = SPEC.format(project=self.project)
        self.write("pipeline.yaml", self.spec)
        self.write("conda.yml", "dependencies: [python=3.11, pip, {pip: [azureml-inference-server-http==1.4.0]}]\n")
        self.write("base/Dockerfile", "FROM scratch\nCOPY round /round\n")
        for name in ("pyproject.toml", "dodo.py"):
            shutil.copy(REPO / name, self.root)
        more = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "DOCKER_CONFIG": str(folder / "docker"), "COLUMNS": "200"}
        self._az = folder / "az"
        self.environ = {**os.environ, **azure.sign_in(self._az), **more}
        self.environ["PYTHONPATH"] = os.pathsep.join((str(REPO), self.environ["PYTHONPATH"]))
        self.edit("base", "model", "code")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def sign_in(self, how: str) -> None:
        self.azure.sign_in(self._az, how)

    def edit(self, *what: str) -> None:
        """The next run has to build, to send a model, to deploy."""
        self.round += 1
        files = {"base": "base/round", "model": "model/weights", "code": "code/score.py"}
        for one in what:
            self.write(files[one], f"# {self.project} {self.round}\n{CODE if one == 'code' else ''}")

    def doit(self, *args: str, code: int = 0, **environ: str) -> str:
        """All that it said."""
        ran = subprocess.run(
            [sys.executable, "-m", "tests.azure.impatient", *args],
            cwd=self.root,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
        assert ran.returncode == code, ran.stdout
        return ran.stdout

    @property
    def traffic(self) -> dict[str, int]:
        found: dict[str, int] = self.workspace.documents[ENDPOINT]["properties"]["traffic"]
        return {name: share for name, share in found.items() if share}

    @property
    def deployments(self) -> list[str]:
        paths = list(self.workspace.documents)
        return [path.rpartition("/")[2] for path in paths if path.startswith(f"{ENDPOINT}/deployments/")]

    def secrets(self) -> set[str]:
        """All that went over the wire and would let its bearer in."""
        found = {self.azure.tokens.secret, *self.registry.passwords}
        for keys in self.workspace.keys.values():
            found.update(keys)
        named = re.compile(rb'(?:sig=|"(?:access_token|refresh_token|sasToken|primaryKey)": ?")([^&"\s]+)')
        for one in self.azure.recorder:
            found.update(text.decode() for text in named.findall(one.answer_body + one.target.encode()))
        return {form for secret in found for form in (secret, unquote(secret)) if len(secret) >= SHORTEST}

    def shown(self, said: str) -> list[str]:
        """Where one of them stands: in what was said, or in a file of the project."""
        texts = {"output": said}
        for path in self.root.rglob("*"):
            if path.is_file():
                texts[str(path.relative_to(self.root))] = path.read_text(encoding="utf-8", errors="replace")
        secrets = self.secrets()
        assert len(secrets) > 4
        return [where for where, text in texts.items() if any(secret in text for secret in secrets)]


def _built(build: Build) -> list[Document]:
    """An engine that others use loses layers at times between two steps: not a bad day of Azure's."""
    for _ in range(4):
        try:
            return with_the_engine(build)
        except BuildFailed:
            build.log("once more")
    return with_the_engine(build)
