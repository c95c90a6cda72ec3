"""azureml: an environment is a version that Azure ML holds, named by its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bedplate import conda_file, folder, inference_server, labels, own_images
from bedplate.azureml import bodies as azureml_bodies
from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml.documents import EnvironmentVersion
from bedplate.azureml.drift import Difference
from bedplate.builders import found
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.frozen import dataclass
from bedplate.model import (
    BuiltImage,
    Environment,
    EnvironmentEntry,
    InferenceConfig,
    LocalRegistry,
    PushedImage,
    Registry,
    Route,
    Spec,
    Workspace,
)
from bedplate.questions import Answers, Question
from bedplate.step import Clients, Files, FileSet, Given, Made, Requirements, Task, TeamFile
from bedplate.yamlfile.written import written
from steps.create_environment import in_place, local, recipe

FILE = "environment.yml"
CONDA = "conda.yml"
# azureml-inference-server-http's
SERVER_ROUTES = InferenceConfig(Route(recipe.PORT, "/"), Route(recipe.PORT, "/"), Route(recipe.PORT, "/score"))


@dataclass(frozen=True)
class Inputs:
    """`reference`: an image that Azure ML takes as it stands; None: the pushed one. `from_`: a YAML used in place.

    `scored`: a service's script runs in it. `own`: what an image of its own is made of; None: it has none."""

    target: str
    workspace: Workspace | None
    name: str
    reference: str | None
    image: str | None
    user_managed: bool
    pip: str | None
    conda: str | None
    scored: bool
    inference_server: str
    inference_config: InferenceConfig | None
    from_: str | None
    own: local.Inputs | None


def task(spec: Spec, entry: EnvironmentEntry) -> Task:
    """Raises SpecError for what Azure cannot reach."""
    built = local.task(spec, entry) if own_images.built(entry, spec.target) else None
    upstream = None if entry.from_ or built else in_place.upstream(spec, entry)
    ours = upstream is None and entry.from_ is None
    if ours and isinstance(spec.target.registry, LocalRegistry):
        message = f"targets.{spec.target.name}.registry: Azure cannot pull from a registry of this machine"
        hint = "give the target a registry that Azure reaches: {kind: workspace} or {kind: acr, name: ...}"
        raise SpecError([Mistake("pipeline.yaml", 0, 0, message, hint)])
    inputs = Inputs(
        target=spec.target.name,
        workspace=spec.target.workspace,
        name=entry.name,
        reference=upstream.reference if upstream else None,
        image=entry.image,
        user_managed=entry.user_managed,
        pip=entry.pip,
        conda=entry.conda,
        scored=inference_server.needed(entry, spec),
        inference_server=entry.inference_server,
        inference_config=entry.inference_config,
        from_=entry.from_,
        own=built.inputs if built else None,
    )
    if built:
        return Task("create_environment", entry.name, inputs, files=built.files, needs=built.needs)
    listed = [Requirements(path, conda) for path, conda in ((entry.pip, False), (entry.conda, True)) if path]
    files: list[Files] = [] if entry.user_managed else list(listed)
    files += [upstream] if upstream else []
    if entry.from_:
        files = [TeamFile(entry.from_, deployment=False)]
    needs = (f"push:{entry.image}",) if ours else ()
    return Task("create_environment", entry.name, inputs, files=tuple(files), needs=needs)


def run(inputs: Inputs, given: Given, clients: Clients) -> Environment:
    """Raises SpecError for a dependency file that cannot serve, StepError where Azure refuses."""
    from bedplate.clients import azureml_environments

    built = local.run(inputs.own, given, clients) if inputs.own else None
    wanted, conda, body = _wanted(inputs, given, clients, built.image if built else None)
    _write(wanted, conda, inputs, clients)
    place = _place(wanted, clients)
    azureml_environments.put(clients.azure, place, wanted, body, clients.root, clients.log)
    made = Environment(inputs.name, "azureml", wanted.image or "", given.fingerprint, place, None)
    return replace(made, digest=built.digest, tags=built.tags) if built else made


def drift(inputs: Inputs, given: Given, clients: Clients) -> list[Difference]:
    """Raises SpecError, StepError."""
    from bedplate.azureml import drift as drifts
    from bedplate.clients.azure.versions import ML

    where, image = f"environment {inputs.name}", None
    if inputs.own:
        made = _made(inputs.own, given)
        registry = given.one(Registry)
        digest = found.in_registry(made.path, made.fingerprint, registry, clients)
        if digest is None:
            return [Difference(where, "image", f"{made.path}:{labels.short(made.fingerprint)}", "")]
        image = f"{registry.address}/{made.path}@{digest}"
    wanted, _, body = _wanted(inputs, given, clients, image)
    held = clients.azure.get(_place(wanted, clients), ML)
    if held is None:
        return [Difference(where, "version", wanted.version or "", "")]
    if held["properties"].get("isArchived"):
        return [Difference(where, "version", wanted.version or "", "archived")]
    return drifts.of_environment(where, body, held)


def makes(inputs: Inputs, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made | None:
    return local.makes(inputs.own, fingerprint, file_sets, identities) if inputs.own else None


def asks(output: Environment, spec: Spec) -> Sequence[Question]:
    return local.asks(output, spec)


def present(output: Environment, answers: Answers) -> str | None:
    """Of its own image. A version cannot be changed, and Azure ML is not asked before each run."""
    return local.present(output, answers)


def _wanted(
    inputs: Inputs, given: Given, clients: Clients, image: str | None
) -> tuple[EnvironmentVersion, str | None, azureml_bodies.Body]:
    """The version that the spec asks for, named by its content; its conda file's text; and its body.

    `image`: its own, by digest."""
    if inputs.from_:
        wanted, conda, body = _from(inputs.from_, clients)
    else:
        wanted, conda = _own(inputs, given, clients, image)
        body = azureml_bodies.environment(wanted, conda)
    return replace(wanted, name=wanted.name or inputs.name, version=azureml_bodies.content(body)), conda, body


def _made(own: local.Inputs, given: Given) -> Made:
    base = given.one(BuiltImage)
    made = local.makes(own, given.fingerprint, given.file_sets, {f"build_base:{own.image}": base.identity})
    assert made is not None, "an image that is complete is not its environment's own"
    return made


def _place(wanted: EnvironmentVersion, clients: Clients) -> str:
    return f"{clients.azure.workspace_id}/environments/{wanted.name}/versions/{wanted.version}"


def _own(inputs: Inputs, given: Given, clients: Clients, image: str | None) -> tuple[EnvironmentVersion, str | None]:
    conda = None if image else _packages(inputs, given.file_sets, clients)
    if image is None and inputs.reference is not None:
        image = in_place.locked(inputs.reference, inputs.image, clients)
    elif image is None:
        pushed = given.one(PushedImage)
        image = f"{pushed.repository}@{pushed.digest}"
    # a container that Azure ML adds nothing to must say where it answers
    routes = inputs.inference_config or (SERVER_ROUTES if conda is None else None)
    return EnvironmentVersion(inputs.name, None, image, inference_config=routes), conda


def _packages(inputs: Inputs, file_sets: Sequence[FileSet], clients: Clients) -> str | None:
    """The text of the conda file; None: the image is the environment as it stands."""
    named = inputs.conda or inputs.pip
    if inputs.user_managed or named is None:
        return None
    root = clients.root
    texts = {f.path: (root / f.path).read_text(encoding="utf-8-sig") for files in file_sets for f in files.files}
    read = conda_file.of_conda(named, texts) if inputs.conda else conda_file.of_pip(named, texts)
    missing = conda_file.missing_server(read, named, inputs.inference_server) if inputs.scored else None
    if missing and not _brought(inputs, clients):
        raise SpecError([missing])
    return written(read.document())


def _brought(inputs: Inputs, clients: Clients) -> bool:
    def read(path: str) -> str | None:
        try:
            return (clients.root / path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None

    texts = inference_server.texts(clients.spec, clients.root, read)
    return inputs.image is not None and bool(inference_server.brought(inputs.image, clients.spec, texts))


def _from(path: str, clients: Clients) -> tuple[EnvironmentVersion, str | None, azureml_bodies.Body]:
    from bedplate.azureml import read as azureml_read
    from bedplate.clients import azureml_environments

    read = azureml_read.environment(path, clients.root)
    return read, *azureml_environments.described(clients.azure, read, clients.root)


def _write(wanted: EnvironmentVersion, conda: str | None, inputs: Inputs, clients: Clients) -> None:
    """What `az ml environment create --file` takes."""
    place = f"build/{inputs.target}/environments/{inputs.name}"
    texts = {CONDA: conda} if conda else {}
    beside = replace(wanted, conda=None, conda_file=CONDA if conda else None)
    try:
        folder.write(clients.root / place, {FILE: azureml_yaml.environment_yaml(beside), **texts})
    except OSError as error:
        raise StepError(f"{place}: cannot be written: {error.strerror}") from None
    clients.log.note(f"wrote {place}/{FILE}")
