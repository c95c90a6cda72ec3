"""docker: a build through the engine's API whose files go in one tar."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bedplate.builders.layout import DOCKERFILE, lay_out
from bedplate.builders.progress import BuildKitProgress, ClassicProgress, Failed
from bedplate.clients import buildkit_trace
from bedplate.clients.docker_engine import Engine
from bedplate.context import archive as context_tar
from bedplate.errors import StepError
from bedplate.log import Log
from bedplate.step import BuildRequest

TRACE = "moby.buildkit.trace"
# the engine's own address for what was posted, which BuildKit then looks for in the network
NOT_FETCHED = re.compile(r'Get "http://build-context-\w+"')
# somebody's `docker rmi` or `prune` took what one step had made before the next stood on it
REMOVED = re.compile(
    r'unable to find image "sha256:|No such image: sha256:|unknown parent image ID|'
    r"get layer sha256:\w+: layer does not exist"
)
TRIES = 3


class NotFetchedError(StepError):
    """The engine's BuildKit could not read what was posted to it; nothing was built, and it is not asked again."""


def build(request: BuildRequest, root: Path, engine: Engine, log: Log, *, by_classic: bool = True) -> str:
    """Image id. The image carries `request.tag`. Raises StepError with the instruction that failed.

    `root`: the project's. Secrets need a session: bedplate.builders.session, or a client program's.
    `by_classic`: the classic builder takes over where BuildKit cannot read what is posted; else NotFetchedError."""
    assert not request.secrets, "secrets cannot be handed over here"
    layout = lay_out(request)
    buildkit = uses_buildkit(engine)
    asked = {**query(request, layout.target, DOCKERFILE), "version": "2" if buildkit else "1"}
    if not buildkit and request.platform == platform(engine):
        del asked["platform"]  # an old classic builder refuses even its own

    def once() -> Failed | None:
        context = context_tar.tar(request.file_set, root, layout.extra, layout.below)
        return by_buildkit(engine, context, asked, log) if buildkit else _classic(engine, context, asked, log)

    failed = tried(once, log)
    if failed and buildkit and NOT_FETCHED.search(failed.error):
        engine.fetches_context = False
        log.note(
            "the engine's BuildKit cannot read a context that is posted to it (containerd's image store, Docker 26)"
        )
        if by_classic:
            return build(request, root, engine, log)
        raise NotFetchedError(failed.error)
    if failed:
        from bedplate.builders import failure

        raise failure.explain(request, layout, failed, log, classic=not buildkit)
    return finished(request, engine)


def query(request: BuildRequest, target: str | None, dockerfile: str) -> dict[str, str]:
    """The parameters of POST /build that are the same for all builders."""
    asked = {
        "t": request.tag,
        "dockerfile": dockerfile,
        "buildargs": json.dumps(dict(request.args)),
        "labels": json.dumps(dict(request.labels)),
        "rm": "1",
        "forcerm": "1",  # the classic builder otherwise keeps the container of a failed build
        "platform": request.platform,
    }
    return {**asked, "target": target} if target else asked


def tried(once: Callable[[], Failed | None], log: Log) -> Failed | None:
    """What came of the build, which is begun again where somebody takes away what it stands on."""
    for _ in range(TRIES - 1):
        failed = once()
        if not failed or not REMOVED.search(failed.error):
            return failed
        log.note(f"a layer was removed from the engine while it built on it; builds again: {failed.error}")
    return once()


def finished(request: BuildRequest, engine: Engine) -> str:
    """Image id of what the engine has under the request's tag after a build."""
    image = engine.image(request.tag)
    if image is None:
        raise StepError(f"image {request.image}: the build ended well, but the engine has no {request.tag}")
    return str(image["Id"])


def uses_buildkit(engine: Engine) -> bool:
    """When a context is posted. DOCKER_BUILDKIT=0 asks for the classic builder, as it does with Docker's own client."""
    return engine.fetches_context and speaks_buildkit(engine)


def speaks_buildkit(engine: Engine) -> bool:
    """As `uses_buildkit`, be it through a client program."""
    return os.environ.get("DOCKER_BUILDKIT") != "0" and engine.builder() == "buildkit"


def platform(engine: Engine) -> str:
    """`linux/amd64`: what the engine builds for when nothing is said."""
    version = engine.version()
    return f"{version.get('Os', 'linux')}/{version.get('Arch', '')}"


def by_buildkit(engine: Engine, context: Iterable[bytes], query: Mapping[str, str], log: Log) -> Failed | None:
    """`context`: a tar, or nothing where a session has it."""
    progress = BuildKitProgress(log)
    for message in engine.build(context, query):
        if message.get("id") == TRACE:
            progress.take(buildkit_trace.decode(base64.b64decode(message["aux"])))
        elif "error" in message:
            return progress.failed(str(message["error"]))
    return None


def _classic(engine: Engine, context: Iterable[bytes], query: Mapping[str, str], log: Log) -> Failed | None:
    progress = ClassicProgress(log)
    for message in engine.build(context, query):
        if "error" in message:
            return progress.failed(str(message["error"]))
        progress.take(str(message.get("stream", "")))
    return None
