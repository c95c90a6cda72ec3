"""upstream: which digest an image of somebody else's has now, asked of its registry or, offline, of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import GenericRegistry, Registry, Spec
from bedplate.pins import Wanted
from bedplate.refs import ImageRef

if TYPE_CHECKING:
    from bedplate.clients.docker_engine import Engine
    from bedplate.clients.oci_registry import OciRegistry

HUB = "registry-1.docker.io"  # where the registry of docker.io answers
THREADS = 16
ANSWER_S = 5.0


@dataclass(frozen=True)
class Upstream:
    """Asks registries by reference. `registry` opens a client for one; `engine` is asked where none answers.

    `engine` None: what is built elsewhere comes from registries alone."""

    registry: Callable[[ImageRef], OciRegistry]
    engine: Engine | None

    def digest(self, reference: str) -> str:
        """`sha256:...` of the manifest or index that the tag names now; of the engine's image where only it has one.

        Raises StepError with what the registry said."""
        ref = ImageRef.parse(reference)
        try:
            found = self.registry(ref).digest(ref.path, ref.tag or "latest")
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

    def digests(self, references: Sequence[str]) -> dict[str, str | StepError]:
        """The digest of each, asked side by side, or the error that asking ended with."""
        from concurrent.futures import ThreadPoolExecutor

        def one(reference: str) -> str | StepError:
            try:
                return self.digest(reference)
            except StepError as error:
                return error

        with ThreadPoolExecutor(max(1, min(THREADS, len(references)))) as pool:
            return dict(zip(references, pool.map(one, references), strict=True))

    def triggers(self, wanted: Sequence[Wanted]) -> dict[Wanted, tuple[str, ...] | StepError]:
        """The ONBUILD instructions that each of these images holds, asked side by side, or why they are not known."""
        from concurrent.futures import ThreadPoolExecutor

        def one(asked: Wanted) -> tuple[str, ...] | StepError:
            try:
                return self._triggers(*asked)
            except StepError as error:
                return StepError(f"{asked[0]}: {error.message}", error.hint, error.detail)

        with ThreadPoolExecutor(max(1, min(THREADS, len(wanted)))) as pool:
            return dict(zip(wanted, pool.map(one, wanted), strict=True))

    def _triggers(self, reference: str, platform: str, digest: str) -> tuple[str, ...]:
        """From the image's configuration (OnBuild in Docker's specification; BuildKit writes it into OCI's)."""
        ref = ImageRef.parse(reference)
        try:
            config: dict[str, Any] = self.registry(ref).configuration(ref.path, digest, platform)
        except StepError:
            held = self.engine.image(f"{ref.name}@{digest}") or self.engine.image(reference) if self.engine else None
            if held is None or (digest != held["Id"] and not _of(held, digest)):
                raise
            config = held
        return tuple((config.get("config") or config.get("Config") or {}).get("OnBuild") or ())

    def pinned(self, reference: str, digest: str) -> str:
        """The reference that makes a builder take exactly this content.

        Raises StepError where it was the engine's alone, and the engine has another image of that name now."""
        ref = ImageRef.parse(reference)
        if ref.digest:
            return reference
        image = self.engine.image(reference) if self.engine else None
        if image and _taken_as(ref, image) is None:  # built here, or another image's second name
            if image["Id"] == digest:
                return reference  # no registry has it: the engine's own name is all there is
            if not self._there(ref, digest):
                raise StepError(
                    f"{reference} is locked as {digest[:19]}, which no registry has; "
                    "the engine's own is another image now",
                    "`doit lock --update` takes the engine's",
                )
        return f"{ref.name}@{digest}"

    def _there(self, ref: ImageRef, digest: str) -> bool:
        if self.engine and self.engine.image(f"{ref.name}@{digest}"):
            return True
        try:
            return self.registry(ref).hurried(ANSWER_S).digest(ref.path, digest) is not None
        except StepError:
            return False

    def _held(self, reference: str, ref: ImageRef) -> str | None:
        image = self.engine.image(reference) if self.engine else None
        return (_taken_as(ref, image) or str(image["Id"])) if image else None


def _taken_as(ref: ImageRef, image: Mapping[str, Any]) -> str | None:
    """The digest by which the engine has this image from the repository of `ref`."""
    for known in image.get("RepoDigests") or ():
        name, _, digest = str(known).partition("@")
        if ImageRef.parse(name).name == ref.name:
            return digest
    return None


def _of(image: Mapping[str, Any], digest: str) -> bool:
    """Has the engine taken this image by that digest?"""
    return any(str(known).endswith(f"@{digest}") for known in image.get("RepoDigests") or ())


def registry_of(ref: ImageRef, spec: Spec) -> Registry:
    """Where the image is. The target's own registry is spoken to as the spec says."""
    target = spec.target.registry
    insecure = False
    if isinstance(target, GenericRegistry) and target.address.partition("/")[0] == ref.domain:
        insecure = target.insecure
    return Registry("generic", HUB if ref.domain == "docker.io" else ref.domain, insecure)
