"""Fixtures around the stand-in: it alone, judged by Prism, with Azurite, and the official clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.azure.client import Client
from tests.azure.judges.azurite import Azurite
from tests.azure.judges.documents import SPECS
from tests.azure.judges.prism import Prism
from tests.azure.judges.programs import AZ, ML, CannotInstall, venv_python
from tests.azure.standin import StandIn, Workspace

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def client(standin: StandIn) -> Client:
    return Client(standin)


@pytest.fixture
def workspace(standin: StandIn) -> Workspace:
    return standin.add_workspace("demo", standin.add_registry("standinacr"))


@pytest.fixture
def echo() -> Iterator[str]:
    with echoing() as url:
        yield url


@contextmanager
def echoing() -> Iterator[str]:
    """A container's stand-in: answers with what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def prism() -> Iterator[Prism]:
    """Skips where the documents or the program cannot be had."""
    if not SPECS.is_dir():
        pytest.skip(f"Microsoft's documents are not at {SPECS}")
    try:
        judge = Prism()
    except CannotInstall as reason:
        pytest.skip(f"Prism cannot be installed: {reason}")
    yield judge
    judge.end()


@pytest.fixture
def judged_azure(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """A stand-in; when the test is over, every request to it and every answer must be as Microsoft's documents say.

    Where no judge can be had the test runs all the same, with a warning."""
    try:
        judge = request.getfixturevalue("prism")
    except pytest.skip.Exception as reason:
        judge = None
        warnings.warn(f"not judged: {reason}", stacklevel=1)
    with StandIn() as running:
        yield running
        exchanges = list(running.recorder)
    if judge is not None:
        _, wrong = judge.judge(exchanges)
        assert not wrong, "\n".join(str(one) for one in wrong)


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    try:
        running = Azurite()
    except CannotInstall as reason:
        pytest.skip(f"Azurite cannot be installed: {reason}")
    yield running
    running.end()


@pytest.fixture(scope="session")
def az_python() -> Path:
    return _interpreter(AZ)


@pytest.fixture(scope="session")
def ml_python() -> Path:
    return _interpreter(ML)


@pytest.fixture
def az(standin: StandIn, az_python: Path, tmp_path: Path) -> Run:
    """The real `az` in a configuration of its own: `az("acr", "show")`; the test fails unless `code` comes back."""
    environ = {**os.environ, **standin.environ(tmp_path / "az")}
    del environ["ARM_CLOUD_METADATA_URL"]  # the cloud is to be registered

    def run(*args: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            [az_python, "-m", "azure.cli", *args], env={**environ, **more}, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == code, (
            f"az {' '.join(args[:3])}: {ran.returncode}\n{ran.stdout[-2000:]}{ran.stderr[-4000:]}"
        )
        return ran

    return run


@pytest.fixture
def answered(ml_python: Path) -> Callable[[StandIn, dict[str, str]], dict[str, Any]]:
    """What ml_client.py says when it is run against a stand-in."""

    def run(standin: StandIn, asked: dict[str, str]) -> dict[str, Any]:
        script = Path(__file__).parent / "judges" / "ml_client.py"
        environ = {**os.environ, **standin.environ(), "AZURE_ML_CLI_PRIVATE_FEATURES_ENABLED": "false"}
        ran = subprocess.run(
            [ml_python, script, json.dumps(asked)], env=environ, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr[-4000:]
        found: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
        return found

    return run


def _interpreter(package: str) -> Path:
    try:
        return venv_python(package)
    except CannotInstall as reason:
        pytest.skip(f"{package} cannot be installed: {reason}")
