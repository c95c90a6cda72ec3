"""docker_ports: who holds a port that a container was to be published at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate import labels
from bedplate.clients.docker_errors import EngineError
from bedplate.errors import StepError

if TYPE_CHECKING:
    from bedplate.clients.docker_engine import Engine

# 20.10 and later: `Bind for 127.0.0.1:8890 failed: port is already allocated`, `listen tcp4 127.0.0.1:8890: bind:
# address already in use`; 28: `failed to bind host port for 127.0.0.1:8890: address already in use`
TAKEN = re.compile(r"port is already allocated|address already in use|failed to bind host port")
ADDRESS = re.compile(r"((?:\d+\.){3}\d+|\[?[0-9a-f:]*::[0-9a-f]*\]?):(\d+)")
LISTENS = "0A"  # state of a socket in /proc/net/tcp


def taken(engine: Engine, container: str, error: EngineError) -> StepError | None:
    """What to raise for an error of starting a container if it says that a port is taken; else None."""
    if not TAKEN.search(error.message):
        return None
    found = ADDRESS.search(error.message)
    if not found:
        return StepError(error.message, "another program uses the port: end it, or choose another in pipeline.yaml")
    port = int(found[2])
    other = container_at(engine, port, container)
    if other:
        who, hint = f"container {other}", f"{_freed(engine, other, container)}, or choose another port in pipeline.yaml"
    else:
        who = process_at(port) or "another program"
        hint = "end it, or choose another port in pipeline.yaml"
    return StepError(f"port {port} of {found[1]} is taken by {who}", hint)


def container_at(engine: Engine, port: int, but: str = "") -> str | None:
    """Name of the running container that is published at this port of the host."""
    with engine.asking("asking which container holds the port"):
        running = engine.api.containers()
    for one in running:
        name = str((one.get("Names") or [one["Id"]])[0]).removeprefix("/")
        ports = [published.get("PublicPort") for published in one.get("Ports") or ()]
        if port in ports and but not in (name, one["Id"]):
            return name
    return None


def _freed(engine: Engine, other: str, container: str) -> str:
    """The command that ends it: one of this project serves another target, or another service of it."""
    projects = [((engine.container(one) or {}).get("Config", {}).get("Labels") or {}) for one in (other, container)]
    theirs, ours = (said.get(labels.PROJECT) for said in projects)
    if theirs is None or theirs != ours:
        return f"`docker rm -f {other}`"
    return "it is this project's own: `doit -t TARGET clean` with the target that it serves"


def process_at(port: int) -> str | None:
    """`process 123 (python3)` that listens on this TCP port; None where /proc does not tell."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        inodes |= {row[9] for row in rows if row[3] == LISTENS and int(row[1].rpartition(":")[2], 16) == port}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*") if wanted else ():
        try:
            if any(str(handle.readlink()) in wanted for handle in (process / "fd").iterdir()):
                return f"process {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue  # another user's, or gone in the meantime
    return None
