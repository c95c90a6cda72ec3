"""upstream: images that somebody else made, taken by the digest that the lock has for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bedplate.clients.upstream import registry_of
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


def _login(reference: str, clients: Clients) -> Login | None:
    return clients.registry(registry_of(ImageRef.parse(reference), clients.spec)).credentials()
