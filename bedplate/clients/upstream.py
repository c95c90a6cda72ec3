"""upstream: which digest an image of somebody else's has now, asked of its registry or, offline, of the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bedplate.errors import StepError
from bedplate.model import Registry
from bedplate.refs import ImageRef

if TYPE_CHECKING:
    from bedplate.clients.docker_engine import Engine
    from bedplate.clients.oci_registry import OciRegistry

HUB = "registry-1.docker.io"  # where the registry of docker.io answers


@dataclass(frozen=True)
class Upstream:
    """Asks registries by reference. `registry` opens a client for a host; `engine` is asked where none answers."""

    registry: Callable[[Registry], OciRegistry]
    engine: Engine

    def digest(self, reference: str) -> str:
        """`sha256:...` of the manifest or index that the tag names now; of the engine's image where only it has one.

        Raises StepError with what the registry said."""
        ref = ImageRef.parse(reference)
        try:
            found = self.registry(_registry(ref)).digest(ref.path, ref.tag or "latest")
        except StepError as refused:
            held = self._held(reference, ref)
            if held is None:
                raise StepError(f"{reference}: {refused.message}", refused.hint, refused.detail) from None
            return held
        if found is None and (held := self._held(reference, ref)):
            return held
        if found is None:
            raise StepError(f"{reference}: {ref.domain} has no such image", "check the name and the tag")
        return found

    def pinned(self, reference: str, digest: str) -> str:
        """The reference that makes a builder take exactly this content."""
        ref = ImageRef.parse(reference)
        if ref.digest:
            return reference
        image = self.engine.image(reference)
        if image and image["Id"] == digest and not image.get("RepoDigests"):
            return reference  # no registry has it: the engine's own name is all there is
        return f"{ref.name}@{digest}"

    def _held(self, reference: str, ref: ImageRef) -> str | None:
        image = self.engine.image(reference)
        if image is None:
            return None
        for known in image.get("RepoDigests") or ():
            name, _, digest = known.partition("@")
            if ImageRef.parse(name).name == ref.name:
                return str(digest)
        return str(image["Id"])


def _registry(ref: ImageRef) -> Registry:
    host = HUB if ref.domain == "docker.io" else ref.domain
    return Registry("generic", host, insecure=False)
