"""azureml_v1: a service is the files that Azure ML's first SDK and CLI deploy from; nothing is deployed here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bedplate import folder
from bedplate.azureml import v1 as azureml_v1
from bedplate.azureml import v1_scripts as azureml_v1_scripts
from bedplate.azureml.v1 import Document, Pull
from bedplate.azureml.v1_scripts import RegisteredModel
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.frozen import dataclass
from bedplate.model import (
    AzureMlV1Deploy,
    AzureMlV1Environment,
    Deployment,
    Environment,
    ModelEntry,
    SecretSource,
    ServiceEntry,
    Spec,
    Workspace,
)
from bedplate.questions import Answers, AskFile, Question
from bedplate.registry_user import user
from bedplate.step import Clients, FileSet, Given

SOURCE = "source"  # a copy of the code, as it was hashed
ROOT = "../../../.."  # from a service's folder to the project's


@dataclass(frozen=True)
class Inputs:
    target: str
    service: str
    entry_script: str
    model: RegisteredModel | None
    compute_type: str
    compute_target: str | None
    settings: Mapping[str, Any]  # Azure ML's own
    workspace: Workspace | None
    username: SecretSource | str | None
    password: SecretSource | None


def inputs(spec: Spec, service: ServiceEntry, entry: AzureMlV1Deploy) -> Inputs:
    """Raises SpecError with all that v1 would refuse, or ignore without a word."""
    model = spec.models[service.model] if service.model else None
    wrong = [*_service_mistakes(spec, service, model), *_target_mistakes(spec, entry)]
    if wrong:
        raise SpecError([Mistake("pipeline.yaml", 0, 0, message, hint) for message, hint in wrong])
    username, password = user(spec.target)
    return Inputs(
        target=spec.target.name,
        service=service.name,
        entry_script=service.entry_script or "",
        model=_registered(model) if model else None,
        compute_type=entry.compute_type,
        compute_target=entry.compute_target,
        settings=entry.settings,
        workspace=spec.target.workspace,
        username=username,
        password=password,
    )


def aside(spec: Spec, service: ServiceEntry, entry: AzureMlV1Deploy) -> None:
    return None


def run(inputs: Inputs, given: Given, clients: Clients) -> Deployment:
    """Writes the folder of the service. Raises StepError where it cannot."""
    environment = given.one(Environment)
    place = azureml_v1.service_folder(inputs.target, inputs.service)
    inline = _inline(environment, clients.root)
    pull = _pull(inputs, inline)
    service = azureml_v1_scripts.Service(
        name=inputs.service,
        model=inputs.model,
        entry_script=inputs.entry_script,
        source=SOURCE,
        environment=f"../../environments/{environment.name}",
        root=ROOT,
        compute_type=inputs.compute_type,
        compute_target=inputs.compute_target,
        settings=inputs.settings,
        workspace=inputs.workspace,
    )
    if pull is None:
        texts = {
            "inferenceconfig.json": azureml_v1.text(azureml_v1.inference_config(inputs.entry_script, SOURCE, inline)),
            "deploymentconfig.json": azureml_v1.text(
                azureml_v1.deployment_config(inputs.compute_type, inputs.settings)
            ),
            "deploy.sh": azureml_v1_scripts.cli(service),
        }
    else:
        clients.log.note(f"the v1 CLI cannot pull from {pull.address}, a private registry: deploy with the SDK")
        texts = {"deploy.py": azureml_v1_scripts.sdk(service, pull)}
    try:
        folder.write(clients.root / place, texts, _code(given.file_sets[0], clients.root))
    except OSError as error:
        raise StepError(f"{place}: cannot be written: {error.strerror}") from None
    start = f"sh {place}/deploy.sh" if pull is None else f"python {place}/deploy.py"
    clients.log.note(f"wrote {place}; nothing is deployed yet: `{start}` does it")
    return Deployment(inputs.service, "azureml_v1", None, given.fingerprint, place)


def asks(output: Deployment, spec: Spec) -> Sequence[Question]:
    return [AskFile(output.name)]


def present(output: Deployment, answers: Answers) -> str | None:
    return None if answers[AskFile(output.name)] else f"{output.name} gone"


def stop(output: Deployment, clients: Clients) -> str | None:
    """Removes what was written; what a user deployed with it goes on."""
    return f"removed {output.name}" if folder.remove(clients.root / output.name) else None


def _service_mistakes(spec: Spec, service: ServiceEntry, model: ModelEntry | None) -> Iterator[tuple[str, str]]:
    where = f"services.{service.name}"
    if not isinstance(spec.target.environment, AzureMlV1Environment):
        hint = f"write environment: {{kind: azureml_v1}} at target {spec.target.name}"
        yield f"targets.{spec.target.name}: deploy azureml_v1 needs an environment of its kind", hint
    if service.code is None or service.entry_script is None:
        yield f"{where}: Azure ML v1 needs code and entry_script", "write both: code: FOLDER and entry_script: score.py"
    elif not service.entry_script.endswith(".py"):
        yield f"{where}.entry_script: Azure ML v1 runs Python only, not '{service.entry_script}'", "name a .py file"
    if model and not model.version.isdigit():
        yield f"models.{model.name}: Azure ML v1 numbers versions; '{model.version}' is none", 'write version: "1"'


def _target_mistakes(spec: Spec, entry: AzureMlV1Deploy) -> Iterator[tuple[str, str]]:
    where = f"targets.{spec.target.name}.deploy"
    for key, why in azureml_v1.wrong_settings(entry.compute_type, entry.settings):
        yield f"{where}.{key}: {why}", ""
    if entry.compute_type == "aks" and entry.compute_target is None:
        yield f"{where}: 'compute_target' is missing", "write compute_target: NAME of the workspace's AKS compute"
    if entry.compute_type != "aks" and entry.compute_target is not None:
        hint = "take it out, or write compute_type: aks"
        yield f"{where}.compute_target: compute_type {entry.compute_type} has none", hint


def _registered(model: ModelEntry) -> RegisteredModel:
    if model.registered:
        return RegisteredModel(model.registered.rpartition(":")[0], model.version, None)
    return RegisteredModel(model.name, model.version, f"{ROOT}/{model.path}")


def _inline(environment: Environment, root: Path) -> Document:
    """The environment as create_environment wrote it, in one piece."""
    import yaml

    place = root / (environment.reference or "").partition("#")[0]
    try:
        document: Document = json.loads((place / azureml_v1.ENVIRONMENT_FILE).read_bytes())
        if not document["python"]["userManagedDependencies"]:
            document["python"]["condaDependencies"] = yaml.safe_load((place / azureml_v1.CONDA_FILE).read_bytes())
    except (OSError, ValueError, KeyError, yaml.YAMLError):
        hint = f"`doit create_environment:{environment.name}` writes it"
        raise StepError(f"environment {environment.name} is not whole in {place.relative_to(root)}", hint) from None
    return document


def _pull(inputs: Inputs, inline: Document) -> Pull | None:
    address = inline["docker"]["baseImageRegistry"]["address"]
    return Pull(address, inputs.username, inputs.password) if address else None


def _code(files: FileSet, root: Path) -> dict[str, Path]:
    below = root / files.root
    return {f"{SOURCE}/{file.path}": below / file.path for file in files.files if file.kind != "dir"}
