"""upstream: images that somebody else made, taken by the digest that the lock has for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bedplate.clients.upstream import registry_of
from bedplate.errors import StepError
from bedplate.model import Registry
from bedplate.refs import ImageRef
from bedplate.step import Clients

if TYPE_CHECKING:
    from bedplate.clients.credentials import Login
    from bedplate.context import Parent


def pinned(parents: Iterable[Parent], clients: Clients) -> dict[str, str]:
    """What to send in place of each reference. Those of a registry with a sign-in are pulled now.

    A builder that is asked through the engine's API has no sign-in of the user's."""
    send: dict[str, str] = {}
    for parent in parents:
        if parent.image is not None:
            continue
        by_digest = clients.pinned(parent.reference, parent.platform)
        login = _login(parent.reference, clients)
        if login and clients.engine.image(by_digest) is None:
            clients.log.note(f"pulling {by_digest}")
            clients.engine.pull(by_digest, parent.platform, login, clients.log)
        if by_digest != parent.reference:
            send[parent.reference] = by_digest
    return send


def take(reference: str, platform: str, tag: str, clients: Clients) -> None:
    """Gives the image the local tag, pulling it where the engine does not have it for this platform."""
    by_digest = clients.pinned(reference, platform)
    held = clients.engine.image(by_digest)
    if held is not None and platform.startswith(f"{held.get('Os')}/{held.get('Architecture')}"):
        clients.log.note(f"the engine has {by_digest}")
    else:
        clients.log.note(f"pulling {by_digest}")
        clients.engine.pull(by_digest, platform, _login(reference, clients), clients.log)
    clients.engine.tag(by_digest, tag)


def copied(reference: str, platform: str, path: str, tag: str, registry: Registry, clients: Clients) -> str | None:
    """Digest of our copy below project/name `path`, if it is there and a copy of just the locked image.

    Neither image says so by a label: the proof is that both name one config. Nothing is pulled."""
    if clients.again:
        return None
    repository = f"{registry.address}/{path}".partition("/")[2]
    remote = clients.registry(registry)
    digest = remote.digest(repository, tag)
    ref = ImageRef.parse(clients.pinned(reference, platform)) if digest else None
    if digest is None or ref is None or ref.digest is None:
        return None
    try:
        source = clients.registry(registry_of(ref, clients.spec)).config(ref.path, str(ref.digest), platform)
        return digest if remote.config(repository, digest, platform) == source else None
    except StepError:
        return None  # then it is taken again, and whoever refuses says why


def _login(reference: str, clients: Clients) -> Login | None:
    return clients.registry(registry_of(ImageRef.parse(reference), clients.spec)).credentials()
