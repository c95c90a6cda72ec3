"""serving: an image that can serve, and a service of one's own on the real engine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bedplate import context
from bedplate.answer import Message
from bedplate.builders import inspection
from bedplate.clients.docker_engine import Engine
from bedplate.clients.endpoint import Endpoint
from bedplate.model import Deployment, Environment, SmokeCase, SmokeExpectation, SmokeRequest
from bedplate.seen import Seen
from bedplate.stat_cache import StatCache
from bedplate.step import FileSet, Given, Tree
from steps.create_environment import recipe, tools
from steps.deploy import container
from steps.deploy.container import Aside, Inputs

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bedplate" / "tests"
BASE = "bedplate-test-python"
PACKAGES = "python3,python3-venv,ca-certificates"
SERVER = "1.5.1"
ADDRESS = "unix:///var/run/docker.sock"

GOOD = """
import json, os
def init():
    global version
    version = "{version}"
def run(raw):
    return {{"version": version, "sum": sum(json.loads(raw)["data"])}}
"""


def engine() -> Engine:
    return Engine(os.environ.get("DOCKER_HOST") or ADDRESS)


def python_base() -> str:
    """An image with Debian's Python, made once on this machine."""
    tar = CACHE / "bookworm-python.tar"
    if not tar.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = tar.with_suffix(f".{os.getpid()}.tar")
        include = f"--include={PACKAGES}"
        subprocess.run(["mmdebstrap", "--variant=minbase", include, "bookworm", part], check=True, capture_output=True)
        part.rename(tar)
    name = f"{BASE}:{tar.stat().st_mtime_ns}"
    if engine().image(name) is None:
        subprocess.run(["docker", "import", tar, name], check=True, capture_output=True)
    return name


def serving_image() -> str:
    """The base with the inference server, built once from the Dockerfile that create_environment writes."""
    base = python_base()
    with inspection.opened(engine(), base) as contents:
        has = tools.find(contents, "base", conda=False)
    text = recipe.dockerfile(base, has, [], [], SERVER, {"FROM_ENV": "yes"})
    bundle = next((Path(os.environ[n]) for n in ("PIP_CERT", "SSL_CERT_FILE") if os.environ.get(n)), None)
    name = f"bedplate-test-serving:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if engine().image(name) is None:
        folder = Path(tempfile.mkdtemp())
        if bundle:
            (folder / "ca.crt").write_bytes(bundle.read_bytes())
            first, rest = text.split("\n", 1)
            text = f"{first}\nCOPY ca.crt /ca.crt\nENV PIP_CERT=/ca.crt\n{rest}"
        (folder / "Dockerfile").write_text(text)
        classic = {**os.environ, "DOCKER_BUILDKIT": "0"}
        subprocess.run(["docker", "build", "-q", "-t", name, folder], check=True, env=classic)
        shutil.rmtree(folder)
    return name


class Notes:
    """A log that keeps what it is told."""

    path = Path("/dev/null")

    def __init__(self) -> None:
        self.notes: list[str] = []

    def line(self, text: str) -> None:
        self.notes.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, done: float, total: float | None) -> None: ...

    def ask(self, question: str) -> str:
        return ""


class Outside:
    """The clients that a service needs: an engine, a log, a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = Notes()
        self.engine = engine()
        self.again = False
        self.seen = Seen(root / "labels")
        self.spec: Any = None

    def registry(self, registry: Any) -> Any:
        raise AssertionError("no registry is needed where the image is in the engine")


def case(name: str = "case 1", data: Any = None, **expect: Any) -> SmokeCase:
    fields: dict[str, Any] = {"status": 200, "json_schema": None, "json": None, "has_json": "json" in expect}
    fields |= {"tolerance": 0.0, "contains": None, "within_ms": None, **expect}
    request = SmokeRequest("POST", None, {}, {"data": [1, 2] if data is None else data}, None, None, True)
    return SmokeCase(name, request, SmokeExpectation(**fields))


def file_set(root: Path, path: str) -> FileSet:
    return context.tree(Tree(path), root, StatCache(root / ".bedplate" / "files"))


@dataclass
class Service:
    """A service with a project, a port and a folder of its own. `deploy` returns what the step returns."""

    root: Path
    image: str
    port: int
    project: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}")
    changes: dict[str, Any] = field(default_factory=dict)
    cases: tuple[SmokeCase, ...] = (case(contains="version"),)
    within_s: float = 20.0

    def __post_init__(self) -> None:
        self.outside = Outside(self.root)

    @property
    def name(self) -> str:
        return f"{self.project}-iris"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/score"

    def write(self, text: str, path: str = "services/iris/score.py") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def version(self, version: str) -> None:
        self.write(GOOD.format(version=version))

    def inputs(self) -> Inputs:
        model = "services/iris-model" if (self.root / "services/iris-model").exists() else None
        plain = Inputs(
            project=self.project,
            service="iris",
            code="services/iris",
            entry_script="score.py",
            model="iris" if model else None,
            model_version="1" if model else "",
            model_path=model,
            host="127.0.0.1",
            port=self.port,
            memory=None,
            inference_config=None,
            variables={},
            container=self.name,
        )
        return replace(plain, **self.changes)

    def given(self) -> Given:
        inputs = self.inputs()
        sets = [file_set(self.root, path) for path in (inputs.code, inputs.model_path) if path]
        text = json.dumps([repr(inputs), [[f.path, f.sha256, f.mode] for s in sets for f in s.files]])
        environment = Environment("iris", "local", self.image, "e" * 64, None, None)
        return Given(
            task="deploy:iris",
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            file_sets=tuple(sets),
            outputs={"create_environment:iris": environment},
            aside=Aside(self.cases, self.within_s),
        )

    def deploy(self) -> Deployment:
        return container.run(self.inputs(), self.given(), self.outside)

    def ask(self, data: Any = None) -> Any:
        """The answer's JSON; its status where it is none."""
        message = Message("POST", self.url, {}, json.dumps({"data": data or [1, 2]}).encode())
        with Endpoint(direct=True) as endpoint:
            reply: Any = endpoint.send(message, 5)
            return json.loads(reply.body)

    def state(self, name: str = "") -> dict[str, Any] | None:
        return self.outside.engine.container(self.name + name)

    def containers(self) -> list[str]:
        label = f"label=dev.bedplate.project={self.project}"
        command = ["docker", "ps", "-a", "--filter", label, "--format", "{{.Names}}"]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        return sorted(ran.stdout.split())

    def remove(self) -> None:
        for name in self.containers():
            self.outside.engine.remove(name, force=True)


def version(service: Service) -> str:
    """What the service says that it is; "" where it does not answer well."""
    try:
        return str(service.ask()["version"])
    except Exception:  # whatever went wrong, there was no answer
        return ""


@contextmanager
def asked_all_the_time(ask: Callable[[], str], every_s: float = 0.005) -> Iterator[list[tuple[float, str]]]:
    """What the service answered and when, asked every few milliseconds while the block runs."""
    seen: list[tuple[float, str]] = []
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(every_s):
            said = ask()
            seen.append((time.monotonic(), said))

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def gap(seen: list[tuple[float, str]]) -> float:
    """Seconds from the last good answer before the longest time without one, to the first after it."""
    good = [at for at, said in seen if said]
    return max((b - a for a, b in zip(good, good[1:], strict=False)), default=0.0)
