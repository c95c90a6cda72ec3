"""image: builds an image in the way that suits it and this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bedplate.errors import StepError
from bedplate.model import AcrTasksBuilder, Registry, Spec
from bedplate.step import BuildRequest, Clients

if TYPE_CHECKING:
    from bedplate.builders.buildx import Client
    from bedplate.clients.docker_engine import Engine

# Where a client program that looks at the folder while it sends overtakes us: docs/decisions/build-context.md.
MANY_FILES = 500
MANY_BYTES = 20_000_000


def in_azure(spec: Spec) -> bool:
    """Are images built in Azure? Then no engine is asked for anything: there may be none."""
    return isinstance(spec.target.builder, AcrTasksBuilder)


def made(request: BuildRequest, registry: Registry, clients: Clients) -> str | None:
    """Built where the target says: the digest where the registry has it already, None where the engine has it."""
    if in_azure(clients.spec):
        from bedplate.builders import acr_tasks

        return acr_tasks.build(request, registry, clients)
    build(request, clients)
    return None


def build(request: BuildRequest, clients: Clients) -> str:
    """Image id; the engine then has the image under `request.tag`. Raises StepError.

    What the host's settings say of the network (CA bundle, pip, proxies) reaches the build and stays out of the image.
    A large context is faster with a client program that speaks BuildKit; a secret needs one where the engine gives no
    session."""
    from bedplate.builders import docker
    from bedplate.builders.session import NoSessionError

    for _ in range(2):
        try:
            return _build(request, clients)
        except NoSessionError as error:
            clients.log.note(f"the engine gives no session: {error}")
        except docker.NotFetchedError:
            pass
    return _build(request, clients)  # by another way: the engine knows now


def _build(request: BuildRequest, clients: Clients) -> str:
    from bedplate.builders import docker, host_settings, layout, session

    engine, log = clients.engine, clients.log
    speaks = docker.speaks_buildkit(engine)
    why = _size(request)
    client = _client() if why and speaks else None
    by_session = client is None and speaks and engine.has_sessions and session.takes(request.file_set)
    if client is None and not by_session:
        trigger = layout.mixed(request)
        why = _why_client(request, engine, trigger)
        client = _client() if why and speaks else None
        if client is None:
            _refuse(request, trigger)
    buildkit = client is not None or by_session or docker.uses_buildkit(engine)
    if client:
        log.note(f"builder: {' '.join(client.command)}, because of {why}")
    else:
        log.note(f"builder: {'BuildKit' if buildkit else 'the classic builder'} of the engine, through its API")
    settings = host_settings.read(os.environ, Path.home())
    settings = settings if buildkit else settings.without_mounts()
    for note in settings.notes:
        log.note(note)
    request = host_settings.applied(settings, request)
    if client:
        from bedplate.builders import buildx

        return buildx.build(request, clients.root, engine, log, client)
    if by_session:
        return session.build(request, clients.root, engine, log)
    return docker.build(request, clients.root, engine, log, by_classic=False)


def _client() -> Client | None:
    from bedplate.builders import buildx  # 3 ms that few builds pay

    return buildx.client()


def _refuse(request: BuildRequest, trigger: str) -> None:
    """Raises StepError for what neither a tar nor the classic builder can do."""
    lacks = ""
    if request.secrets:
        lacks = f"its secrets ({', '.join(sorted(request.secrets))}) need BuildKit"
    elif trigger:
        lacks = (
            f"`ONBUILD {trigger}` of what it starts from takes from the context, where the build's own files lie as "
            "well without BuildKit"
        )
    if lacks:
        raise StepError(
            f"image {request.image}: {lacks} and a docker client that speaks it",
            "install Docker's buildx plugin: `sudo apt-get install docker-buildx`, or docker-buildx-plugin",
        )


def _size(request: BuildRequest) -> str:
    count, size = len(request.file_set.files), request.file_set.size
    if count > MANY_FILES or size > MANY_BYTES:
        return f"the size of its context ({count} files, {size / 1e6:.0f} MB)"
    return ""


def _why_client(request: BuildRequest, engine: Engine, trigger: str) -> str:
    """Where there are no sessions."""
    if request.secrets:
        return "secrets"
    if trigger:
        return f"`ONBUILD {trigger}` of what it starts from"
    if not engine.fetches_context:
        return "the engine's BuildKit, which cannot read a context that is posted"
    return ""
