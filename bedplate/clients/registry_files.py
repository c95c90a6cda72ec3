"""registry_files: the folder of a registry of ours: who runs it, and what it holds, 50 times quicker than by asking."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def folder(port: int) -> Path:
    """Where the images, configuration, log and pid of the registry on this port are."""
    data = os.environ.get("XDG_DATA_HOME", "")
    home = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
    return home / "bedplate" / "registry" / str(port)


def storage(port: int) -> Path:
    return folder(port) / "data"


def config_file(port: int) -> Path:
    return folder(port) / "config.json"


def running(port: int) -> int | None:
    """The process id of the registry that we started on this port and that still runs."""
    try:
        pid = int((folder(port) / "pid").read_bytes())
    except (OSError, ValueError):
        return None
    # a pid is given out again; no other program has our configuration file in its command line
    return pid if _command(pid).endswith(f" serve {config_file(port)}") else None


def drop_damaged(address: str, digest: str) -> bool:
    """Removes a blob whose content is not what its name says, if this is a registry of ours; True: it has.

    distribution keeps a damaged blob for good: whoever pushes it again is told that it is there already."""
    host, _, port = address.partition("/")[0].rpartition(":")
    if host != "127.0.0.1" or not port.isdigit() or not running(int(port)):
        return False
    hex = digest.partition(":")[2]
    blob = storage(int(port)) / "docker/registry/v2/blobs/sha256" / hex[:2] / hex / "data"
    if not blob.is_file() or hashlib.sha256(blob.read_bytes()).hexdigest() == hex:
        return False
    blob.unlink()
    return True


class RegistryFiles:
    """`storage`: the rootdirectory. Layout: distribution, registry/storage/paths.go; the same since version 2.0.

    What was found whole once is not looked at again by this object."""

    def __init__(self, storage: Path) -> None:
        self._root = f"{storage}/docker/registry/v2"
        self._whole: set[tuple[str, str]] = set()

    def digest(self, repository: str, reference: str) -> str | None:
        """As OciRegistry.digest answers: a tag counts only if the manifest that it names is there, and undamaged."""
        digest = reference
        if ":" not in reference:
            link = _content(self._tag(repository, reference))
            if link is None:
                return None
            digest = link.decode("ascii", "replace")
        if (repository, digest) not in self._whole:
            if not os.access(self._revision(repository, digest), os.R_OK):
                return None
            # a kilobyte or two: to read it takes no longer than to ask the program for it
            if self._blob_content(digest) is None:
                return None
            self._whole.add((repository, digest))
        return digest

    def paths(self, repository: str, reference: str, digest: str) -> Iterator[str]:
        """The files that say so, where `digest` is what the reference has: while they are as they are, so is it."""
        if ":" not in reference:
            yield self._tag(repository, reference)
        yield self._revision(repository, digest)
        yield self._blob(digest)

    def labels(self, repository: str, digest: str) -> Mapping[str, str] | None:
        """As OciRegistry.labels; None where the files do not say it plainly: an index, or something is damaged."""
        import json

        manifest = self._blob_content(digest) if self.digest(repository, digest) else None
        config = json.loads(manifest).get("config") if manifest else None
        if not config:
            return None
        path = f"{self._root}/repositories/{repository}/_layers/sha256/{_hex(config['digest'])}/link"
        content = self._blob_content(config["digest"]) if os.access(path, os.R_OK) else None
        return (json.loads(content).get("config") or {}).get("Labels") or {} if content else None

    def _tag(self, repository: str, tag: str) -> str:
        return f"{self._root}/repositories/{repository}/_manifests/tags/{tag}/current/link"

    def _revision(self, repository: str, digest: str) -> str:
        return f"{self._root}/repositories/{repository}/_manifests/revisions/sha256/{_hex(digest)}/link"

    def _blob(self, digest: str) -> str:
        return f"{self._root}/blobs/sha256/{_hex(digest)[:2]}/{_hex(digest)}/data"

    def _blob_content(self, digest: str) -> bytes | None:
        """None: it is not there, or damaged."""
        content = _content(self._blob(digest))
        return content if content is not None and hashlib.sha256(content).hexdigest() == _hex(digest) else None


def of_host(host: str) -> RegistryFiles | None:
    """The files of a registry of ours that runs at this host[:port]; None: it is another's, or does not run."""
    name, _, port = host.rpartition(":")
    return RegistryFiles(storage(int(port))) if name == "127.0.0.1" and port.isdigit() and running(int(port)) else None


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _content(path: str) -> bytes | None:
    """Quicker than Python's own file objects: a run reads thousands."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(handle, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(handle)


def _command(pid: int) -> str:
    """The command line of a process; "" if there is none, or it has ended and waits to be collected."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    import subprocess

    asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()
