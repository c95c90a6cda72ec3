"""ship: a built image becomes a digest in the registry, under every tag it should have."""

from __future__ import annotations

from collections.abc import Sequence

from bedplate.model import BuiltImage, PushedImage, Registry
from bedplate.step import Clients


def ship(image: BuiltImage, repository: str, tags: Sequence[str], registry: Registry, clients: Clients) -> PushedImage:
    """`repository`: host[:port]/path without a tag. `tags`: those of the spec; `fp-<16 hex>` is added.

    Returns once the registry has confirmed the digest for every tag. Nothing is pushed where `image.digest` is there already."""
    raise NotImplementedError
