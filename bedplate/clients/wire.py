"""wire: HTTP/1.1 on a socket of this machine, many requests sent before the first answer is read."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bedplate.frozen import dataclass

HALF = 16
WINDOW = 2 * HALF  # requests on their way at a time: more could fill both sides' buffers, and neither would read


class WireError(Exception):
    """The other side went away, or does not speak HTTP."""


@dataclass(frozen=True)
class Reply:
    status: int
    head: bytes  # the header lines, in lower case
    body: bytes

    def header(self, name: str) -> str:
        """`name` in lower case; "" if it is not there."""
        before, found, after = self.head.partition(b"\r\n" + name.encode() + b":")
        return after.partition(b"\r\n")[0].strip().decode("latin-1") if found else ""


class Wire:
    """One connection. `address`: unix:///path or tcp://host:port. Raises OSError if nobody listens.

    `certificates`: a folder with ca.pem, cert.pem and key.pem, as Docker's client has it; None: no TLS."""

    def __init__(self, address: str, connect_s: float, answer_s: float, certificates: Path | None = None) -> None:
        kind, _, where = address.partition("://")
        if kind == "unix":
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(connect_s)
            self._socket.connect(where)
        elif kind == "tcp":
            host, _, port = where.rpartition(":")
            name: Any = host.strip("[]")
            if name.isascii():
                name = name.encode()  # for a text, Python would load its tables of all the world's scripts
            self._socket = socket.create_connection((name, int(port)), connect_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if certificates:
                import ssl

                context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
                context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
                self._socket = context.wrap_socket(self._socket, server_hostname=host.strip("[]"))
        else:
            raise ConnectionError(f"{kind}:// is not spoken here")
        self._socket.settimeout(answer_s)
        self._host = "docker" if kind == "unix" else where
        self._buffer = b""
        self._asked: list[str] = []  # methods whose answers are still to be read, first one first

    def close(self) -> None:
        self._socket.close()

    def send(self, requests: Sequence[str]) -> None:
        """Each request: method and path, with further header lines after a line break."""
        lines = []
        for request in requests:
            first, _, headers = request.partition("\n")
            more = headers.replace("\n", "\r\n") + "\r\n" if headers else ""
            lines.append(f"{first} HTTP/1.1\r\nHost: {self._host}\r\n{more}\r\n")
            self._asked.append(first.partition(" ")[0])
        self._socket.sendall("".join(lines).encode("ascii"))

    def replies(self, requests: Sequence[str]) -> Iterator[Reply]:
        """Answers, in order, to requests of which the first WINDOW have been sent already."""
        for done in range(len(requests)):
            if done and done % HALF == 0:
                self.send(requests[done + HALF : done + WINDOW])
            yield self.reply()

    def reply(self) -> Reply:
        """The answer to the oldest request. Raises OSError or WireError."""
        method = self._asked.pop(0)
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        head, self._buffer = self._buffer[: end + 2].lower(), self._buffer[end + 4 :]
        parts = head[:16].split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(b"http/1.") or not parts[1].isdigit():
            raise WireError("the answer is not HTTP")
        reply = Reply(int(parts[1]), head, b"")
        if method == "HEAD" or reply.status in (204, 304):
            return reply
        body = self._chunks() if "chunked" in reply.header("transfer-encoding") else self._sized(reply)
        return Reply(reply.status, head, body)

    def _sized(self, reply: Reply) -> bytes:
        length = reply.header("content-length")
        if not length.isdigit():
            raise WireError("the answer has no length")
        return self._take(int(length))

    def _chunks(self) -> bytes:
        parts = []
        while True:
            while (end := self._buffer.find(b"\r\n")) < 0:
                self._more()
            try:
                size = int(self._buffer[:end].partition(b";")[0], 16)
            except ValueError:
                raise WireError("the answer's length is not a number") from None
            self._buffer = self._buffer[end + 2 :]
            parts.append(self._take(size + 2)[:-2])
            if not size:
                return b"".join(parts)

    def _take(self, size: int) -> bytes:
        parts, have = [self._buffer], len(self._buffer)
        while have < size:
            part = self._socket.recv(1 << 18)
            if not part:
                raise WireError("the connection was closed")
            parts.append(part)
            have += len(part)
        whole = b"".join(parts)
        self._buffer = whole[size:]
        return whole[:size]

    def _more(self) -> None:
        part = self._socket.recv(1 << 16)
        if not part:
            raise WireError("the connection was closed")
        self._buffer += part
