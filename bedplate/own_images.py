"""own_images: which environments get an image of their own, built by us on the image that they name."""

from __future__ import annotations

from bedplate.model import AzureMlEnvironment, EnvironmentEntry, LocalEnvironment, Target


def built(entry: EnvironmentEntry, target: Target) -> bool:
    """A conda file is Azure ML's to install, where there is Azure ML; packages of pip need no conda in the image."""
    if entry.user_managed or entry.from_:
        return False
    if isinstance(target.environment, AzureMlEnvironment):
        return entry.image is not None and entry.pip is not None and entry.conda is None
    return isinstance(target.environment, LocalEnvironment)
