"""asked: what is required of an image, in one flat mapping: its own, presets', and of what stands on it as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from bedplate import own_images
from bedplate.model import AzureMlV1Environment, EnvironmentEntry, Spec

Asked: TypeAlias = Mapping[str, str]  # `python` or `packages git` -> what is wanted: `>=3.8`

VERSION = 1  # goes up where the same image would be judged otherwise: what passed before is looked at again
NAMED = ("packages", "pip", "conda_packages")  # their keys are names
SERVER = "azureml-inference-server-http"
# rules of Azure ML for images that it puts a conda environment on (docs/requirements.md names the texts)
PRESETS: Mapping[str, Asked] = {
    "azureml-v1": {"os": "ubuntu>=16.04", "conda": ">=4.5", "python": ">=3.6"},
    "azureml-v1-last": {"os": "ubuntu>=18.04", "conda": ">=4.7", "python": ">=3.7", "shell": "/bin/sh"},
    "azureml-datasets": {"packages fuse | libfuse-dev | fuse-devel | fuse-dev": "*"},
    "azureml-v2-serving": {f"pip {SERVER}": "*"},
}


def of_images(spec: Spec) -> dict[str, Asked]:
    """What must hold before each image is pushed, by name; empty for most.

    It is the image that is looked at where an environment has none of its own: one that is complete, or Azure's."""
    asked: dict[str, Asked] = {}
    implied = _implied(spec)
    for image in spec.images.values():
        asked[image.name] = _flat(image.requires, ("azureml-v1",) if image.name in implied else ())
    for environment in spec.environments.values():
        name = environment.image
        if environment.requires and name in asked and not own_images.built(environment, spec.target):
            asked[name] = _both(asked[name], _of(environment, installs=not environment.user_managed))
    return asked


def of_environment(environment: EnvironmentEntry) -> Asked:
    """What must hold before the environment's own image is pushed."""
    return dict(_of(environment, installs=False))


def tag(asked: Asked) -> str:
    """`checked-<16 hex>`: in the registry, on a digest, it says that the image was found to be what is asked."""
    text = json.dumps([VERSION, sorted(asked.items())], separators=(",", ":"))
    return f"checked-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def presets_of(key: str, wanted: str) -> tuple[str, ...]:
    """Names of the presets that ask for this."""
    return tuple(name for name, asked in PRESETS.items() if key in asked and f"{wanted},".startswith(f"{asked[key]},"))


def _of(environment: EnvironmentEntry, *, installs: bool) -> Asked:
    asked = _flat(environment.requires, (), routes=environment.inference_config is not None)
    # what Azure ML installs later cannot be in the image now
    return {
        key: wanted for key, wanted in asked.items() if not (installs and key.startswith(("pip ", "conda_packages ")))
    }


def _implied(spec: Spec) -> set[str | None]:
    """Images that version 1 puts a conda environment on: those that are not complete."""
    if not isinstance(spec.target.environment, AzureMlV1Environment):
        return set()
    return {entry.image for entry in spec.environments.values() if not entry.user_managed}


def _flat(requires: Mapping[str, Any], implied: tuple[str, ...], *, routes: bool = False) -> Asked:
    """Several presets hold together; what stands beside them replaces theirs. `presets: []` takes the implied away."""
    asked: Asked = {}
    for preset in requires.get("presets", implied):
        # the three routes say that the image brings a server of another kind
        if preset != "azureml-v2-serving" or not routes:
            asked = _both(asked, PRESETS[preset])
    return {**asked, **dict(_own(requires))}


def _own(requires: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in requires.items():
        if key in NAMED:
            yield from ((f"{key} {name}", str(wanted)) for name, wanted in value.items())
        elif key != "presets":
            yield key, str(value)


def _both(one: Asked, other: Asked) -> Asked:
    """Both must hold: `>=3.6` and `>=3.7` are `>=3.6,>=3.7`."""
    joined = dict(one)
    for key, wanted in other.items():
        before = joined.get(key, wanted)
        if before == wanted or before == "*":
            joined[key] = wanted
        elif wanted != "*":
            joined[key] = f"{before},{wanted}"
    return joined
