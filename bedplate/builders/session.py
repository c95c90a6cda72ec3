"""session: a build through the engine's API whose files BuildKit asks for: it takes those that it has not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path, PurePosixPath

from bedplate.builders import docker, failure
from bedplate.builders.layout import apart
from bedplate.builders.progress import Failed
from bedplate.clients import buildkit_session
from bedplate.clients.buildkit_session import NOT_FOUND, BuildKitSession, Methods, RefusedError
from bedplate.clients.docker_engine import Engine
from bedplate.clients.docker_errors import EngineError
from bedplate.clients.file_sync import Entry, Sending
from bedplate.context import archive
from bedplate.errors import StepError
from bedplate.log import Log
from bedplate.step import BuildRequest, FileSet

NAME = "Dockerfile"
SECOND = archive.EPOCH * 10**9  # ns
IGNORE = ".dockerignore"  # has been heeded where the files were chosen


class NoSessionError(StepError):
    """The engine gives no session; nothing was built, and it is not asked again."""


def build(request: BuildRequest, root: Path, engine: Engine, log: Log) -> str:
    """Image id. The image carries `request.tag`. Raises StepError with the instruction that failed.

    `root`: the project's."""
    layout, extra = apart(request)
    beside = {NAME: layout.dockerfile.encode(errors="surrogateescape"), f"{NAME}{IGNORE}": b"# nothing\n"}
    folders = {"dockerfile": [_extra(name, content) for name, content in beside.items()]}
    folders["context"] = list(entries(request.file_set, root))

    def files(headers: Mapping[str, list[str]]) -> Sending:
        name = headers.get("dir-name", [""])[0]
        if name not in folders:
            raise RefusedError(NOT_FOUND, "there is no such folder")
        asked_for_ignore = headers.get("followpaths") == [IGNORE]
        return Sending(() if asked_for_ignore else folders[name])

    secrets = {**extra, **request.secrets}
    methods: Methods = {
        buildkit_session.HEALTH: lambda _: buildkit_session.healthy(),
        buildkit_session.FILES: files,
        buildkit_session.SECRETS: lambda _: buildkit_session.secrets(secrets),
    }
    query = {**docker.query(request, layout.target, NAME), "version": "2", "remote": "client-session"}

    def once() -> Failed | None:
        with closing(_opened(engine, _key(request), methods)) as session:
            failed = docker.by_buildkit(engine, (), {**query, "session": session.name}, log)
            if failed and session.failed:
                raise session.failed
        return failed

    failed = docker.tried(once, log)
    if failed:
        raise failure.explain(request, layout, failed, log, classic=False)
    return docker.finished(request, engine)


def takes(file_set: FileSet) -> bool:
    """Are all names text? BuildKit's messages have no others, and later versions insist on it."""
    try:
        "".join(file.path for file in file_set.files).encode()
    except UnicodeEncodeError:
        return False
    return True


def entries(file_set: FileSet, root: Path) -> Iterator[Entry]:
    """The files of the set and the folders they lie in. Raises StepError where a link is another than was hashed."""
    base = os.path.join(root, file_set.root)  # noqa: PTH118  # a Path for each file is slow
    named = {file.path for file in file_set.files}
    for folder in {str(parent) for path in named for parent in PurePosixPath(path).parents} - named - {"."}:
        yield Entry(folder, "dir", archive.FOLDER_MODE, SECOND)
    for file in file_set.files:
        path, mode, time = f"{base}/{file.path}", file.mode, _time(file.sha256)
        if file.kind == "symlink":
            yield Entry(file.path, file.kind, mode, time, target=archive.target(path, file))
        elif file.kind == "dir":
            yield Entry(file.path, file.kind, mode, SECOND)
        else:
            yield Entry(file.path, file.kind, mode, time, file.size, content=partial(archive.content, path, file))


def _extra(name: str, content: bytes) -> Entry:
    time = _time(hashlib.sha256(content).hexdigest())
    return Entry(name, "file", archive.EXTRA_MODE, time, len(content), content=lambda: (content,))


def _time(sha256: str) -> int:
    """Another content of the same size has another time, and all have one second: no layer tells of less than that."""
    return SECOND + int(sha256[:15] or "0", 16) % 10**9


def _key(request: BuildRequest) -> str:
    """Of what an image was made of before, only what is not the same is sent."""
    return hashlib.sha256(request.tag.rpartition(":")[0].encode()).hexdigest()


def _opened(engine: Engine, key: str, methods: Methods) -> BuildKitSession:
    try:
        return engine.session(key, methods)
    except EngineError as error:
        engine.has_sessions = False
        raise NoSessionError(str(error)) from None
