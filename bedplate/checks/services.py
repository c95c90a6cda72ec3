"""services: what keeps a service from answering: its code, its model, its inference server."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from bedplate import conda_file, inference_server, own_images, requirements
from bedplate.checks import scoring
from bedplate.checks.codes import ERROR
from bedplate.checks.finding import Finding, of_mistake
from bedplate.errors import Mistake, SpecError
from bedplate.inference_server import Texts
from bedplate.model import (
    AzureMlEnvironment,
    AzureMlV1Environment,
    EnvironmentEntry,
    OnlineEndpointDeploy,
    ServiceEntry,
    Spec,
)

At = Callable[[tuple[str, ...], str, str], Mistake]  # a mistake at these keys of pipeline.yaml: message, hint

KEEPERS = (".gitkeep", ".gitignore")  # they keep a folder in git, and are no model
LARGEST_POINTER = 1024  # bytes (Git LFS, docs/spec.md, "The Pointer")


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
    of_deployment = entry if isinstance(entry, OnlineEndpointDeploy) and entry.from_ else None
    if not (environment.from_ or of_deployment):
        return
    from bedplate.azureml import read

    named: list[tuple[Callable[[str, Path], object], str]] = (
        [(read.environment, environment.from_)] if environment.from_ else []
    )
    if of_deployment and of_deployment.from_:
        reads = functools.partial(read.with_files, deployment=True, compute=of_deployment.compute)
        named.append((reads, of_deployment.from_))
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
        return
    files = (
        [f for f in sorted(there.rglob("*")) if f.is_file() and f.name not in KEEPERS] if there.is_dir() else [there]
    )
    pointer = next((f for f in files if _lfs_pointer(f)), None)
    if not files:
        yield Finding("EmptyModel", at(keys, f"models.{name}: {path} holds no file", "put the model there"))
    elif not any(f.stat().st_size for f in files):
        yield Finding("EmptyModel", at(keys, f"models.{name}: {path} is empty", "put the model there"))
    elif pointer:
        which = pointer.relative_to(root).as_posix()
        yield Finding("EmptyModel", at(keys, f"models.{name}: {which} is a pointer of Git LFS", "`git lfs pull`"))


def _lfs_pointer(path: Path) -> bool:
    if path.stat().st_size >= LARGEST_POINTER:
        return False
    with path.open("rb") as file:
        return file.read(40).startswith(b"version https://git-lfs.github.com/spec/")


def _server(
    service: ServiceEntry, environment: EnvironmentEntry, spec: Spec, root: Path, texts: Texts, at: At
) -> Iterator[Finding]:
    """To an image that we build for the environment, create_environment adds the server itself."""
    if own_images.built(environment, spec.target):
        return
    if not environment.user_managed and isinstance(spec.target.environment, AzureMlV1Environment):
        yield from _too_old(environment, root)  # what is not there, v1's files name
        return
    if environment.image is None and (environment.user_managed or not (environment.pip or environment.conda)):
        return  # Azure ML's default image
    for path in (environment.pip, environment.conda):
        if path and _names_server(path, path == environment.conda, root):
            return
    brought = inference_server.brought(environment.image, spec, texts) if environment.image else False
    where = environment.conda or environment.pip
    if where and not environment.user_managed and isinstance(spec.target.environment, AzureMlEnvironment):
        if not brought:  # the run refuses it in these words
            missing = conda_file.server_missing(where, environment.inference_server)
            yield Finding("InferenceServerMissing", missing, severity=ERROR)
        return
    if brought is not False:
        return
    keys = ("environments", environment.name)
    message = (
        f"environments.{environment.name}: nothing in it brings the inference server that runs {service.entry_script}"
    )
    hint = (
        f"add {conda_file.SERVER}=={environment.inference_server} to {where or 'the image'}, or write inference_config"
    )
    yield Finding("InferenceServerMissing", at(keys, message, hint))


def _too_old(environment: EnvironmentEntry, root: Path) -> Iterator[Finding]:
    """A server that version 1 does not serve with: the run refuses it in these words."""
    path = environment.conda or environment.pip
    if path is None:
        return
    try:
        listed = requirements.of_conda(path, root) if environment.conda else requirements.read(path, root)
        texts = {file: (root / file).read_text(encoding="utf-8-sig") for file in listed.files}
        packages = conda_file.of_conda(path, texts) if environment.conda else conda_file.of_pip(path, texts)
    except SpecError:
        return  # whoever reads it says what is wrong with it
    try:
        conda_file.with_defaults(packages)
    except SpecError as error:
        yield from (Finding("InferenceServerMissing", mistake, severity=ERROR) for mistake in error.mistakes)


def _names_server(path: str, conda: bool, root: Path) -> bool:
    try:
        listed = requirements.of_conda(path, root) if conda else requirements.read(path, root)
    except SpecError:
        return True  # whoever reads it says what is wrong with it
    return requirements.named((conda_file.SERVER, conda_file.DEFAULTS), listed) is not None
