"""oci_registry: the distribution specification's HTTP API, spoken to one registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bedplate.clients.credentials import Credentials
from bedplate.model import Registry


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry gave it, byte for byte. `digest`: sha256:..., verified against `content`."""

    content: bytes
    media_type: str
    digest: str


class OciRegistry:
    """One registry. Safe to share between threads. Repositories are given without the host.

    Every method raises StepError where the registry refuses or cannot be reached."""

    def __init__(self, registry: Registry, credentials: Credentials) -> None:
        raise NotImplementedError

    @property
    def credentials(self) -> Credentials:
        """Whom the engine must be when it pushes here."""
        raise NotImplementedError

    def ping(self) -> bool:
        """Does a registry answer here, signed in or not?"""
        raise NotImplementedError

    def check(self) -> None:
        """Signs in; raises StepError with the reason if nothing answers or the account is refused."""
        raise NotImplementedError

    def digest(self, repository: str, reference: str) -> str | None:
        """`sha256:...` that a tag or a digest has now; None: not there."""
        raise NotImplementedError

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """None: not there. StepError if its content is not what its digest says (corrupted)."""
        raise NotImplementedError

    def labels(self, repository: str, digest: str, platform: str | None = None) -> Mapping[str, str]:
        """Labels of the image's config; of an index: those of the platform's image (None: this machine's)."""
        raise NotImplementedError

    def put_tag(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Returns once the registry has confirmed the digest."""
        raise NotImplementedError
