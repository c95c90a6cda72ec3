"""The engine's API without docker-py, against an engine that misbehaves as it is told."""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bedplate.clients.docker_engine import Engine
from bedplate.clients.docker_errors import EngineError
from bedplate.errors import StepError

PING = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nBuilder-Version: 2\r\nContent-Length: 2\r\n\r\nOK"
IMAGE = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"Id":"sha256"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


@contextmanager
def engine_that_says(socket: Path, *answers: bytes, hangs_up: bool = False) -> Iterator[list[str]]:
    """One answer for each request, in turn; the first lines of the requests. `hangs_up`: after each answer."""
    left, asked = list(answers), list[str]()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                while line := self.rfile.readline():
                    asked.append(line.decode().rpartition(" ")[0])
                    while self.rfile.readline().strip():
                        pass
                    self.wfile.write(left.pop(0))
                    if hangs_up or line.startswith(b"POST"):
                        return

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(str(socket), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield asked
        server.shutdown()
    socket.unlink()


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "engine"


def test_looks_share_one_connection_and_name_the_engines_own_version(socket: Path) -> None:
    with engine_that_says(socket, PING, IMAGE, IMAGE) as asked:
        engine = Engine(f"unix://{socket}")
        assert engine.builder() == "buildkit"
        assert engine.image("127.0.0.1:5000/a/b:v1") == engine.image("a@sha256:0") == {"Id": "sha256"}
    assert asked == [
        "GET /_ping",
        "GET /v1.45/images/127.0.0.1:5000/a/b:v1/json",
        "GET /v1.45/images/a@sha256:0/json",
    ]


def test_an_engine_that_was_started_anew_is_asked_on_a_new_connection(socket: Path) -> None:
    engine = Engine(f"unix://{socket}")
    with engine_that_says(socket, PING, IMAGE, hangs_up=True):
        assert engine.image("a") == {"Id": "sha256"}
    with engine_that_says(socket, IMAGE):
        assert engine.image("a") == {"Id": "sha256"}


def test_a_refused_build_says_why_though_not_all_was_sent(socket: Path) -> None:
    refusal = b'HTTP/1.1 400 Bad Request\r\nContent-Length: 22\r\n\r\n{"message": "no tars"}'
    with engine_that_says(socket, PING, refusal):
        large = (bytes(1 << 20) for _ in range(50))
        with pytest.raises(EngineError, match="sending the build context: POST /build: 400 no tars") as failed:
            list(Engine(f"unix://{socket}").build(large, {"t": "x"}))
    assert failed.value.status == 400


def test_the_entries_of_a_build_come_whole_however_they_are_cut(socket: Path) -> None:
    text = '{"a": "ü"}\r\n{"b": 1}\r\n'.encode()
    for at in range(1, len(text)):
        answer = CHUNKED + chunk(text[:at]) + chunk(text[at:]) + b"0\r\n\r\n"
        with engine_that_says(socket, PING, answer):
            assert list(Engine(f"unix://{socket}").build([b"tar"], {})) == [{"a": "ü"}, {"b": 1}]


@pytest.mark.parametrize("said", [b"", chunk(b'{"a": 1}\r\n'), chunk(b'{"a": 1}\r\n{"b'), b"20\r\n{"])
def test_an_engine_that_goes_away_in_a_build_is_no_end_of_the_build(socket: Path, said: bytes) -> None:
    with (
        engine_that_says(socket, PING, CHUNKED + said),
        pytest.raises(StepError, match="sending the build context: the container engine at .* went away"),
    ):
        list(Engine(f"unix://{socket}").build([b"tar"], {}))


def test_an_engine_behind_ssh_is_asked_through_the_client_there(
    socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = f"""#!{sys.executable}
import os, socket, sys, threading
open({str(tmp_path / "words")!r}, "w").write(" ".join(sys.argv[1:]))
engine = socket.socket(socket.AF_UNIX)
engine.connect({str(socket)!r})
def back():
    while piece := engine.recv(65536):
        os.write(1, piece)
threading.Thread(target=back, daemon=True).start()
while piece := os.read(0, 65536):
    engine.sendall(piece)
"""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(bridge)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with engine_that_says(socket, PING, IMAGE) as asked:
        assert Engine("ssh://me@far:2222").image("a") == {"Id": "sha256"}
    assert len(asked) == 2
    assert (tmp_path / "words").read_text() == "-T -l me -p 2222 -- far docker system dial-stdio"


def test_looking_and_building_import_no_docker_py(socket: Path) -> None:
    code = (
        "import sys\nfrom bedplate.clients.docker_engine import Engine\n"
        "from bedplate.errors import StepError\n"
        "engine = Engine(sys.argv[1])\nengine.image('a'), list(engine.build([b'tar'], {}))\n"
        "try:\n    Engine('unix:///none').image('a')\nexcept StepError as error:\n    print(error)\n"
        "print(sorted({'docker', 'requests', 'urllib3'} & set(sys.modules)))"
    )
    with engine_that_says(socket, PING, IMAGE, CHUNKED + b"0\r\n\r\n"):
        ran = subprocess.run([sys.executable, "-c", code, f"unix://{socket}"], capture_output=True, text=True)
    assert ran.stdout.splitlines()[0] == "looking for image a: no container engine answers at unix:///none", ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"
