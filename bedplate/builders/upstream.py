"""upstream: images that somebody else made, taken by their digest where it is known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bedplate.clients.credentials import from_docker
from bedplate.clients.docker_errors import EngineError
from bedplate.pins import Pins
from bedplate.refs import ImageRef
from bedplate.step import Clients

if TYPE_CHECKING:
    from bedplate.context import Parent


def pinned(parents: Iterable[Parent], clients: Clients) -> dict[str, str]:
    """What to send in place of each reference. Those of a registry with a sign-in are pulled now.

    A builder that is asked through the engine's API has no sign-in of the user's."""
    pins = Pins(clients.root)
    send: dict[str, str] = {}
    for parent in parents:
        if parent.image is not None:
            continue
        by_digest = _by_digest(parent.reference, pins.digest(parent.reference, parent.platform))
        login = from_docker(_host(parent.reference))
        if login and clients.engine.image(by_digest) is None:
            clients.log.note(f"pulling {by_digest}")
            clients.engine.pull(by_digest, parent.platform, login, clients.log)
        if by_digest != parent.reference:
            send[parent.reference] = by_digest
    return send


def take(reference: str, platform: str, tag: str, clients: Clients) -> str:
    """Gives the image the local tag, pulling it where the engine does not have it for this platform; its digest.

    A reference without a known digest is pulled each time: its tag may have moved."""
    digest = Pins(clients.root).digest(reference, platform)
    by_digest = _by_digest(reference, digest)
    held = clients.engine.image(by_digest) if digest else None
    if held is not None and platform.startswith(f"{held.get('Os')}/{held.get('Architecture')}"):
        clients.log.note(f"the engine has {by_digest}")
    else:
        try:
            clients.engine.pull(by_digest, platform, from_docker(_host(reference)), clients.log)
        except EngineError as error:
            if digest or clients.engine.image(reference) is None:
                raise
            clients.log.note(f"{error.message}; the engine's own {reference} is taken")
    clients.engine.tag(by_digest, tag)
    found = clients.engine.image(tag) or {}
    name = by_digest.partition("@")[0]
    known = [d.partition("@")[2] for d in found.get("RepoDigests") or () if d.partition("@")[0] in name]
    digest = digest or next(iter(known), "")
    clients.log.note(f"{reference} is {digest or found.get('Id', '')}")
    return digest


def _by_digest(reference: str, digest: str) -> str:
    """`name@sha256:...`, without the tag: the engine looks an image up by one of them only."""
    if not digest:
        return reference
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@{digest}"


def _host(reference: str) -> str:
    return ImageRef.parse(reference).domain
