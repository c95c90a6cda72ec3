"""upstream: images that somebody else made, taken by the digest that the lock has for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def for_azure(
    parents: Iterable[Parent], registry: Registry, clients: Clients
) -> tuple[dict[str, str], Mapping[str, Login]]:
    """What to send in place of each reference, and the sign-in of each other registry. No engine is asked.

    Raises StepError for an image that Azure cannot reach."""
    from bedplate.clients.azure import image_import

    send: dict[str, str] = {}
    logins: dict[str, Login] = {}
    for parent in parents:
        if parent.image is not None:
            continue
        by_digest = clients.pinned(parent.reference, parent.platform)
        host = ImageRef.parse(by_digest).domain
        own = host == registry.address.partition("/")[0]
        if not own and not image_import.reachable(host):
            raise StepError(
                f"{parent.reference}: Azure cannot reach {host}, where ACR Tasks would take it from",
                "write it under `images:` as {reference: ...} and name it in `from:`: it is copied to the registry",
            )
        login = None if own else _login(parent.reference, clients)
        if login:
            logins[host] = login
        if by_digest != parent.reference:
            send[parent.reference] = by_digest
    return send, logins


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
    if digest == str(ref.digest):
        return digest
    try:
        source = clients.registry(registry_of(ref, clients.spec)).config(ref.path, str(ref.digest), platform)
        return digest if remote.config(repository, digest, platform) == source else None
    except StepError:
        return None  # then it is taken again, and whoever refuses says why


def imported(reference: str, platform: str, path: str, tag: str, registry: Registry, clients: Clients) -> str | None:
    """Digest of our copy below project/name `path`, which Azure has fetched: nothing comes through this machine.

    None: that is the engine's work, for the registry is none of Azure's, or Azure cannot reach the source."""
    if registry.kind != "acr":
        return None
    from bedplate.builders import acr_notes
    from bedplate.builders.image import in_azure
    from bedplate.clients.azure import image_import
    from bedplate.clients.azure import registry as azure_registry

    ref, azure, log = ImageRef.parse(clients.pinned(reference, platform)), clients.azure, clients.log
    known = azure_registry.every(azure)
    into, of = azure_registry.among(known, registry.address), azure_registry.among(known, ref.domain)
    if into is None or ref.digest is None:
        return None
    if of is None and not image_import.reachable(ref.domain):
        log.note(f"Azure cannot reach {ref.domain}: {reference} goes through this machine's engine")
        return None
    named, note = f"{path}:{tag}", acr_notes.path(clients.root, f"{path}:{tag}")
    try:
        if clients.again or not image_import.outlived(azure, acr_notes.read(note), ref, into, named, log):
            log.note(f"{into.name} imports {ref}")
            login = _login(reference, clients) if of is None else None
            image_import.copy(azure, ref, of, login, into, named, log, lambda where: acr_notes.write(where, note))
        note.unlink(missing_ok=True)
    except StepError as error:
        if in_azure(clients.spec):
            hint = (
                error.hint
                or f"is it there, and may Azure read it? `docker login {ref.domain}` here signs the import in"
            )
            raise StepError(f"{into.name} cannot import {reference}: {error.message}", hint) from None
        log.note(f"{error.message}: it goes through this machine's engine instead")
        return None
    digest = clients.registry(registry).digest(path, tag)
    if digest != str(ref.digest):
        raise StepError(f"{registry.address}/{path}:{tag} is {digest or 'not there'} after the import of {ref}")
    return digest


def _login(reference: str, clients: Clients) -> Login | None:
    return clients.registry(registry_of(ImageRef.parse(reference), clients.spec)).credentials()
