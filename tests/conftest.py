"""Fixtures that several folders of tests use: a project of its own, run by doit as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate import hidden

REPO = Path(__file__).parent.parent
DOIT = Path(sys.executable).with_name("doit")

for name in ("CI", "BEDPLATE_TARGET", "GITHUB_ACTIONS", "TF_BUILD"):
    os.environ.pop(name, None)  # what the machine that runs the tests sets must not decide how they end

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts so what runs in its background, and what the tests interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


IMAGES = """\
version: 1
project: {project}
images:
  one: {{context: images/one, args: {{ROUND: "0"}}}}
  two: {{context: images/two, from: {{BASE: one}}, tags: [v1, v2]}}
  three: {{context: images/three, from: {{BASE: two}}}}
targets:
  local: {{registry: {{kind: local, port: {port}}}}}
"""


@pytest.fixture(autouse=True)
def _nothing_hidden() -> Iterator[None]:
    """What one test calls a secret is none in the next."""
    yield
    hidden.forget()


class Pipeline:
    """A copy of the demo with a project name, ports, registry data and state of its own."""

    def __init__(self, root: Path, home: Path, project: str | None = None, registry_port: int | None = None) -> None:
        self.root = root
        self.home = home
        self.project = project or f"t{uuid.uuid4().hex[:8]}"
        self.registry_port = registry_port or free_port()
        self.port = free_port()
        self.output = ""
        self.engine = ""  # address of another engine than the machine's own
        for name in ("images", "services"):
            shutil.copytree(REPO / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(REPO / "dodo.py", root)
        lines = (REPO / "pyproject.toml").read_text(encoding="utf-8")
        doit_lines = lines[lines.index("[tool.doit]") :].split("\n[tool.", 2)[0]
        (root / "pyproject.toml").write_text(doit_lines, encoding="utf-8")
        text = (REPO / "pipeline.yaml").read_text(encoding="utf-8")
        text = text.replace("project: iris", f"project: {self.project}", 1)
        text = text.replace("{kind: local}", f"{{kind: local, port: {self.registry_port}}}", 1)
        text = text.replace("port: 8890", f"port: {self.port}", 1)
        (root / "pipeline.yaml").write_text(text, encoding="utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        other = {"DOCKER_HOST": self.engine} if self.engine else {}
        return {**os.environ, "XDG_DATA_HOME": str(self.home), "COLUMNS": "200", **other}

    def doit(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            [DOIT, *args], cwd=self.root, env={**self.environ, **environ}, capture_output=True, text=True, timeout=900
        )
        self.output = ran.stdout + ran.stderr
        return ran

    def run(self, *args: str, code: int = 0) -> list[str]:
        """Names of the tasks that ran, in the order in which they began."""
        ran = self.doit(*args)
        assert ran.returncode == code, f"doit {' '.join(args)} ended with {ran.returncode}:\n{self.output}"
        return [line.split()[1] for line in ran.stdout.splitlines() if line.startswith(".  ")]

    def edit(self, path: str, *replace: str, append: str = "") -> None:
        """`replace`: old, new, old, new, ...; each old text must be there."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        for old, new in zip(replace[::2], replace[1::2], strict=True):
            assert old in text, f"{path} has no {old!r}"
            text = text.replace(old, new, 1)
        file.write_text(text + append, encoding="utf-8")

    def docker(self, *args: str) -> str:
        return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout.strip()

    def containers(self) -> list[str]:
        """Names of the project's running containers."""
        label = f"label=dev.bedplate.project={self.project}"
        return self.docker("ps", "--filter", label, "--format", "{{.Names}}").split()

    def untag(self, part: str) -> None:
        """Removes every image from the engine whose name has this in it."""
        images = self.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        for image in [image for image in images if part in image]:
            self.docker("rmi", "-f", image)

    def records(self, target: str = "local") -> dict[str, object]:
        lines = (self.root / f".bedplate/{target}.jsonl").read_text(encoding="utf-8").splitlines()
        return dict(json.loads(line) for line in lines)

    def remove(self) -> None:
        self.doit("clean")
        label = f"label=dev.bedplate.project={self.project}"
        for container in self.docker("ps", "-aq", "--filter", label).split():
            self.docker("rm", "-f", container)
        for image in self.docker("images", "-q", "--filter", label).split():
            subprocess.run(["docker", "rmi", "-f", image], capture_output=True, check=False)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """One project for the tests of a module: each starts from a run that has nothing left to do."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "work").mkdir()
    made = Pipeline(folder / "work", folder / "home")
    yield made
    made.remove()


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Pipeline]:
    """Three images, each on the one before, that build in a moment."""
    (tmp_path / "work").mkdir()
    made = Pipeline(tmp_path / "work", tmp_path / "home")
    for name, first in (
        ("one", "FROM scratch"),
        ("two", "ARG BASE\nFROM ${BASE}"),
        ("three", "ARG BASE\nFROM ${BASE}"),
    ):
        folder = made.root / "images" / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"{first}\nARG ROUND\nCOPY {name} /{name}\nLABEL round=$ROUND\n", "utf-8")
        (folder / name).write_text(name, "utf-8")
    text = IMAGES.format(project=made.project, port=made.registry_port)
    (made.root / "pipeline.yaml").write_text(text, "utf-8")
    yield made
    made.remove()
