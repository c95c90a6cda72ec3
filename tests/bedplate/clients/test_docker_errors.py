"""What is said where an engine knows less than its version of the API says."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

import pytest

from bedplate.clients import docker_errors
from bedplate.clients.docker_engine import Engine
from bedplate.clients.docker_errors import EngineError
from bedplate.errors import StepError


class Podman4(BaseHTTPRequestHandler):
    """Its containers cannot be updated: there is no such call."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer(200, {"ApiVersion": "1.41", "MinAPIVersion": "1.24", "Version": "4.3.1"})
        elif self.path.endswith("/containers/there/json"):
            self._answer(200, {"Id": "1", "State": {"Running": True}})
        else:
            self._answer(404, {"message": "no such container"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(404, {"message": "Not Found"})

    def log_message(self, *_: object) -> None: ...

    def _answer(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def engine() -> Iterator[Engine]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Podman4)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Engine(f"tcp://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_a_call_that_the_engine_lacks_is_told_as_that(engine: Engine) -> None:
    with pytest.raises(EngineError, match="lacks this call of Docker's API"):
        engine.set_restart("there", "no")


def test_a_container_that_is_gone_is_no_call_that_is_lacking(engine: Engine) -> None:
    with pytest.raises(EngineError) as told:
        engine.set_restart("gone", "no")
    assert told.value.status == 404 and "lacks" not in told.value.message


def test_a_registry_of_plain_http_is_named_to_either_engine_in_its_own_file() -> None:
    hint = docker_errors.hint("http: server gave HTTP response to HTTPS client")
    assert "daemon.json" in hint and "registries.conf" in hint


def test_a_refusal_is_one_while_another_thread_imports_docker_py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker.errors", ModuleType("docker.errors"))  # as it is at its first line
    with pytest.raises(EngineError, match="no such image"), docker_errors.asking("looking", "unix:///x"):
        raise EngineError("no such image", 404)
    with pytest.raises(StepError, match="no container engine answers"), docker_errors.asking("looking", "unix:///x"):
        raise FileNotFoundError
