"""docker_host: where the container engine of this machine listens, as Docker's own client finds it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

SOCKET = Path("/var/run/docker.sock")


def address() -> str:
    """`unix:///path`, `tcp://host:port` or `ssh://...`: DOCKER_HOST, else Docker's context, else the usual socket.

    Asks nobody; only files are read. (docs.docker.com, "Docker contexts"; DOCKER_HOST wins over DOCKER_CONTEXT.)"""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    name = context_name()
    if name:
        host = _host_of(name)
        if host:
            return host
    return next((f"unix://{path}" for path in _sockets() if path.exists()), f"unix://{SOCKET}")


def certificates() -> Path | None:
    """The folder with ca.pem, cert.pem and key.pem for a TLS address; None: plain."""
    if os.environ.get("DOCKER_HOST"):
        if not os.environ.get("DOCKER_TLS_VERIFY"):
            return None
        return Path(os.environ.get("DOCKER_CERT_PATH") or _folder())
    name = context_name()
    folder = _folder() / "contexts" / "tls" / _id(name) / "docker" if name else None
    return folder if folder and folder.is_dir() else None


def context_name() -> str | None:
    """The Docker context in use; None: the default one, which has no file."""
    name = os.environ.get("DOCKER_CONTEXT")
    if not name:
        try:
            name = json.loads((_folder() / "config.json").read_bytes()).get("currentContext")
        except (OSError, ValueError, AttributeError):
            return None
    return name if name and name != "default" else None


def _host_of(context: str) -> str | None:
    try:
        meta = json.loads((_folder() / "contexts" / "meta" / _id(context) / "meta.json").read_bytes())
        return str(meta["Endpoints"]["docker"]["Host"]) or None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _sockets() -> list[Path]:
    rootless = os.environ.get("XDG_RUNTIME_DIR")
    paths = [SOCKET]
    if rootless:
        paths.append(Path(rootless) / "docker.sock")
    if sys.platform == "darwin":
        paths.append(Path.home() / ".docker" / "run" / "docker.sock")
    return paths


def _folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _id(context: str) -> str:
    # Docker's own naming of a context's folder
    return hashlib.sha256(context.encode()).hexdigest()
