"""A second container engine beside the machine's own, which a test may stop, kill and start again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

DEEPEST = 40


class SecondEngine:
    """dockerd with data, socket and bridge of its own. It sets no firewall rules: the first one's stay as they are, so
    its containers are reached by published ports and reach nothing outside.

    `programs`: a folder with another engine and client than the machine's. `containerd_store`: images lie there."""

    def __init__(self, folder: Path, programs: Path | None = None, containerd_store: bool = False) -> None:
        self.folder = folder
        self._store = [] if containerd_store else ["--storage-driver", "overlay2"]
        features = {"features": {"containerd-snapshotter": True}} if containerd_store else {}
        (folder / "engine.json").write_text(json.dumps(features), encoding="utf-8")
        self._path = f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"]
        plugins = folder / "client" / "cli-plugins"
        plugins.mkdir(parents=True)
        for plugin in (programs or plugins).glob("docker-buildx"):
            (plugins / plugin.name).symlink_to(plugin)
        self.socket = folder / "docker.sock"
        self.address = f"unix://{self.socket}"
        self._bridge = f"bp{uuid.uuid4().hex[:8]}"
        self._process: subprocess.Popen[bytes] | None = None
        subnet = next(n for n in range(40, 250) if f"10.213.{n}." not in _ip("addr"))
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"10.213.{subnet}.1/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes a client program, and Bedplate, use this engine."""
        return {"DOCKER_HOST": self.address, "DOCKER_CONFIG": str(self.folder / "client"), "PATH": self._path}

    def start(self) -> None:
        # a killed process that nobody has waited for still counts as running
        for pid in (self.folder / "pid", self.folder / "exec/containerd/containerd.pid"):
            pid.unlink(missing_ok=True)
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd", "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"),
                    "--pidfile", str(self.folder / "pid"), "--host", self.address, "--bridge", self._bridge,
                    "--iptables=false", "--ip-masq=false", "--config-file", str(self.folder / "engine.json"),
                    *self._store,
                ],
                stdout=log, stderr=log, env={**os.environ, "PATH": self._path},
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while self.docker("version", check=False).returncode:
            assert self._process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()[
                -2000:
            ]
            time.sleep(0.1)

    def kill(self) -> None:
        """As a crash of the machine does it: the engine, its containerd and the containers, without a word."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._kill_the_rest()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)

    def remove(self) -> None:
        with suppress(Exception):
            for container in self.docker("ps", "-aq").stdout.split():
                self.docker("rm", "-f", container)
        self.stop()
        self._kill_the_rest()
        for line in reversed(Path("/proc/mounts").read_text(encoding="utf-8").splitlines()):
            if line.split()[1].startswith(str(self.folder)):
                subprocess.run(["umount", "--lazy", line.split()[1]], check=False)
        _ip("link", "del", self._bridge)

    def docker(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **self.environ}
        return subprocess.run(["docker", *args], env=environ, capture_output=True, text=True, check=check)

    def _kill_the_rest(self) -> None:
        """containerd, the shims and what they run: all that belongs to this engine's folder."""
        children: dict[int, list[int]] = {}
        ours = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                pid = int(entry.name)
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(pid)
                if str(self.folder).encode() in (entry / "cmdline").read_bytes() and pid != os.getpid():
                    ours.append(pid)
        while ours:
            pid = ours.pop()
            ours += children.pop(pid, [])
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def second_engine(folder: Path, programs: Path | None = None, containerd_store: bool = False) -> Iterator[SecondEngine]:
    # the path of a socket has 107 characters at most (unix(7)), and containerd's are deep below this folder
    short = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp")) if len(str(folder)) > DEEPEST else None
    engine = SecondEngine(short or folder, programs, containerd_store)
    try:
        engine.start()
        yield engine
    finally:
        engine.remove()
        if short:
            shutil.rmtree(short, ignore_errors=True)


def _ip(*args: str) -> str:
    return subprocess.run(["ip", *args], capture_output=True, text=True, check=True).stdout
