"""inspection: the files of a finished image, and whether it is what is required of it."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bedplate.builders import found, layers
from bedplate.builders.image import in_azure
from bedplate.errors import StepError
from bedplate.image_contents import running, verdict
from bedplate.image_contents.asked import Asked, tag
from bedplate.image_contents.look import Entry, Image, Late, Look
from bedplate.image_contents.verdict import Verdict
from bedplate.model import BuiltImage, Registry
from bedplate.questions import AskManifest
from bedplate.step import Clients

if TYPE_CHECKING:
    from bedplate.clients.docker_engine import Engine

LINKS = 40  # that are followed, as Linux does (path_resolution(7))
FOLDER, LINK = 1 << 31, 1 << 27  # in the mode of the engine's answer (Go, io/fs, FileMode)
STAT = "X-Docker-Container-Path-Stat"


def check(
    asked: Asked,
    what: str,
    image: BuiltImage,
    registry: Registry,
    mend: Callable[[Verdict, str], str],
    clients: Clients,
) -> None:
    """Returns if the image is what is asked of it.

    Not asked again where the registry has the `checked-` tag on this very image. `what`: `image base`. `mend`: what is
    said of one that is not met, given the family of the image's packages. Raises StepError with all that was found."""
    path = image.tag.rpartition(":")[0]
    digest = image.digest
    if not clients.again and not found.unlabelled(image, clients):
        digest = digest or found.in_registry(path, image.fingerprint, registry, clients)
        if digest and _checked(path, digest, tag(asked), registry, clients):
            clients.log.note(f"requirements: {len(asked)} met when this image was checked before")
            return
    with contents_of(replace(image, digest=digest), registry, clients) as contents:
        try:
            verdicts = verdict.judge(asked, contents)
        except ValueError as error:
            raise StepError(f"{what}: {error}", "edit it in pipeline.yaml") from None
        # of what the configuration says the family tells nothing, and it is files that tell the family
        wrong = [mend(v, "" if v.key in running.RULES else contents.family) for v in verdicts if not v.met]
    if wrong:
        names = ", ".join(verdict.title(one) for one in verdicts if not one.met)
        message = f"{what} is not what is required of it: {names}"
        raise StepError(message, "\n        ".join(wrong), "\n".join(verdict.table(verdicts)), alone=True)
    for line in verdict.table(verdicts):
        clients.log.note(line)


@contextmanager
def contents_of(image: BuiltImage, registry: Registry, clients: Clients) -> Iterator[Image]:
    """What the engine has or, where the registry alone has it, its configuration there.

    Only once files are asked for the engine pulls it; where images are built in Azure its layers are read instead."""
    path = image.tag.rpartition(":")[0]
    azure = in_azure(clients.spec)
    if not azure and (image.digest is None or clients.engine.image(image.tag) is not None):
        with opened(clients.engine, found.in_engine(image, path, registry, clients)) as contents:
            yield contents
        return
    name, _, digest = found.reference(image, path, registry, clients).partition("@")
    remote, repository = clients.registry(registry), name.partition("/")[2]
    entry = clients.spec.images.get(image.name)
    platform = entry.platform if entry else None
    with ExitStack() as stack:

        def files() -> Look:
            if azure:
                return stack.enter_context(layers.opened(remote, repository, digest, platform, clients.log)).look
            clients.log.note("its files are asked for, and the engine has them not")
            return stack.enter_context(opened(clients.engine, found.in_engine(image, path, registry, clients))).look

        yield Image(Late(files), layers.configuration(remote, repository, digest, platform))


@contextmanager
def opened(engine: Engine, reference: str) -> Iterator[Image]:
    """The files and the configuration of an image that the engine has, in a container that is never started."""
    config: dict[str, Any] = (engine.image(reference) or {}).get("Config") or {}  # Any: the engine's JSON
    # a name that no other has; a command, because an image may have none
    container = engine.create(f"bedplate-look-{uuid.uuid4().hex}", reference, ["true"])
    try:
        yield Image(_Files(engine, container), config)
    finally:
        engine.remove(container, force=True)


def _checked(path: str, digest: str, name: str, registry: Registry, clients: Clients) -> bool:
    remote = clients.registry(registry)
    below = registry.address.partition("/")[2]
    repository = f"{below}/{path}" if below else path
    asked, digests = AskManifest(remote.host, repository, name), clients.seen.digests
    return (digests[asked] if asked in digests else remote.digest(repository, name)) == digest


class _Files:
    """`Look` of a container; each path is asked for once."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container
        self._entries: dict[str, Entry | None] = {}
        self._contents: dict[str, bytes | None] = {}
        self._names: dict[str, Sequence[str]] = {}

    def entry(self, path: str) -> Entry | None:
        if path not in self._entries:
            self._entries[path] = self._entry(path)
        return self._entries[path]

    def read(self, path: str) -> bytes | None:
        entry = self.entry(path)
        if entry is None or entry.folder:
            return None
        if entry.path not in self._contents:
            self._contents[entry.path] = self._read(entry.path)
        return self._contents[entry.path]

    def names(self, folder: str) -> Sequence[str]:
        entry = self.entry(folder)
        if entry is None or not entry.folder:
            return ()
        if entry.path not in self._names:
            self._names[entry.path] = self._list(entry.path)
        return self._names[entry.path]

    def _entry(self, path: str) -> Entry | None:
        for _ in range(LINKS):
            said = self._stat(path)
            if said is None:
                return None
            mode = int(said["mode"])
            if not mode & LINK:
                return Entry(path, bool(mode & FOLDER), mode & 0o777, int(said["size"]))
            # the engine has followed the links in between, and says where they lead in the container
            path = str(said["linkTarget"])
        return None

    def _stat(self, path: str) -> dict[str, Any] | None:
        api = self._engine.api
        with self._engine.asking(f"looking for {path} in an image"):
            url = api._url("/containers/{0}/archive", self._container)
            reply = api.head(url, params={"path": path}, timeout=api.timeout)
            if reply.status_code == 404:
                return None
            api._raise_for_status(reply)
        said: dict[str, Any] = json.loads(base64.b64decode(reply.headers[STAT]))
        return said

    def _read(self, path: str) -> bytes | None:
        content = self._engine.get(self._container, path)
        if content is None:
            return None
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            first = tar.next()
            file = tar.extractfile(first) if first else None
            return file.read() if file else None

    def _list(self, path: str) -> Sequence[str]:
        """The engine has no listing: the folder comes whole, as it is read nothing of it is kept."""
        names: dict[str, None] = {}
        with self._engine.asking(f"reading {path} of an image"):
            stream: Any = _Stream(self._engine.api.get_archive(self._container, path)[0])  # Any: it is read and no more
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for entry in tar:
                    names.setdefault(entry.name.split("/", 2)[1] if "/" in entry.name else "")
        return [name for name in names if name]


class _Stream:
    """Chunks as a file that tarfile reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts, needed = [self._rest], size - len(self._rest)
        while needed > 0:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            parts.append(chunk)
            needed -= len(chunk)
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]
