"""A project on a stand-in whose runs are ended in the middle: at a request, or while Azure works on something."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests

from tests.azure.standin import StandIn
from tests.azure.standin.state import Document
from tests.conftest import DOIT, REPO
from tests.registries import put_image

SPEC = """\
version: 1
project: {project}
images:
  base: {{context: base}}
  other: {{context: other}}
  taken: {{reference: "registry.example.org/team/hello:1", platform: linux/amd64}}
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
    deploy: {{kind: online_endpoint, instance_type: Standard_DS3_v2, endpoint: first}}
    protect: true
  pushing:
    registry: {{kind: acr, name: standinacr}}
"""
LOCK = """\
version: 1
images:
  "registry.example.org/team/hello:1":
    linux/amd64: {{digest: "{digest}", taken: "2024-01-02T03:04:05Z"}}
"""
CODE = "def init(): pass\ndef run(data): return {}\n"
LIMIT_S = 120  # for anything that is waited for


class CutOff:
    """`elsewhere`: address of the registry that `taken` comes from; `url`: what answers as each deployment."""

    def __init__(self, folder: Path, azure: StandIn, elsewhere: str, url: str) -> None:
        self.root, self.azure = folder / "work", azure
        self.registry = azure.add_registry("standinacr", program=True)
        self.workspace = azure.add_workspace("demo", self.registry)
        azure.azure.hosts["registry.example.org"] = elsewhere
        azure.azure.serve = lambda *_: url
        self.elsewhere, self.round, self.endpoint = elsewhere, 0, "first"
        self.project = f"t{azure.url.rpartition(':')[2]}"
        self.write("pipeline.yaml", SPEC.format(project=self.project))
        self.write("conda.yml", "dependencies: [python=3.11, pip, {pip: [azureml-inference-server-http==1.4.0]}]\n")
        for name in ("base", "other"):
            self.write(f"{name}/Dockerfile", "FROM scratch\nCOPY round /round\n")
        for name in ("pyproject.toml", "dodo.py"):
            shutil.copy(REPO / name, self.root)
        self.edit_all()
        self._az = folder / "az"
        more = {"DOCKER_CONFIG": str(folder / "docker"), "COLUMNS": "200"}
        self.environ = {**os.environ, **azure.sign_in(self._az), **more}

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def edit_all(self) -> None:
        """Whatever a run can do, the next one has to do."""
        self.round += 1
        for path in ("base/round", "other/round", "model/weights"):
            self.write(path, f"{path} {self.project} {self.round}")  # one engine builds all, and shares what is equal
        self.write("code/score.py", CODE.format(self.round))
        digest = put_image(self.elsewhere, "team/hello", "1", {"round": str(self.round)})
        self.write("pipeline.lock", LOCK.format(digest=digest))

    def edit_code(self) -> None:
        self.round += 1
        self.write("code/score.py", CODE.format(self.round))

    def new_endpoint(self) -> None:
        self.endpoint, before = f"endpoint-{self.round}", self.endpoint
        text = (self.root / "pipeline.yaml").read_text(encoding="utf-8")
        self.write("pipeline.yaml", text.replace(f"endpoint: {before}", f"endpoint: {self.endpoint}"))

    def sign_out(self) -> None:
        """As far as tokens go that are kept: the next run has to ask for one."""
        for file in self._az.glob("msal_token_cache*"):
            file.unlink()

    def doit(self, *args: str, code: int = 0) -> str:
        """All that it said."""
        ran = subprocess.run(
            [DOIT, *args], cwd=self.root, env=self._environ(args), capture_output=True, text=True, timeout=LIMIT_S
        )
        said = ran.stdout + ran.stderr
        assert ran.returncode == code, said
        return said

    def cut(self, sign: int, reached: threading.Event, *args: str, then: Callable[[], None] = lambda: None) -> str:
        """A run that gets this signal, as the whole foreground group of a terminal does, once `reached` is set.

        `then` is called a moment later. All that it said."""
        with subprocess.Popen(
            [DOIT, *args],
            cwd=self.root,
            env=self._environ(args),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        ) as run:
            try:
                came = reached.wait(LIMIT_S)
                os.killpg(run.pid, sign)
                time.sleep(0.3)
                then()
                said, _ = run.communicate(timeout=LIMIT_S)
            finally:
                run.kill()
        assert came, said
        assert run.returncode == (130 if sign == signal.SIGINT else -sign), f"{run.returncode}: {said}"
        return said

    def _environ(self, args: Sequence[str]) -> dict[str, str]:
        """No engine answers but where images go from one."""
        return self.environ if "pushing" in args else {**self.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}

    def sent(self, method: str, part: str) -> int:
        return len(self.azure.recorder.matching(method, part))

    @property
    def traffic(self) -> dict[str, int]:
        path = f"onlineEndpoints/{self.endpoint}"
        found: dict[str, int] = self.workspace.documents[path]["properties"]["traffic"]
        return {name: share for name, share in found.items() if share}

    def below(self, kind: str) -> dict[str, Document]:
        return {path: one for path, one in list(self.workspace.documents.items()) if path.startswith(kind)}

    @property
    def deployments(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self.below(f"onlineEndpoints/{self.endpoint}/deployments/")]

    @property
    def runs(self) -> list[str]:
        """How the runs of ACR Tasks stand."""
        return [str(run["status"]) for run in list(self.registry.runs.values())]

    def answer(self) -> int:
        """Status of what the endpoint says to its users; 0: it has no traffic."""
        if not self.below(f"onlineEndpoints/{self.endpoint}") or not self.traffic:
            return 0
        key = self.workspace.keys[self.endpoint][0]
        url = f"{self.azure.url}/endpoints/{self.endpoint}/score"
        asked = requests.post(url, json=[1], headers={"Authorization": f"Bearer {key}"}, verify=self.azure.ca)
        return asked.status_code


def once(true: Callable[[], bool]) -> threading.Event:
    """Is set when this has become true."""
    became = threading.Event()

    def look() -> None:
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            if true():
                became.set()
                return
            time.sleep(0.02)

    threading.Thread(target=look, daemon=True).start()
    return became
