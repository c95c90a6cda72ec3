"""engine: a stand-in for a container engine: says that the project's images and containers are there.

It answers the two lists that a run asks for, in the shape and at the length of a real engine's answers, and at once: a
thousand real containers cannot be had on every machine."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bedplate import labels
from bedplate.model import BuiltImage, Deployment, Output


@contextmanager
def stand_in(socket: Path, project: str, outputs: Sequence[Output]) -> Iterator[str]:
    """Its address, as DOCKER_HOST takes it."""
    images = [_image(project, o) for o in outputs if isinstance(o, BuiltImage)]
    containers = [_container(project, o) for o in outputs if isinstance(o, Deployment)]
    answers = {
        "/images/json": json.dumps(images, separators=(",", ":")).encode(),
        "/containers/json": json.dumps(containers, separators=(",", ":")).encode(),
        "/version": json.dumps({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}).encode(),
        "/_ping": b"OK",
    }

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                path = line.split()[1].decode().partition("?")[0]
                while self.rfile.readline().strip():
                    pass
                body = answers.get(path, b"")
                status = "200 OK" if body else "404 Not Found"
                body = body or b'{"message": "No such thing"}'
                head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body)

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    server = Server(str(socket), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"unix://{socket}"
    finally:
        server.shutdown()
        server.server_close()
        socket.unlink(missing_ok=True)


def _image(project: str, image: BuiltImage) -> dict[str, Any]:
    return {
        "Containers": -1,
        "Created": 1700000000,
        "Id": f"sha256:{image.fingerprint}",
        "Labels": labels.of_image(project, image.name, image.fingerprint, 1),
        "ParentId": f"sha256:{'0' * 64}",
        "RepoDigests": [f"127.0.0.1:5000/{project}/{image.name}@sha256:{image.fingerprint}"],
        "RepoTags": [image.tag],
        "SharedSize": -1,
        "Size": 163000000,
        "VirtualSize": 163000000,
    }


def _container(project: str, deployed: Deployment) -> dict[str, Any]:
    said = {labels.PROJECT: project, labels.IMAGE: deployed.service, labels.FINGERPRINT: deployed.fingerprint}
    return {
        "Id": deployed.fingerprint,
        "Names": [f"/{deployed.name}"],
        "Image": f"127.0.0.1:5000/{project}/environments/{deployed.service}@sha256:{deployed.fingerprint}",
        "ImageID": f"sha256:{deployed.fingerprint}",
        "Command": "azmlinfsrv --entry_script /var/azureml-app/score.py",
        "Created": 1700000000,
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 5001, "PublicPort": 20000, "Type": "tcp"}],
        "Labels": said,
        "State": "running",
        "Status": "Up 3 hours",
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": {"Gateway": "172.17.0.1", "IPAddress": "172.17.0.2"}}},
        "Mounts": [],
    }
