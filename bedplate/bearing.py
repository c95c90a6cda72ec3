"""bearing: which entries of a spec bear on which others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from bedplate.model import DockerfileImage, Spec

Entry: TypeAlias = tuple[str, str]  # section, name: ("images", "base")
Links: TypeAlias = Mapping[Entry, Sequence[Entry]]


def entries(spec: Spec) -> Iterable[Entry]:
    """All of them."""
    sections = {
        "images": spec.images,
        "environments": spec.environments,
        "models": spec.models,
        "services": spec.services,
    }
    return [(section, name) for section, entries in sections.items() for name in entries]


def known_by(spec: Spec) -> Links:
    """Of each entry those without which the tasks made of it would not be the same.

    An image has to be what the environments that stand on it ask for, and these what their services need."""
    links: dict[Entry, list[Entry]] = {entry: [] for entry in entries(spec)}
    for image in spec.images.values():
        if isinstance(image, DockerfileImage):
            links["images", image.name] += [("images", parent) for parent in image.from_.values()]
    for environment in spec.environments.values():
        if environment.image is not None:
            links["environments", environment.name].append(("images", environment.image))
            links["images", environment.image].append(("environments", environment.name))
    for service in spec.services.values():
        links["environments", service.environment].append(("services", service.name))
        links["services", service.name].append(("environments", service.environment))
        if service.model is not None:
            links["services", service.name].append(("models", service.model))
    return links


def used_by(spec: Spec) -> Links:
    """Of each entry those whose tasks may have to run after its own have."""
    links: dict[Entry, list[Entry]] = {entry: [] for entry in entries(spec)}
    for image in spec.images.values():
        if isinstance(image, DockerfileImage):
            for parent in dict.fromkeys(image.from_.values()):
                links["images", parent].append(("images", image.name))
    for environment in spec.environments.values():
        if environment.image is not None:
            links["images", environment.image].append(("environments", environment.name))
    for service in spec.services.values():
        links["environments", service.environment].append(("services", service.name))
        if service.model is not None:
            links["models", service.model].append(("services", service.name))
    return links
