"""Prism between a client and what the stand-in answered: every recorded exchange, by Microsoft's documents."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.azure.standin.exchange import Exchange

from . import strict
from .documents import Document, describing, documents
from .programs import PRISM, npm_program

KEPT = ("content-type", "accept")
# what Prism says of right exchanges, and why they are right: a pattern for "where: message"
KNOWN = (
    ("Invalid security scheme used", "sign-in is not judged; the stand-in itself refuses what is not signed in"),
    (r"inferenceConfig\.\w+Route\.path", "the inference server is alive at `/`, where the pattern wants a letter"),
    (
        r'requestSettings\.\w+: .*format "duration"',
        "PT0.5S is a duration by ISO 8601; Prism's format knows no fractions",
    ),
)
# an answer that grants what was asked has a status that the document names
KNOWN_OF_ERRORS = (("Unable to match the returned status code", "the document of the registries leaves errors out"),)


@dataclass(frozen=True)
class Violation:
    """`where`: request or response, and the place in it."""

    exchange: Exchange
    document: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.exchange}: {self.where}: {self.message} (by {self.document})"


class Prism:
    """One `prism proxy` for each document, started when first needed. Its upstream plays the recorded answers back.

    So what is judged is what really went over the wire, and the client noticed nothing of it. Raises CannotInstall."""

    def __init__(self, *, as_they_are: bool = False) -> None:
        """`as_they_are`: the documents without what strict.py writes out."""
        self._program = npm_program(PRISM, "prism")
        self._strict = None if as_they_are else tempfile.TemporaryDirectory(prefix="prism-")
        self._playing: Exchange | None = None
        judge = self

        class Playback(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def play(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                judge._play(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = play  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._upstream = ThreadingHTTPServer(("127.0.0.1", 0), Playback)
        self._upstream.daemon_threads = True
        threading.Thread(target=self._upstream.serve_forever, args=(0.05,), daemon=True).start()
        self._proxies: dict[str, tuple[subprocess.Popen[bytes], int]] = {}

    def start(self, names: Iterable[str]) -> None:
        """Starts the proxies of these documents side by side."""
        for document in documents():
            if document.name in names and document.name not in self._proxies:
                self._begin(document)
        until = time.time() + 120
        for process, port in self._proxies.values():
            while not _answers(port):
                if process.poll() is not None or time.time() > until:
                    raise RuntimeError(f"prism does not start: exit {process.poll()}")
                time.sleep(0.05)

    def end(self) -> None:
        for process, _ in self._proxies.values():
            process.terminate()
        for process, _ in self._proxies.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._upstream.shutdown()
        self._upstream.server_close()
        if self._strict:
            self._strict.cleanup()

    def judge(self, exchanges: Iterable[Exchange], *, ours: bool = True) -> tuple[int, list[Violation]]:
        """How many exchanges a document of ours describes, and what is wrong with them.

        `ours`: our own requests must be of the version that the document describes, and be described at all. Others
        (the official clients') speak newer versions: only the answers that they get are judged."""
        exchanges = list(exchanges)
        found = [(e, d) for e in exchanges if (d := describing(e.method, e.path)) is not None]
        self.start({document.name for _, document in found})
        wrong = [violation for exchange, document in found for violation in self._ask(exchange, document)]
        if ours:
            wrong += [v for exchange, document in found for v in _of_another_version(exchange, document)]
            wrong += [Violation(e, "none", "request", "no document describes it") for e in exchanges if _unknown(e)]
        else:
            wrong = [v for v in wrong if v.where.startswith("response")]
        return len(found), wrong

    def _begin(self, document: Document) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = int(s.getsockname()[1])
        upstream = f"http://127.0.0.1:{self._upstream.server_port}"
        path = strict.write(document.path, Path(self._strict.name), document.keep) if self._strict else document.path
        command = [str(self._program), "proxy", str(path), upstream, "-p", str(port), "-v", "silent"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._proxies[document.name] = (process, port)

    def _ask(self, exchange: Exchange, document: Document) -> list[Violation]:
        self._playing = exchange
        connection = http.client.HTTPConnection("127.0.0.1", self._proxies[document.name][1], timeout=60)
        headers = {k: v for k, v in exchange.headers.items() if k in KEPT}
        # the client's Accept may be */*; prism proxy answers 406 to what the document does not offer
        headers |= {"authorization": "Bearer token", "accept": "*/*"}
        connection.request(exchange.method, exchange.target, exchange.body or None, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        said = answer.getheader("sl-violations")
        if said:
            if not said.startswith("["):
                return [Violation(exchange, document.name, "too many", said)]
            every = [_violation(exchange, document, one) for one in json.loads(said)]
            # that a subtype did not fit is said for each place in it as well
            every = [one for one in every if 'match "then" schema' not in one.message]
            known = [*KNOWN, *(KNOWN_OF_ERRORS if exchange.status >= 400 else ())]
            return [v for v in every if not any(re.search(p, f"{v.where}: {v.message}") for p, _ in known)]
        if answer.status != exchange.status:
            return [Violation(exchange, document.name, "prism", body.decode(errors="replace")[:500])]
        return []

    def _play(self, handler: BaseHTTPRequestHandler) -> None:
        exchange = self._playing
        assert exchange is not None
        handler.send_response(exchange.status)
        for name, value in exchange.answer_headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(exchange.answer_body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(exchange.answer_body)


def _of_another_version(exchange: Exchange, document: Document) -> list[Violation]:
    if document.name == "login server" or exchange.query.get("api-version") == document.version:
        return []
    message = f"api-version {exchange.query.get('api-version')}, but the document is of {document.version}"
    return [Violation(exchange, document.name, "request.query.api-version", message)]


def _unknown(exchange: Exchange) -> bool:
    """A request to a provider whose documents we hold, described by none; operations are followed as answers say."""
    provider = re.search(
        "/providers/Microsoft.(MachineLearningServices|ContainerRegistry)/", exchange.path, re.IGNORECASE
    )
    followed = re.search("/(mfeOperation\\w+|operationStatuses)/", exchange.path)
    return bool(provider) and not followed and describing(exchange.method, exchange.path) is None


def _violation(exchange: Exchange, document: Document, said: dict[str, Any]) -> Violation:
    where = ".".join(str(part) for part in said.get("location", []))
    return Violation(exchange, document.name, where, f"{said.get('severity')}: {said.get('message')}")


def _answers(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
