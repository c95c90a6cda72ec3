"""services: what keeps a service from answering: its code, its model, its inference server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from bedplate import conda_file, own_images, requirements
from bedplate.azureml import read
from bedplate.checks import scoring
from bedplate.checks.finding import Finding, of_mistake
from bedplate.errors import Mistake, SpecError
from bedplate.model import (
    AzureMlV1Environment,
    DockerfileImage,
    EnvironmentEntry,
    OnlineEndpointDeploy,
    ReferenceImage,
    RootfsImage,
    ServiceEntry,
    Spec,
)

Texts = Callable[[str], "str | None"]  # all that makes up the image of this name, as text; None: not known
At = Callable[[tuple[str, ...], str, str], Mistake]  # a mistake at these keys of pipeline.yaml: message, hint

# Microsoft's images that bring the server (facts: its own naming of inference images)
WITH_SERVER = re.compile(r"azureml/(?:.*inference|curated/)|azureml/onnxruntime")
MENTIONS = re.compile(r"azureml[-_.]inference[-_.]server[-_.]http|azureml[-_.]defaults|azmlinfsrv", re.IGNORECASE)


def find(service: ServiceEntry, spec: Spec, root: Path, texts: Texts, at: At) -> Iterator[Finding]:
    environment = spec.environments[service.environment]
    if service.code and service.entry_script:
        yield from scoring.find(service.code, service.entry_script, root)
        if environment.inference_config is None and environment.from_ is None:
            yield from _server(service, environment, spec, root, texts, at)
    elif service.code and not (root / service.code).is_dir():
        yield Finding("MissingFile", Mistake(service.code, 0, 0, "the folder of the service's code is not there"))
    if service.model:
        yield from _model(service.model, spec, root, at)
    yield from _files_of_a_team(environment, spec, root)


def _files_of_a_team(environment: EnvironmentEntry, spec: Spec, root: Path) -> Iterator[Finding]:
    """Azure ML's own YAML, used in place: the steps read it only when they run."""
    entry = spec.target.deploy
    named: list[tuple[Callable[[str, Path], object], str]] = (
        [(read.environment, environment.from_)] if environment.from_ else []
    )
    if isinstance(entry, OnlineEndpointDeploy) and entry.from_:
        named.append((read.deployment, entry.from_))
    for reader, path in named:
        try:
            reader(path, root)
        except SpecError as error:
            yield from (of_mistake(mistake) for mistake in error.mistakes)


def _model(name: str, spec: Spec, root: Path, at: At) -> Iterator[Finding]:
    path = spec.models[name].path
    if path is None:
        return
    there = root / path
    keys = ("models", name, "path")
    if not there.exists():
        message = f"models.{name}: there is no {path}"
        yield Finding("EmptyModel", at(keys, message, "put the model there, or name the one that Azure ML holds"))
    elif there.is_dir() and not any(f.is_file() and f.name not in (".gitkeep", ".gitignore") for f in there.rglob("*")):
        yield Finding("EmptyModel", at(keys, f"models.{name}: {path} holds no file", "put the model there"))
    elif there.is_file() and there.stat().st_size == 0:
        yield Finding("EmptyModel", at(keys, f"models.{name}: {path} is empty", "put the model there"))
    elif there.is_file() and _lfs_pointer(there):
        yield Finding("EmptyModel", at(keys, f"models.{name}: {path} is a pointer of Git LFS", "`git lfs pull`"))


def _lfs_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(40).startswith(b"version https://git-lfs.github.com/spec/")


def _server(
    service: ServiceEntry, environment: EnvironmentEntry, spec: Spec, root: Path, texts: Texts, at: At
) -> Iterator[Finding]:
    """To an image that we build for the environment, create_environment adds the server itself."""
    if own_images.built(environment, spec.target):
        return
    if not environment.user_managed and isinstance(spec.target.environment, AzureMlV1Environment):
        return  # v1's files name azureml-defaults
    if environment.image is None and (environment.user_managed or not (environment.pip or environment.conda)):
        return  # Azure ML's default image
    for path in (environment.pip, environment.conda):
        if path and _names_server(path, path == environment.conda, root):
            return
    if environment.image and brings_server(environment.image, spec, texts) is not False:
        return
    keys = ("environments", environment.name)
    message = (
        f"environments.{environment.name}: nothing in it brings the inference server that runs {service.entry_script}"
    )
    where = environment.pip or environment.conda or "the image"
    hint = f"add {conda_file.SERVER}=={environment.inference_server} to {where}, or write inference_config"
    yield Finding("InferenceServerMissing", at(keys, message, hint))


def _names_server(path: str, conda: bool, root: Path) -> bool:
    try:
        listed = requirements.of_conda(path, root) if conda else requirements.read(path, root)
    except SpecError:
        return True  # whoever reads it says what is wrong with it
    return requirements.named((conda_file.SERVER, conda_file.DEFAULTS), listed) is not None


def brings_server(image: str, spec: Spec, texts: Texts) -> bool | None:
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
