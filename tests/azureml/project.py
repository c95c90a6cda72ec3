"""A project whose target is azureml_v1, and what its steps write, without engine or registry."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bedplate import fingerprint, specfile
from bedplate.checks import project as checks
from bedplate.checks.finding import Finding
from bedplate.clients.connections import Connections
from bedplate.lock import Lock
from bedplate.machine import this_platform
from bedplate.model import Deployment, Environment, PushedImage, Registry
from bedplate.pins import Pins
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from bedplate.step import Given, Task
from steps import create_environment, deploy

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGEST = "sha256:" + "a" * 64


class Log:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Project:
    """A copy of an example."""

    def __init__(self, root: Path, example: str) -> None:
        self.root = root
        self.log = Log()
        shutil.copytree(EXAMPLES / example, root, ignore=shutil.ignore_patterns("build", ".bedplate"))
        self.lock("mcr.microsoft.com/azureml/o16n-sample-user-base/ubuntu-miniconda:latest")

    def edit(self, path: str, *replace: str) -> None:
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        for old, new in zip(replace[::2], replace[1::2], strict=True):
            assert old in text, f"{path} has no {old!r}"
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")

    def tasks(self) -> dict[str, Task]:
        read = specfile.load(self.root / "pipeline.yaml")
        return {task.name: task for step in (create_environment, deploy) for task in step.tasks(read)}

    def check(self) -> list[Finding]:
        """What `doit check` says of the service's files."""
        read = specfile.load(self.root / "pipeline.yaml")
        reads = Reads(self.root, StatCache(self.root / ".bedplate/stat"), lambda *_: "")
        return checks.find(read, list(deploy.tasks(read)), reads, lambda *_: "")

    def environment(self) -> Environment:
        read, task = specfile.load(self.root / "pipeline.yaml"), self._task("create_environment")
        # as resolve_registry has it: a workspace's own is one of Azure's registries
        kind = "generic" if type(read.target.registry).__name__ == "GenericRegistry" else "acr"
        address = getattr(read.target.registry, "address", "ws0123.azurecr.io")
        outputs: dict[str, Any] = {}
        for need in task.needs:
            image = need.partition(":")[2]
            pushed = PushedImage(image, f"{address}/{read.project}/{image}", DIGEST, "b" * 64, ("v1",))
            outputs[need] = pushed if image else Registry(kind, address, False)
        return create_environment.run(task.inputs, self._given(task, outputs), self._clients())

    def deploy(self) -> Deployment:
        """Runs create_environment first."""
        task = self._task("deploy")
        outputs = {task.needs[0]: self.environment()}
        return deploy.run(task.inputs, self._given(task, outputs), self._clients())

    def files(self, folder: str = "build") -> dict[str, str]:
        below = self.root / folder
        return {str(f.relative_to(below)): f.read_text(encoding="utf-8") for f in below.rglob("*") if f.is_file()}

    def _task(self, step: str) -> Task:
        (task,) = [task for task in self.tasks().values() if task.step == step]
        return task

    def _given(self, task: Task, outputs: dict[str, Any]) -> Given:
        reads = self._reads()
        identities = {name: outputs[name].identity for name in task.needs}
        made_of = fingerprint.digest(fingerprint.of(task, reads.parts(task), identities))
        return Given(task.name, made_of, reads.file_sets(task), outputs, task.aside)

    def _clients(self) -> Any:
        loaded, log = specfile.load(self.root / "pipeline.yaml"), cast("Any", self.log)
        locked = Connections(self.root, loaded, log, self._reads(), False, {}).locked
        return SimpleNamespace(root=self.root, log=self.log, spec=loaded, locked=locked)

    def _reads(self) -> Reads:
        return Reads(self.root, StatCache(self.root / ".bedplate/stat"), Pins(self.root).digest)

    def lock(self, reference: str) -> None:
        """As `doit lock` does, on this machine's platform and on Azure's."""
        taken, lock = datetime(2026, 11, 23, tzinfo=timezone.utc), Lock()
        for platform in (this_platform(), "linux/amd64"):
            lock = lock.with_entry(reference, platform, DIGEST, taken)
        lock.write(self.root / "pipeline.lock")
