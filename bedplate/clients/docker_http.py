"""docker_http: the engine's API for looks and builds: docker-py takes 0.1 s to import, and knows no BuildKit."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from bedplate.clients import docker_host
from bedplate.clients.docker_errors import EngineError, hint

CONNECT_S = 30
ANSWER_S = 1800  # an engine that writes gigabytes is silent for long
PORT = 2375
PIECE = 1 << 16


class DockerHttp:
    """One engine by its address; safe to share between threads, each request has a connection to itself.

    Raises OSError and HTTPException where nobody answers, EngineError where the engine refuses. `what` is being done,
    in the user's words."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._hello: Mapping[str, str] | None = None

    def hello(self) -> Mapping[str, str]:
        """The headers of GET /_ping: Api-Version, Builder-Version, ..."""
        if self._hello is None:
            self._hello = dict(self._send("GET", "/_ping")[0].headers)
        return self._hello

    def ask(self, what: str, method: str, path: str, **query: str) -> Any:  # Any: JSON
        """The answer; None where it has no body."""
        reply, body = self._send(method, self._path(path, query))
        if reply.status >= 400:
            raise _refused(what, method, path, reply, body)
        return json.loads(body) if body.strip() else None

    def post(self, what: str, path: str, query: Mapping[str, str], body: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """POST of a tar in pieces: the entries of the stream that answers it, a line of JSON each, as they come.

        Ending the iteration early closes the connection, which ends what the engine does for it."""
        target = self._path(path, query)
        connection = self._connect()
        try:
            connection.sock.settimeout(None)
            with suppress(BrokenPipeError, ConnectionResetError):  # a refusal may come before all is sent
                connection.request(
                    "POST", target, iter(body), {"Content-Type": "application/x-tar"}, encode_chunked=True
                )
            reply = connection.getresponse()
            if reply.status >= 400:
                raise _refused(what, "POST", path, reply, reply.read())
            yield from (json.loads(line) for line in _lines(reply) if line.strip())
        finally:
            connection.close()

    def upgrade(self, path: str, protocol: str, headers: Iterable[tuple[str, str]]) -> tuple[socket.socket, bytes]:
        """POST that makes the connection one of another protocol: its socket, and what came on it already.

        Raises EngineError also where the engine answers, but does not change the protocol."""
        connection = self._connect()
        sent = [("Host", "docker"), ("Connection", "Upgrade"), ("Upgrade", protocol), *headers]
        lines = (f"POST {self._path(path, {})} HTTP/1.1", *(f"{name}: {value}" for name, value in sent), "", "")
        try:
            connection.sock.settimeout(CONNECT_S)
            connection.sock.sendall("\r\n".join(lines).encode())
            answer = b""
            while b"\r\n\r\n" not in answer and (piece := connection.sock.recv(PIECE)):
                answer += piece
            head, _, begun = answer.partition(b"\r\n\r\n")
            status = head.partition(b"\r\n")[0].decode("latin-1")
            if status.split()[1:2] != ["101"]:
                raise EngineError(f"POST {path}: {status or 'no answer'}")
            connection.sock.settimeout(None)
            made, connection.sock = connection.sock, None
            return made, begun
        finally:
            connection.close()

    def _path(self, path: str, query: Mapping[str, str]) -> str:
        version = self.hello().get("Api-Version")
        return (f"/v{version}" if version else "") + path + (f"?{urlencode(query)}" if query else "")

    def _send(self, method: str, target: str) -> tuple[http.client.HTTPResponse, bytes]:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle:
            try:
                return self._answer(idle, method, target)
            except (OSError, http.client.HTTPException):
                idle.close()  # the engine was started anew since
        connection = self._connect()
        connection.sock.settimeout(ANSWER_S)
        return self._answer(connection, method, target)

    def _answer(
        self, connection: http.client.HTTPConnection, method: str, target: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request(method, target)
        reply = connection.getresponse()
        body = reply.read()
        with self._lock:
            self._idle.append(connection)
        return reply, body

    def _connect(self) -> http.client.HTTPConnection:
        """Connected. One that the engine has closed must not connect itself again: it knows no address."""
        parts = urlsplit(self._address)
        folder = docker_host.certificates()
        if parts.scheme == "tcp" and folder:
            context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
            secure = http.client.HTTPSConnection(parts.netloc, context=context, timeout=CONNECT_S)
            secure.connect()
            made: http.client.HTTPConnection = secure
        else:
            made = http.client.HTTPConnection(parts.netloc or "docker", timeout=CONNECT_S)
            made.sock = _over_ssh(parts) if parts.scheme == "ssh" else _to_socket(parts)
        made.auto_open = 0
        return made


def _lines(reply: http.client.HTTPResponse) -> Iterator[bytes]:
    """Iterating over the reply would take a connection that breaks off for its end; this raises IncompleteRead."""
    rest = b""
    while piece := reply.read1(PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    yield rest


def _to_socket(parts: SplitResult) -> socket.socket:
    if parts.scheme == "tcp":
        made = socket.create_connection((parts.hostname or "", parts.port or PORT), CONNECT_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    if parts.scheme != "unix":
        raise ConnectionError(f"{parts.scheme}:// is not spoken here")
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(CONNECT_S)
    made.connect(parts.path)
    return made


def _over_ssh(parts: SplitResult) -> socket.socket:
    """As Docker's own client does it: the other machine's client stands between ssh and its engine."""
    ours, theirs = socket.socketpair()
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    command = ["ssh", "-T", *user, *port, "--", parts.hostname or "", "docker system dial-stdio"]
    with theirs:
        subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())  # it ends when our side is closed
    ours.settimeout(CONNECT_S)
    return ours


def _refused(what: str, method: str, path: str, reply: http.client.HTTPResponse, body: bytes) -> EngineError:
    try:
        said = str(json.loads(body)["message"]).strip()
    except (ValueError, LookupError, TypeError):
        said = body[:500].decode(errors="replace").strip() or reply.reason
    return EngineError(f"{what}: {method} {path}: {reply.status} {said}", reply.status, hint(said))
