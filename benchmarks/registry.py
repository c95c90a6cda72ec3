"""registry: a real one on a spare port, filled through its API with an image of nothing but labels for each tag."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from bedplate.clients import registry_program

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
THREADS = 4

Image: TypeAlias = "tuple[str, tuple[str, ...], Mapping[str, str]]"  # repository, tags, labels


@contextmanager
def ours(folder: Path) -> Iterator[int]:
    """The port of a registry that Bedplate started, with its data below `folder`."""
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    port = _free_port()
    try:
        registry_program.start(port)
        yield port
    finally:
        registry_program.stop(port)
        if before is None:
            del os.environ["XDG_DATA_HOME"]
        else:
            os.environ["XDG_DATA_HOME"] = before


def image(labels: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Configuration and manifest of an image without layers."""
    described: dict[str, Any] = {"architecture": "amd64", "os": "linux", "config": {"Labels": dict(labels)}}
    config = json.dumps({**described, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    entry = {"mediaType": CONFIG, "size": len(config), "digest": digest(config)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": []}
    return config, json.dumps(manifest).encode()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def fill(port: int, images: Iterable[Image]) -> None:
    todo = list(images)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: _put(port, todo[number::THREADS]), range(THREADS)))


def _put(port: int, images: Iterable[Image]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream") -> str:
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status in (201, 202), (method, path, answer.status, said)
        return answer.headers["Location"]

    for repository, tags, labels in images:
        config, manifest = image(labels)
        place = urlsplit(ask("POST", f"/v2/{repository}/blobs/uploads/"))
        ask("PUT", f"{place.path}?{place.query}&digest={digest(config)}", config)
        for tag in tags:
            ask("PUT", f"/v2/{repository}/manifests/{tag}", manifest, MANIFEST)
    connection.close()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
