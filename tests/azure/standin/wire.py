"""HTTP over TLS on a port of this machine: bytes in and out, nothing about Azure."""

from __future__ import annotations

import io
import ssl
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, cast

from .exchange import Answer, Request

Answers = Callable[[Request], "Answer | None"]  # None: the connection is cut


class Listener:
    """`streams(path)`: bodies of these requests are left to the handler to read."""

    def __init__(self, certificates: Path, port: int = 0, streams: Callable[[str], bool] = lambda path: False) -> None:
        self.answers: Answers = lambda request: Answer(503)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 120

            def setup(self) -> None:
                # here, in the connection's own thread: a client that never speaks holds up nobody else
                self.request.settimeout(30)
                self.request = listener._context.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle_any(self) -> None:
                listener._serve(self, streams)

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = handle_any  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that went away, or does not trust the certificate

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, handler: BaseHTTPRequestHandler, streams: Callable[[str], bool]) -> None:
        headers = {k.lower(): v for k, v in handler.headers.items()}
        stream = _body(cast("IO[bytes]", handler.rfile), headers)
        if headers.get("expect", "").lower() == "100-continue":
            handler.send_response_only(100)
            handler.end_headers()
        kept = stream is not None and streams(handler.path)
        body = b"" if kept or stream is None else stream.read()
        request = Request(handler.command, handler.path, headers, body, self.port, stream if kept else None)
        try:
            answer = self.answers(request)
        except Exception:
            # a mistake of the stand-in: the client shall see it as one
            answer = Answer(500, traceback.format_exc().encode(), {"Content-Type": "text/plain"})
        if answer is None:
            handler.close_connection = True
            return
        if kept and stream is not None:
            while stream.read(1 << 16):
                pass
        _send(handler, answer)


class _Chunked(io.RawIOBase):
    """The body of a request that came in chunks (RFC 9112, section 7.1)."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left, self._ended = stream, 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._ended:
            return 0
        if not self._left:
            self._left = int(self._stream.readline().split(b";")[0], 16)
            if not self._left:
                while self._stream.readline() not in (b"\r\n", b"\n", b""):
                    pass
                self._ended = True
                return 0
        part = self._stream.read(min(len(buffer), self._left))
        self._left -= len(part)
        if not self._left:
            self._stream.readline()
        buffer[: len(part)] = part
        return len(part)


class _Sized(io.RawIOBase):
    """The body of a request that said its length."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left = stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._stream.read(min(len(buffer), self._left))
        self._left -= len(part)
        buffer[: len(part)] = part
        return len(part)


def _body(stream: IO[bytes], headers: dict[str, str]) -> IO[bytes] | None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return io.BufferedReader(_Chunked(stream), 1 << 16)
    size = int(headers.get("content-length") or 0)
    return io.BufferedReader(_Sized(stream, size), 1 << 16) if size else None


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    names = {name.lower() for name in answer.headers}
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    bodiless = handler.command == "HEAD" or answer.status in (204, 304)
    if isinstance(answer.body, bytes):
        if "content-length" not in names:
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        if bodiless:
            return
        if answer.broken:
            handler.wfile.write(answer.body[: len(answer.body) // 2])
            handler.close_connection = True
            return
        handler.wfile.write(answer.body)
        return
    sized = "content-length" in names
    if not sized:
        handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for part in answer.body:
        handler.wfile.write(part if sized else b"%x\r\n%s\r\n" % (len(part), part))
    if not sized:
        handler.wfile.write(b"0\r\n\r\n")
