"""ship: a built image becomes a digest in the registry, under every tag it should have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bedplate import labels
from bedplate.builders import found
from bedplate.clients import registry_files
from bedplate.errors import DamagedError, StepError
from bedplate.model import BuiltImage, PushedImage, Registry
from bedplate.questions import Answers, AskManifest, Damaged, Unreachable
from bedplate.step import Clients

if TYPE_CHECKING:
    from bedplate.clients.oci_registry import Manifest, OciRegistry

REFUSED = re.compile(r": 40[13]\b|\bdenied\b|\bunauthorized\b", re.IGNORECASE)


def ship(image: BuiltImage, repository: str, tags: Sequence[str], registry: Registry, clients: Clients) -> PushedImage:
    """`repository`: host[:port]/path without a tag. `tags`: those of the spec; `fp-<16 hex>` is added.

    Returns once the registry has confirmed the digest for every tag. Where `image.digest` is there already, nothing
    is pushed and tags move by one request each. Raises StepError."""
    path = repository.partition("/")[2]
    by_fingerprint = labels.short(image.fingerprint)
    wanted = tuple(dict.fromkeys((*tags, by_fingerprint)))
    seen, digests = {tag: ask(repository, tag) for tag in wanted}, clients.seen.digests
    digest = image.digest
    if digest is None and not clients.again and not found.unlabelled(image, clients):
        # what the engine has lost since it was built may be here
        digest = found.in_registry(image.tag.rpartition(":")[0], image.fingerprint, registry, clients)
    if digest and all(digests.get(seen[tag]) == digest for tag in wanted):
        return PushedImage(image.name, repository, digest, image.fingerprint, wanted)
    remote = clients.registry(registry)  # its client is opened by whoever has to ask
    manifest = _held(path, digest, remote, clients) if digest else None
    if manifest is None:
        with _pushing(registry, remote, clients):
            manifest = _push(image, repository, by_fingerprint, remote, clients)
    for tag in wanted:
        before = _now(path, tag, remote)
        digests.pop(seen[tag], None)  # what the batch has said of it is over
        if before == manifest.digest:
            continue
        with _pushing(registry, remote, clients):
            remote.put_tag(path, tag, manifest)
        now = remote.digest(path, tag)
        if now != manifest.digest:
            raise StepError(f"{repository}:{tag} is {now or 'not there'} after it was set to {manifest.digest}")
        clients.log.note(f"tag {tag} {'moved from ' + before[:19] if before else 'set'}")
    return PushedImage(image.name, repository, manifest.digest, image.fingerprint, wanted)


def ask(repository: str, tag: str) -> AskManifest:
    """Which digest has `host[:port]/path:tag` now?"""
    host, _, path = repository.partition("/")
    return AskManifest(host, path, tag)


def absent(repository: str, tag: str, digest: str, answers: Answers) -> str | None:
    """Why an image is not under this tag any more; None: it is, or nobody could be asked."""
    answer = answers[ask(repository, tag)]
    if answer is None:
        return f"tag {tag} not in the registry"
    if isinstance(answer, Damaged):
        return f"tag {tag} damaged in the registry"
    return None if isinstance(answer, Unreachable) or answer == digest else f"tag {tag} moved in the registry"


@contextmanager
def _pushing(registry: Registry, remote: OciRegistry, clients: Clients) -> Iterator[None]:
    """Who is refused by an Azure registry is told the role, whether the engine was refused or we."""
    try:
        yield
    except StepError as error:
        if registry.kind == "acr" and REFUSED.search(error.message) and "allowed access" not in error.message:
            from bedplate.clients.azure import roles

            with suppress(StepError):
                _, error.hint = roles.to_push(clients.azure, remote.host, remote.credentials())
        raise


def _now(path: str, tag: str, remote: OciRegistry) -> str | None:
    try:
        return remote.digest(path, tag)
    except DamagedError:
        return None  # of an image that this one takes the place of


def _held(path: str, digest: str, remote: OciRegistry, clients: Clients) -> Manifest | None:
    try:
        return remote.manifest(path, digest)
    except DamagedError as error:
        removed = registry_files.drop_damaged(remote.host, digest)
        clients.log.note(f"{error.message}; {'removed, ' if removed else ''}to be pushed again")
        return None


def _push(image: BuiltImage, repository: str, tag: str, remote: OciRegistry, clients: Clients) -> Manifest:
    """By the engine, under the fingerprint's tag."""
    if clients.engine.image(image.tag) is None:
        raise StepError(
            f"{image.tag} is neither in the engine nor in {repository}",
            f"`doit -a build_base:{image.name}` builds it again",
        )
    reference = f"{repository}:{tag}"
    clients.engine.tag(image.tag, reference)
    told = clients.engine.push(reference, remote.credentials(), clients.log)
    # by digest where it is told: another machine may be setting the same tag now
    manifest = _held(repository.partition("/")[2], told or tag, remote, clients)
    if manifest is None and told:
        # a registry is told that it has a blob already, damaged as it was
        clients.engine.push(reference, remote.credentials(), clients.log)
        manifest = remote.manifest(repository.partition("/")[2], told)
    if manifest is None:
        raise StepError(
            f"{reference}: the engine says that it pushed {told or 'it'}, and the registry has no such image"
        )
    clients.log.note(f"pushed {repository}@{manifest.digest}")
    return manifest
