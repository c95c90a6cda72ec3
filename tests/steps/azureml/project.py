"""A small project on a target of Azure ML's, and its steps run against a stand-in."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bedplate import fingerprint, specfile
from bedplate.azureml.drift import Difference
from bedplate.checks import project as checks
from bedplate.checks.finding import Finding
from bedplate.clients.azure import operations
from bedplate.clients.azure.client import Azure, Patience
from bedplate.clients.connections import Connections
from bedplate.lock import Lock
from bedplate.model import Deployment, Environment, PushedImage, SmokeReport
from bedplate.pins import Pins
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from bedplate.step import Given, Task
from steps import create_environment, deploy, smoke_test
from tests.azure.signed_in import KeptLog, sign_in
from tests.azure.standin import StandIn, Workspace

DIGEST = "sha256:" + "a" * 64
SPEC = """\
version: 1
project: flowers
images:
  base: {context: images/base}
environments:
  iris: {image: base, conda: conda.yml, variables: {GREETING: hello}}
models:
  iris: {path: model, version: "7"}
services:
  iris:
    environment: iris
    model: iris
    code: code
    entry_script: score.py
    smoke_test:
      - {name: echo, request: {json: [1]}, expect: {status: 200, json: [1]}}
targets:
  azure:
    workspace: {resource_group: rg, name: demo}
    registry: {kind: workspace}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, instance_type: Standard_DS3_v2}
"""


class Project:
    def __init__(self, root: Path, azure: StandIn, patch: pytest.MonkeyPatch) -> None:
        self.root = root / "project"
        self.log = KeptLog()
        self.yes = False
        for name, text in {
            "pipeline.yaml": SPEC,
            "images/base/Dockerfile": "FROM scratch\n",
            "conda.yml": "dependencies: [python=3.11, {pip: [numpy==2.0, azureml-inference-server-http==1.4.0]}]\n",
            "code/score.py": "def init(): pass\n",
            "model/a.bin": "weights",
        }.items():
            self.write(name, text)
        azure.add_workspace("demo", azure.add_registry("standinacr"))
        sign_in(azure, patch, root / "az")
        patch.setattr(operations, "PAUSE_S", 0.02)
        self.azure = Azure(specfile.load(self.root / "pipeline.yaml").target.workspace, Patience(5, 20, 6))
        for name, value in azure.environ().items():
            if name == "REQUESTS_CA_BUNDLE":
                patch.setenv(name, value)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def edit(self, old: str, new: str, path: str = "pipeline.yaml") -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def environment(self) -> Environment:
        task = self._task(create_environment)
        outputs = {need: PushedImage("base", "r.io/base", DIGEST, "b" * 64, ()) for need in task.needs}
        return create_environment.run(task.inputs, self._given(task, outputs), self._clients())

    def deploy(self) -> Deployment:
        task = self._task(deploy)
        outputs = {task.needs[0]: self.environment()}
        self.environment_output = outputs[task.needs[0]]
        return deploy.run(task.inputs, self._given(task, outputs), self._clients())

    def parts(self) -> list[dict[str, str]]:
        """What the deployment's files come to in its fingerprint."""
        return [dict(one) for one in self._reads().parts(self._task(deploy))]

    def smoke(self, deployed: Deployment) -> SmokeReport:
        task = self._task(smoke_test)
        return smoke_test.run(task.inputs, self._given(task, {task.needs[0]: deployed}), self._clients())

    def check(self) -> list[Finding]:
        """What `doit check` says of the service's files."""
        spec = specfile.load(self.root / "pipeline.yaml")
        reads = Reads(self.root, StatCache(self.root / ".bedplate/stat"), lambda *_: "")
        return checks.find(spec, list(deploy.tasks(spec)), reads, lambda *_: "")

    def _task(self, step: Any) -> Task:
        (task,) = step.tasks(specfile.load(self.root / "pipeline.yaml"))
        found: Task = task
        return found

    def _given(self, task: Task, outputs: dict[str, Any]) -> Given:
        reads = self._reads()
        identities = {name: outputs[name].identity for name in task.needs}
        made_of = fingerprint.digest(fingerprint.of(task, reads.parts(task), identities))
        return Given(task.name, made_of, reads.file_sets(task), outputs, task.aside)

    def _clients(self) -> Any:
        loaded = specfile.load(self.root / "pipeline.yaml")
        locked = Connections(self.root, loaded, self.log, self._reads(), False, {}).locked
        return SimpleNamespace(root=self.root, log=self.log, spec=loaded, locked=locked, azure=self.azure, yes=self.yes)

    def _reads(self) -> Reads:
        return Reads(self.root, StatCache(self.root / ".bedplate/stat"), Pins(self.root).digest)

    def lock(self, reference: str) -> str:
        """As `doit lock` does; the digest."""
        taken = datetime(2026, 11, 23, tzinfo=timezone.utc)
        Lock().with_entry(reference, "linux/amd64", DIGEST, taken).write(self.root / "pipeline.lock")
        return DIGEST

    def drift_of_environment(self) -> list[Difference]:
        made = self._task(create_environment)
        outputs: dict[str, Any] = {need: PushedImage("base", "r.io/base", DIGEST, "b" * 64, ()) for need in made.needs}
        return create_environment.drift(made.inputs, self._given(made, outputs), self._clients()) or []

    def drift(self) -> list[str]:
        """What `doit plan --remote` would say of environment and service."""
        found = self.drift_of_environment()
        task = self._task(deploy)
        environment = self.environment_output
        found += deploy.drift(task.inputs, self._given(task, {task.needs[0]: environment}), self._clients())
        return [str(one) for one in found]


def held(azure: StandIn) -> Workspace:
    return next(iter(azure.azure.workspaces.values()))


def of_kind(azure: StandIn, kind: str) -> dict[str, Any]:
    found = held(azure).documents
    return {path: found[path] for path in found if path.startswith(kind) and path.count("/") == 3}


def traffic(azure: StandIn) -> dict[str, int]:
    found: dict[str, int] = held(azure).documents["onlineEndpoints/iris"]["properties"]["traffic"]
    return found


def sent(azure: StandIn, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in azure.recorder)
