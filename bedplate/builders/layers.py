"""layers: the files of an image as its layers in the registry hold them; no engine is asked."""

from __future__ import annotations

import gzip
import json
import posixpath
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bedplate.errors import StepError
from bedplate.image_contents.look import Entry, Image

if TYPE_CHECKING:
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.log import Log

LINKS = 40  # that are followed, as Linux does (path_resolution(7))
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
GONE, OPAQUE = ".wh.", ".wh..wh..opq"  # image-spec, layer.md, "Whiteouts"


@contextmanager
def opened(remote: OciRegistry, repository: str, digest: str, platform: str | None, log: Log) -> Iterator[Image]:
    """The files and the configuration of an image. Its layers are kept, unpacked, while it is looked at.

    `platform`: of an index, whose image; None: this machine's. Raises StepError."""
    manifest = remote.image(repository, digest, platform)
    total, done = sum(int(layer.get("size", 0)) for layer in manifest["layers"]), 0
    log.note(f"reading {repository}@{digest[:19]} from its layers, {total / 1e6:.0f} MB")
    root = _Node("dir", 0o755)
    with tempfile.TemporaryDirectory(prefix="bedplate-layers-") as folder:
        for number, layer in enumerate(manifest["layers"]):
            path = Path(folder) / str(number)
            for size in _fetched(remote.blob(repository, layer["digest"]), path, repository):
                log.progress("reading layers", done + size, total)
            done += int(layer.get("size", 0))
            _lay(root, path)
        yield Image(_Files(root), _configuration(remote, repository, manifest))


def configuration(remote: OciRegistry, repository: str, digest: str, platform: str | None) -> Mapping[str, Any]:
    """As the engine has it: Env, User, Entrypoint, Cmd, ExposedPorts, WorkingDir (image-spec, config.md)."""
    return _configuration(remote, repository, remote.image(repository, digest, platform))


def _configuration(remote: OciRegistry, repository: str, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    document = json.loads(b"".join(remote.blob(repository, manifest["config"]["digest"])))
    config: Mapping[str, Any] = document.get("config") or {}  # Any: JSON
    return config


@dataclass
class _Node:
    kind: str  # dir | file | link | other
    mode: int
    size: int = 0
    target: str = ""
    layer: Path = field(default_factory=Path)
    offset: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


def _fetched(pieces: Iterator[bytes], path: Path, repository: str) -> Iterator[int]:
    """Writes the tar; bytes that have come, as they come."""
    come: list[int] = [0]
    source = _Pieces(pieces, come)
    head = source.head(4)
    if head == ZSTD:
        raise StepError(
            f"{repository}: a layer is packed with zstd, which is not read here",
            "build with `builder: {kind: local}`, whose engine reads it, or let the layer be packed with gzip",
        )
    # Any: both are read and no more
    stream: Any = gzip.GzipFile(fileobj=cast(Any, source), mode="rb") if head[:2] == GZIP else source
    try:
        with open(path, "wb") as file:
            while part := stream.read(1 << 20):
                file.write(part)
                yield come[0]
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        source.finish()  # which says so where it is not what was pushed
        raise StepError(f"{repository}: a layer cannot be unpacked: {error}") from None
    source.finish()


class _Pieces:
    """Pieces as a file that is read."""

    def __init__(self, pieces: Iterator[bytes], come: list[int]) -> None:
        self._pieces, self._rest, self._come = pieces, b"", come

    def head(self, size: int) -> bytes:
        part = self.read(size)
        self._rest = part + self._rest
        return part

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._come[0] += len(piece)
            self._rest = piece
        end = len(self._rest) if size < 0 else size
        part, self._rest = self._rest[:end], self._rest[end:]
        return part

    def finish(self) -> None:
        """To the end, where it is said whether the content is what its digest says."""
        while self.read():
            pass


def _lay(root: _Node, layer: Path) -> None:
    """One layer on those below it."""
    with tarfile.open(layer, "r:") as tar:
        members = list(tar)
    names = [posixpath.normpath(f"/{member.name}") for member in members]
    for name in names:  # they hide what is below, never what this layer brings
        place, base = posixpath.split(name)
        parent = _reached(root, place)[1]
        if parent is None or not base.startswith(GONE):
            continue
        if base == OPAQUE:
            parent.children.clear()
        else:
            parent.children.pop(base.removeprefix(GONE), None)
    for name, member in zip(names, members, strict=True):
        place, base = posixpath.split(name)
        if base and not base.startswith(GONE):
            _put(_made(root, place), base, member, root, layer)


def _put(parent: _Node, name: str, member: tarfile.TarInfo, root: _Node, layer: Path) -> None:
    if member.isdir():
        held = parent.children.get(name)
        if held is None or held.kind != "dir":
            parent.children[name] = _Node("dir", member.mode & 0o777)
        else:
            held.mode = member.mode & 0o777
    elif member.issym():
        parent.children[name] = _Node("link", 0o777, target=member.linkname)
    elif member.islnk():
        other = _reached(root, posixpath.normpath(f"/{member.linkname}"), last=False)[1]
        if other is not None:
            parent.children[name] = other
    elif member.isreg():
        parent.children[name] = _Node("file", member.mode & 0o777, member.size, "", layer, member.offset_data)
    else:
        parent.children[name] = _Node("other", member.mode & 0o777)


def _made(root: _Node, place: str) -> _Node:
    """The folder, made where a layer does not bring it itself."""
    found = _reached(root, place)[1]
    if found is not None and found.kind == "dir":
        return found
    above, name = posixpath.split(place)
    parent = _made(root, above)
    parent.children[name] = _Node("dir", 0o755)
    return parent.children[name]


def _reached(root: _Node, path: str, *, last: bool = True) -> tuple[str, _Node | None]:
    """Where the links lead, and what is there. `last`: the last part may be a link to follow, too."""
    parts, at, nodes, followed = [p for p in path.split("/") if p], list[str](), [root], 0
    while parts:
        part = parts.pop(0)
        if part in (".", ".."):
            if part == ".." and at:
                at.pop()
                nodes.pop()
            continue
        node = nodes[-1].children.get(part)
        if node is None:
            return path, None
        if node.kind == "link" and (parts or last):
            followed += 1
            if followed > LINKS:
                return path, None
            parts = [p for p in node.target.split("/") if p] + parts
            if node.target.startswith("/"):
                at, nodes = [], [root]
            continue
        at.append(part)
        nodes.append(node)
    return "/" + "/".join(at), nodes[-1]


class _Files:
    """`Look` of layers that lie on each other."""

    def __init__(self, root: _Node) -> None:
        self._root = root

    def entry(self, path: str) -> Entry | None:
        where, node = _reached(self._root, path)
        return None if node is None else Entry(where, node.kind == "dir", node.mode, node.size)

    def read(self, path: str) -> bytes | None:
        node = _reached(self._root, path)[1]
        if node is None or node.kind != "file":
            return None
        with open(node.layer, "rb") as file:
            file.seek(node.offset)
            return file.read(node.size)

    def names(self, folder: str) -> Sequence[str]:
        node = _reached(self._root, folder)[1]
        return list(node.children) if node is not None and node.kind == "dir" else ()
