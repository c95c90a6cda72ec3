"""Debian's docker-registry behind a login server: it keeps the images and checks the stand-in's tokens."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .exchange import Answer, Request
from .registry_tokens import ISSUER
from .state import Registry

HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "host"}


def installed() -> bool:
    return shutil.which("docker-registry") is not None


@dataclass
class Program:
    url: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(folder: Path, registry: Registry, certificate: Path) -> Program:
    """Raises TimeoutError when the program does not answer within 10 s."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = int(s.getsockname()[1])
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / registry.name)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True},
        "auth": {
            "token": {
                "realm": f"https://{registry.login_server}/oauth2/token",
                "service": registry.login_server,
                "issuer": ISSUER,
                "rootcertbundle": str(certificate),
            }
        },
    }
    path = folder / f"{registry.name}.json"
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    with open(folder / f"{registry.name}.log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(path)], stdout=log, stderr=log)
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return Program(f"http://127.0.0.1:{port}", process)
        time.sleep(0.05)
    process.kill()
    raise TimeoutError(f"docker-registry does not answer: {(folder / f'{registry.name}.log').read_text()[-500:]}")


def forward(upstream: str, request: Request) -> Answer:
    """Hands a request of the distribution specification on, both bodies as they come."""
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=300)
    headers = {k: v for k, v in request.headers.items() if k not in HOP}
    headers["Host"] = request.headers.get("host", "")
    headers["X-Forwarded-Proto"] = "https"
    chunked = request.headers.get("transfer-encoding", "").lower() == "chunked"
    if request.stream is not None and not chunked:
        headers["Content-Length"] = request.headers.get("content-length", "0")
    connection.request(request.method, request.target, body=request.stream, headers=headers, encode_chunked=chunked)
    answer = connection.getresponse()
    kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP or k.lower() == "content-length"}

    def body() -> Iterator[bytes]:
        try:
            while part := answer.read(1 << 16):
                yield part
        finally:
            connection.close()

    if request.method == "HEAD" or answer.length is not None and answer.length < 1 << 20:
        content = answer.read()
        connection.close()
        return Answer(answer.status, content, kept)
    return Answer(answer.status, body(), kept)
