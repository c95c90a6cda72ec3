"""azureml_v1: an environment is the files that Azure ML's first SDK and CLI read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from bedplate import conda_file, folder
from bedplate.azureml import v1 as azureml_v1
from bedplate.azureml.v1 import Pull
from bedplate.conda_file import CondaFile
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.frozen import dataclass
from bedplate.model import (
    AzureMlV1Environment,
    Environment,
    EnvironmentEntry,
    LocalRegistry,
    PushedImage,
    Registry,
    SecretSource,
    Spec,
    WorkspaceRegistry,
)
from bedplate.questions import Answers, AskFile, Question
from bedplate.registry_user import user
from bedplate.step import Clients, Files, FileSet, Given, Requirements, Task
from steps.create_environment import in_place


@dataclass(frozen=True)
class Inputs:
    """`reference`: an image that Azure ML takes as it stands; None: the pushed one. `username` and `password`: of who
    pulls, where `private` says that one is needed."""

    target: str
    name: str
    reference: str | None
    image: str | None
    user_managed: bool
    pip: str | None
    conda: str | None
    routes: bool
    variables: Mapping[str, str]
    username: SecretSource | str | None
    password: SecretSource | None


def task(spec: Spec, entry: EnvironmentEntry) -> Task:
    """Raises SpecError for what v1 cannot be told."""
    kind = spec.target.environment
    assert isinstance(kind, AzureMlV1Environment)
    upstream = in_place.upstream(spec, entry)
    wrong = []
    if entry.from_:
        hint = "write its image and packages in pipeline.yaml, or use environment: {kind: azureml}"
        wrong.append((f"environments.{entry.name}.from: '{entry.from_}' is a file of version 2", hint))
    if upstream is None and isinstance(spec.target.registry, LocalRegistry):
        hint = "give the target a registry that Azure reaches: {kind: acr, name: ...} or {kind: generic, address: ...}"
        wrong.append((f"targets.{spec.target.name}.registry: Azure cannot pull from a registry of this machine", hint))
    if wrong:
        raise SpecError([Mistake("pipeline.yaml", 0, 0, message, hint) for message, hint in wrong])
    username, password = user(spec.target)
    inputs = Inputs(
        target=spec.target.name,
        name=entry.name,
        reference=upstream.reference if upstream else None,
        image=entry.image,
        user_managed=entry.user_managed,
        pip=entry.pip,
        conda=entry.conda,
        routes=entry.inference_config is not None,
        variables=entry.variables,
        username=username,
        password=password,
    )
    listed = [Requirements(path, conda) for path, conda in ((entry.pip, False), (entry.conda, True)) if path]
    files: list[Files] = [] if entry.user_managed else list(listed)
    return Task(
        "create_environment",
        entry.name,
        inputs,
        files=tuple(files + ([upstream] if upstream else [])),
        needs=() if upstream else (f"push:{entry.image}", "resolve_registry"),
    )


def run(inputs: Inputs, given: Given, clients: Clients) -> Environment:
    """Writes the files. Raises SpecError for a dependency file that cannot serve, StepError for a disk that is full."""
    pull = None
    if inputs.reference is None:
        pushed, registry = given.one(PushedImage), given.one(Registry)
        image = f"{pushed.repository}@{pushed.digest}"
        pull = _pull(inputs, registry, clients.spec)
    else:
        image = in_place.locked(inputs.reference, inputs.image, clients)
    if inputs.routes:
        clients.log.note("inference_config is left out: v1 serves with a server of its own")
    conda, added = _packages(inputs, given.file_sets, clients.root)
    if added:
        clients.log.note(f"added {added}: v1 serves with it")
    files = azureml_v1.environment_files(azureml_v1.environment(inputs.name, image, inputs.variables, conda, pull))
    place = azureml_v1.environment_folder(inputs.target, inputs.name)
    try:
        folder.write(clients.root / place, files)
    except OSError as error:
        raise StepError(f"{place}: cannot be written: {error.strerror}") from None
    clients.log.note(f"wrote {place}")
    content = hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()
    return Environment(inputs.name, "azureml_v1", image, given.fingerprint, f"{place}#{content}", None)


def asks(output: Environment, spec: Spec) -> Sequence[Question]:
    return [AskFile(_file(output))]


def present(output: Environment, answers: Answers) -> str | None:
    return None if answers[AskFile(_file(output))] else f"{_file(output)} gone"


def _pull(inputs: Inputs, registry: Registry, spec: Spec) -> Pull | None:
    """None: no user is needed, for the workspace's own registry and for one that nobody signs in to."""
    from bedplate.clients.azure import registry as azure_registry

    own = isinstance(azure_registry.entry_of(spec.target.registry, registry), WorkspaceRegistry)
    nobody = registry.kind == "generic" and inputs.username is None
    if own or nobody:
        return None
    return Pull(registry.address.partition("/")[0], inputs.username, inputs.password)


def _packages(inputs: Inputs, file_sets: Sequence[FileSet], root: Path) -> tuple[CondaFile | None, str]:
    if inputs.user_managed:
        return None, ""
    texts = {f.path: (root / f.path).read_text(encoding="utf-8-sig") for files in file_sets for f in files.files}
    if inputs.conda:
        return conda_file.with_defaults(conda_file.of_conda(inputs.conda, texts))
    return conda_file.with_defaults(conda_file.of_pip(inputs.pip, texts) if inputs.pip else conda_file.of_nothing())


def _file(output: Environment) -> str:
    return f"{(output.reference or '').partition('#')[0]}/{azureml_v1.ENVIRONMENT_FILE}"
