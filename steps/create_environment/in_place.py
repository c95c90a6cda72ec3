"""in_place: an image that Azure ML takes from where it is: which one, and by which digest."""

from __future__ import annotations

from bedplate.azureml.v1 import DEFAULT_IMAGE
from bedplate.errors import StepError
from bedplate.machine import this_platform
from bedplate.model import EnvironmentEntry, ReferenceImage, Spec, WorkspaceRegistry
from bedplate.refs import ImageRef
from bedplate.step import Clients, Upstream

PLATFORM = "linux/amd64"  # Azure ML's own


def upstream(spec: Spec, entry: EnvironmentEntry) -> Upstream | None:
    """Azure ML's default, or a public image beside the workspace's registry; None: it is pushed.

    Of the default nobody need say the digest: its tag is a date, and who wants no other image names none."""
    if entry.image is None:
        return Upstream(DEFAULT_IMAGE, PLATFORM, needed=False)
    image = spec.images[entry.image]
    if isinstance(image, ReferenceImage) and isinstance(spec.target.registry, WorkspaceRegistry):
        return Upstream(image.reference, image.platform or this_platform())
    return None


def locked(reference: str, image: str | None, clients: Clients) -> str:
    """`name@sha256:...`, as the lock has it; of the default by its tag, where nobody said its digest.

    `image`: its name in the spec; None: it is the default. Raises StepError."""
    if image is not None:
        platform = clients.spec.images[image].platform or this_platform()
        return _at(reference, clients.locked(reference, platform))
    try:
        digest = clients.locked(reference, PLATFORM)
    except StepError as error:
        why = error.message.removeprefix(f"{reference}: ")
        clients.log.note(f"no image is named: Azure ML's default, {reference}, by its tag: {why}")
        return reference
    clients.log.note(f"no image is named: Azure ML's default, {reference}, by its digest {digest}")
    return _at(reference, digest)


def _at(reference: str, digest: str) -> str:
    return f"{ImageRef.parse(reference).name}@{digest}"
