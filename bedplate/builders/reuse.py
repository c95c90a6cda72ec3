"""reuse: an image that was built before is found, in the registry or in the engine, instead of being built."""

from __future__ import annotations

from bedplate import labels
from bedplate.errors import StepError
from bedplate.model import BuiltImage, Registry
from bedplate.step import Clients


def found(
    name: str, tag: str, fingerprint: str, repository: str, registry: Registry, clients: Clients
) -> BuiltImage | None:
    """The image with this fingerprint; None: it must be built. `repository`: host[:port]/path without a tag.

    A tag alone is never believed: the image's label must carry the fingerprint."""
    if clients.again:
        return None
    remote, path = clients.registry(registry), repository.partition("/")[2]
    by_fingerprint = labels.short(fingerprint)
    digest = remote.digest(path, by_fingerprint)
    if digest is not None:
        said = remote.labels(path, digest).get(labels.FINGERPRINT)
        if said == fingerprint:
            clients.log.note(f"reused {repository}@{digest}")
            return BuiltImage(name, tag, fingerprint, digest)
        clients.log.note(f"{repository}:{by_fingerprint} is another image ({said or 'no fingerprint'}): not reused")
    here = clients.engine.image(tag)
    if here is not None and ((here.get("Config") or {}).get("Labels") or {}).get(labels.FINGERPRINT) == fingerprint:
        clients.log.note(f"reused {tag} of the engine")
        return BuiltImage(name, tag, fingerprint, None)
    return None


def at_hand(image: BuiltImage, repository: str, registry: Registry, clients: Clients) -> str:
    """The image's local tag, which the engine has afterwards: it is pulled where it is in the registry only."""
    engine = clients.engine
    if engine.image(image.tag) is None:
        reference = f"{repository}:{labels.short(image.fingerprint)}"
        clients.log.note(f"pulling {reference}")
        try:
            engine.pull(reference, None, clients.registry(registry).credentials(), clients.log)
        except StepError as error:
            hint = f"`doit -a build_base:{image.name}` builds it again"
            raise StepError(f"image {image.name}: {error.message}", hint, error.detail) from None
        engine.tag(reference, image.tag)
    return image.tag
