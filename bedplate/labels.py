"""labels: the names under which images and containers say what they are."""

from __future__ import annotations

# OCI's rule for labels of one's own: reverse domain notation (image-spec, annotations.md)
PROJECT = "dev.bedplate.project"
IMAGE = "dev.bedplate.image"  # the name in the spec
FINGERPRINT = "dev.bedplate.fingerprint"  # 64 hex
SPEC_VERSION = "dev.bedplate.spec-version"

# OCI's own names, where one says it (image-spec, "Pre-Defined Annotation Keys")
TITLE = "org.opencontainers.image.title"


def of_image(project: str, image: str, fingerprint: str, spec_version: int) -> dict[str, str]:
    """What every built image says: nothing that changes with a commit, a time or a machine."""
    return {
        PROJECT: project,
        IMAGE: image,
        FINGERPRINT: fingerprint,
        SPEC_VERSION: str(spec_version),
        TITLE: f"{project}/{image}",
    }


def short(fingerprint: str) -> str:
    """The tag that an image carries for its fingerprint: `fp-` and 16 hex digits."""
    return f"fp-{fingerprint[:16]}"
