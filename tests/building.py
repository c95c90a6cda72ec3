"""building: what tests of builds share: a log that remembers, requests for a build, an image with a shell."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedplate import labels
from bedplate.builders import docker, rootfs, session
from bedplate.clients import docker_host
from bedplate.clients.docker_engine import Engine
from bedplate.step import BuildRequest, FileSet, ReadFile

OS = rootfs.Rootfs("bookworm", ("ca-certificates", "python3", "python3-venv"), "minbase", ("main",), None, None)
FINGERPRINT = "0" * 64


class Lines:
    """A `log.Log` that remembers."""

    def __init__(self, path: Path = Path("build.log")) -> None:
        self.path = path
        self.lines: list[str] = []
        self.notes: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, done: float, total: float | None) -> None:
        pass

    def ask(self, question: str) -> str:
        return ""

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, *self.notes])


def file_set(root: Path, folder: str = "context") -> FileSet:
    """Every file below root/folder, as a FileSet has it."""
    files = []
    for path in sorted((root / folder).rglob("*")):
        name, stat = str(path.relative_to(root / folder)), path.lstat()
        stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        if path.is_symlink():
            text = hashlib.sha256(str(path.readlink()).encode()).hexdigest()
            files.append(ReadFile(name, "symlink", 0o777, text, 0, stamp))
        elif path.is_dir():
            files.append(ReadFile(name, "dir", 0o755, "", 0, stamp))
        else:
            mode = 0o755 if stat.st_mode & 0o100 else 0o644
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files.append(ReadFile(name, "file", mode, digest, stat.st_size, stamp))
    return FileSet(folder, tuple(files))


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def request(root: Path, dockerfile: str, files: Mapping[str, str | bytes] | None = None, **fields: Any) -> BuildRequest:
    """A request for a build of this Dockerfile with these files, under a tag of its own."""
    (root / "context").mkdir(exist_ok=True)
    write(root / "context", files or {})
    made = BuildRequest(
        image="one",
        tag=f"bptest-{uuid.uuid4().hex[:10]}/one:fp-{FINGERPRINT[:16]}",
        dockerfile=dockerfile,
        lines={n: n for n in range(1, dockerfile.count("\n") + 2)},
        dockerfile_path="images/one/Dockerfile",
        file_set=file_set(root),
        args={},
        target=None,
        platform="linux/amd64",
        labels={labels.FINGERPRINT: FINGERPRINT},
    )
    return replace(made, **fields)


def files_of(engine: Engine, image: str) -> dict[str, tarfile.TarInfo]:
    """Every file of an image by its path; nothing of it is run."""
    container = engine.create(f"bptest-{uuid.uuid4().hex[:10]}", image, ["none"])
    try:
        content = b"".join(engine.api.export(container))
    finally:
        engine.remove(container, force=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {entry.name: entry for entry in tar.getmembers()}


def all_bytes(engine: Engine, image: str) -> bytes:
    """The image as `docker save` writes it (config, history, layers), with what the engine says of it."""
    return b"".join(engine.api.get_image(image)) + json.dumps([engine.image(image), engine.api.history(image)]).encode()


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(docker_host.address())


@pytest.fixture
def log(tmp_path: Path) -> Lines:
    return Lines(tmp_path / "build.log")


def built(wanted: BuildRequest, root: Path, engine: Engine, log: Lines) -> None:
    """Through the engine's API, as a context of this size is built."""
    if docker.speaks_buildkit(engine) and engine.has_sessions and session.takes(wanted.file_set):
        session.build(wanted, root, engine, log)
    else:
        docker.build(wanted, root, engine, log)


@pytest.fixture
def build(engine: Engine, tmp_path: Path, log: Lines) -> Iterator[Callable[..., str]]:
    """Builds a request through the engine's API and says the tag; what was built is removed after the test."""
    made: list[str] = []

    def build(wanted: BuildRequest) -> str:
        made.append(wanted.tag)
        built(wanted, tmp_path, engine, log)
        return wanted.tag

    yield build
    for tag in made:
        engine.remove_image(tag)


@pytest.fixture(scope="session")
def os_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Tag of a Debian with a shell and Python. It stays in the engine: it takes half a minute to make."""
    tag = f"bptest-os/{OS.suite}:{hashlib.sha256(repr(OS).encode()).hexdigest()[:16]}"
    if engine.image(tag) is None:
        root = tmp_path_factory.mktemp("os")
        tar = rootfs.build(OS, Lines())
        (root / "context").mkdir()
        (root / "context" / "rootfs.tar").hardlink_to(tar)
        docker.build(replace(request(root, "FROM scratch\nADD rootfs.tar /\n"), tag=tag), root, engine, Lines())
    return tag
