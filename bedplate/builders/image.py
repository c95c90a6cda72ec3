"""image: builds an image in the way that suits it and this machine."""

from __future__ import annotations

from bedplate.builders import buildx, docker
from bedplate.errors import StepError
from bedplate.step import BuildRequest, Clients

# Where a client program that sends only what changed overtakes one tar: docs/decisions/build-context.md.
MANY_FILES = 5_000
MANY_BYTES = 200_000_000


def build(request: BuildRequest, clients: Clients) -> str:
    """Image id; the engine then has the image under `request.tag`. Raises StepError.

    A secret needs a client program that speaks BuildKit; a large context is faster with one."""
    why = _why_client(request)
    client = buildx.client() if why and docker.uses_buildkit(clients.engine) else None
    if client:
        clients.log.note(f"builder: {' '.join(client.command)}, because of {why}")
        return buildx.build(request, clients.root, clients.engine, clients.log, client)
    if request.secrets:
        names = ", ".join(sorted(request.secrets))
        raise StepError(
            f"image {request.image}: its secrets ({names}) need BuildKit and a docker client that speaks it",
            "install Docker's buildx plugin (`sudo apt-get install docker-buildx`, or docker-buildx-plugin)",
        )
    kind = "BuildKit" if docker.uses_buildkit(clients.engine) else "the classic builder"
    clients.log.note(f"builder: {kind} of the engine, through its API")
    return docker.build(request, clients.root, clients.engine, clients.log)


def _why_client(request: BuildRequest) -> str:
    if request.secrets:
        return "secrets"
    files = request.file_set.files
    size = sum(file.size for file in files)
    if len(files) > MANY_FILES or size > MANY_BYTES:
        return f"the size of its context ({len(files)} files, {size / 1e6:.0f} MB)"
    return ""
