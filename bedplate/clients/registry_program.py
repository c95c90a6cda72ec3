"""registry_program: a registry on this machine, started by us, and stopped only if it is the one we started."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bedplate.clients.listener import listener
from bedplate.clients.registry_files import config_file, folder, running, storage
from bedplate.clients.wire import Wire, WireError
from bedplate.errors import StepError

PROGRAMS = ("docker-registry", "registry")  # Debian's name, and that of the project's own build
READY_S = 10.0
STOP_S = 5.0
SETTLED_S = 1.0  # a program that is just ending takes connections and answers none
POLL_S = 0.02
# the pid is written by the process that becomes the registry: whenever we are killed, no registry is left unknown
START = 'echo $$ > "$1" && exec "$2" serve "$3"'


def answers(port: int) -> bool | None:
    """Is it a registry that listens on 127.0.0.1:port? None: nothing listens."""
    try:
        wire = Wire(f"tcp://127.0.0.1:{port}", 1.0, 2.0)
    except OSError:
        return None
    try:
        wire.send(["GET /v2/"])
        return bool(wire.reply().header("docker-distribution-api-version"))
    except (OSError, WireError):
        return False
    finally:
        wire.close()


def start(port: int) -> bool:
    """Returns once a registry answers there; True if this call has started it. Raises StepError."""
    with _alone(port):
        until = time.monotonic() + SETTLED_S
        while (answer := answers(port)) is False and time.monotonic() < until:
            time.sleep(POLL_S)
        if answer is False:
            held = listener(port)
            raise StepError(
                f"port {port} of 127.0.0.1 is held by {held or 'another program'}, which is not a registry",
                "stop it, or give the target's registry another `port`",
            )
        if answer:
            return False
        _launch(port, _program())
        return True


def stop(port: int) -> str | None:
    """Ends what `start` started, and nothing else; the images stay. What it did in words, None if none of ours runs."""
    pid = running(port)
    if pid is None:
        return None
    for number in (signal.SIGTERM, signal.SIGKILL):
        if running(port):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        # its threads hold the port for a moment longer than it has a command line
        until = time.monotonic() + STOP_S
        while (running(port) or answers(port) is not None) and time.monotonic() < until:
            time.sleep(POLL_S)
        if not running(port):
            break
    (folder(port) / "pid").unlink(missing_ok=True)
    return f"stopped the registry on 127.0.0.1:{port} (pid {pid}); its images stay in {folder(port)}"


def _launch(port: int, program: str) -> None:
    here = folder(port)
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        # no blobdescriptor cache: after a garbage collection it makes a push report success for blobs that are gone
        "storage": {"filesystem": {"rootdirectory": str(storage(port))}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config_file(port).write_text(json.dumps(settings, indent=1))  # JSON is YAML
    # REGISTRY_... variables would override the configuration
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    log = here / "registry.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", START, "sh", str(here / "pid"), program, str(config_file(port))],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**environment, "OTEL_TRACES_EXPORTER": "none"},
            start_new_session=True,  # it outlives doit, and Ctrl-C
        )
    _ready(port, process, log)
    process.returncode = 0  # it is not waited for; without this Python warns that it still runs


def _ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S
    while not answers(port):
        if process.poll() is not None or time.monotonic() > until:
            state = "did not answer in time" if process.returncode is None else f"ended with {process.returncode}"
            last = log.read_text(errors="replace").splitlines()[-10:]
            raise StepError(f"the registry on 127.0.0.1:{port} {state}; its log: {log}", detail="\n".join(last))
        time.sleep(POLL_S)


def _program() -> str:
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    raise StepError(
        "no registry program: `docker-registry` is not installed",
        "`apt-get install docker-registry` (Debian, Ubuntu); elsewhere build `registry` from "
        "github.com/distribution/distribution, or name a registry that you have: {kind: generic, address: ...}",
    )


@contextmanager
def _alone(port: int) -> Iterator[None]:
    """Of two runs that find no registry, one starts it and the other waits."""
    folder(port).mkdir(parents=True, exist_ok=True)
    with (folder(port) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
