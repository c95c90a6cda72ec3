"""inference_server: whether an image brings the server that runs a service's script, by what it is made from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bedplate.model import DockerfileImage, EnvironmentEntry, ReferenceImage, RootfsImage, Spec

Texts = Callable[[str], "str | None"]  # all that makes up the image of this name, as text; None: not known

# Microsoft's images that bring the server (facts: its own naming of inference images)
WITH_SERVER = re.compile(r"azureml/(?:.*inference|curated/)|azureml/onnxruntime")
MENTIONS = re.compile(r"azureml[-_.]inference[-_.]server[-_.]http|azureml[-_.]defaults|azmlinfsrv", re.IGNORECASE)
LISTS = ("*.txt", "*.y*ml", "*.toml")  # files of a context that may list packages


def needed(environment: EnvironmentEntry, spec: Spec) -> bool:
    """Whether a service has a script to be run in it, and nothing says that another server answers."""
    users = (one for one in spec.services.values() if one.environment == environment.name)
    return environment.inference_config is None and any(one.code and one.entry_script for one in users)


def brought(image: str, spec: Spec, texts: Texts) -> bool | None:
    """Whether the image or one below it names the server; None where a public image may hold anything."""
    name: str | None = image
    unknown = False
    while name is not None:
        entry = spec.images[name]
        if isinstance(entry, ReferenceImage):
            return True if WITH_SERVER.search(entry.reference) else None
        if isinstance(entry, RootfsImage):
            return None if unknown else False
        assert isinstance(entry, DockerfileImage)
        text = texts(name)
        if text is None:
            return None
        if MENTIONS.search(text) or WITH_SERVER.search(text):
            return True
        unknown = unknown or bool(re.search(r"(?im)^\s*FROM\s+(?!scratch\b)(?:--\S+\s+)*[^$\s]*[a-z]", text))
        name = next(iter(entry.from_.values()), None)
    return None if unknown else False


def texts(spec: Spec, root: Path, read: Callable[[str], str | None]) -> Texts:
    """The instructions of a Dockerfile image and the lists of packages beside them; `read`: a file of the project."""

    def of_image(name: str) -> str | None:
        entry = spec.images[name]
        text = read(entry.dockerfile) if isinstance(entry, DockerfileImage) else None
        if text is None or not isinstance(entry, DockerfileImage):
            return None
        listed = sorted(path for pattern in LISTS for path in (root / entry.context).glob(pattern))
        return "\n".join([text, *(read(path.relative_to(root).as_posix()) or "" for path in listed)])

    return of_image
