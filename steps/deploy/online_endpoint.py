"""online_endpoint: a service is a deployment on an Azure ML endpoint, given traffic once it has been seen to work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml.documents import ModelVersion, OnlineDeployment
from bedplate.azureml.refs import AssetRef
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.model import (
    AzureMlEnvironment,
    Deployment,
    Environment,
    OnlineEndpointDeploy,
    ServiceEntry,
    SmokeCase,
    Spec,
    Workspace,
)
from bedplate.questions import Answers, Question
from bedplate.step import Clients, Files, Given, Tree


@dataclass(frozen=True)
class Inputs:
    """`entry`: the target's, in Azure ML's own names. `registered`: a model that Azure ML holds, `name:version`."""

    project: str
    service: str
    workspace: Workspace | None
    endpoint: str
    compute: str | None
    instance_type: str | None
    instance_count: int
    settings: Mapping[str, Any]
    code: str | None
    entry_script: str | None
    model: str | None
    model_path: str | None
    model_version: str
    registered: str | None
    variables: Mapping[str, str]
    from_: str | None


@dataclass(frozen=True)
class Aside:
    """How a version takes over: no part of what runs there."""

    cases: tuple[SmokeCase, ...]
    keep_previous: bool
    protect: bool


def inputs(spec: Spec, service: ServiceEntry, entry: OnlineEndpointDeploy) -> Inputs:
    """Raises SpecError where the environment is not one of Azure ML's."""
    if not isinstance(spec.target.environment, AzureMlEnvironment):
        where = f"targets.{spec.target.name}"
        hint = f"write environment: {{kind: azureml}} at target {spec.target.name}"
        message = f"{where}: deploy online_endpoint needs an environment of Azure ML's"
        raise SpecError([Mistake("pipeline.yaml", 0, 0, message, hint)])
    model = spec.models[service.model] if service.model else None
    return Inputs(
        project=spec.project,
        service=service.name,
        workspace=spec.target.workspace,
        endpoint=entry.endpoint or service.name,
        compute=entry.compute,
        instance_type=entry.instance_type,
        instance_count=entry.instance_count,
        settings=entry.settings,
        code=service.code,
        entry_script=service.entry_script,
        model=model.name if model else None,
        model_path=model.path if model else None,
        model_version=model.version if model else "",
        registered=model.registered if model else None,
        variables=spec.environments[service.environment].variables,
        from_=entry.from_,
    )


def aside(spec: Spec, service: ServiceEntry, entry: OnlineEndpointDeploy) -> Aside:
    return Aside(service.smoke_test, entry.keep_previous, spec.target.protect)


def files(entry: OnlineEndpointDeploy) -> Sequence[Files]:
    """What is read beside code and model; what a YAML names lies beside it, as a rule."""
    if entry.from_ is None:
        return ()
    return (Tree(str(PurePosixPath(entry.from_).parent) if "/" in entry.from_ else entry.from_),)


def run(inputs: Inputs, given: Given, clients: Clients) -> Deployment:
    """Raises StepError; then what served before still does."""
    from steps.deploy import endpoint_handover

    wanted = described(inputs, given, clients)
    environment, model, code = _assets(wanted, inputs, given, clients)
    name, url = endpoint_handover.deploy(wanted, environment, model, code, inputs, given, clients)
    return Deployment(inputs.service, "online_endpoint", url, given.fingerprint, f"{wanted.endpoint}/{name}")


def asks(output: Deployment, spec: Spec) -> Sequence[Question]:
    return ()


def present(output: Deployment, answers: Answers) -> str | None:
    """Azure is not asked before each run."""
    return None


def stop(output: Deployment, clients: Clients) -> str | None:
    """An endpoint serves others than who cleans a checkout: it is left, and what removes it is said."""
    endpoint = output.name.partition("/")[0]
    clients.log.note(f"endpoint {endpoint} goes on: `az ml online-endpoint delete --name {endpoint}` removes it")
    return None


def described(inputs: Inputs, given: Given, clients: Clients) -> OnlineDeployment:
    """The deployment as `az ml` would be told of it; its name is found later, from its content."""
    if inputs.from_:
        from bedplate.azureml import read as azureml_read

        return azureml_read.deployment(inputs.from_, clients.root)
    entry = OnlineEndpointDeploy(
        inputs.endpoint, inputs.compute, inputs.instance_type, inputs.instance_count, False, None, inputs.settings
    )
    service = ServiceEntry(inputs.service, "", None, inputs.code, inputs.entry_script, ())
    environment = AssetRef("", "environments", given.one(Environment).name, None, None)
    return azureml_yaml.deployment("", inputs.endpoint, service, entry, environment, None, inputs.variables)


def _assets(
    wanted: OnlineDeployment, inputs: Inputs, given: Given, clients: Clients
) -> tuple[str | None, str | None, str | None]:
    """Ids of environment, model and code; what the YAML of a team does not name is the service's."""
    from bedplate.clients import azureml_assets

    azure, log = clients.azure, clients.log
    environment = given.one(Environment).reference
    if inputs.from_ and isinstance(wanted.environment, AssetRef):
        environment = _id(wanted.environment, azure.workspace_id)
    sets = list(given.file_sets)
    code = model = None
    if inputs.code is not None:
        code = azureml_assets.code(azure, azureml_assets.upload(inputs.code, sets.pop(0), clients.root), log)
    if inputs.registered:
        name, _, version = inputs.registered.removeprefix("azureml:").rpartition(":")
        model = f"{azure.workspace_id}/models/{name}/versions/{version}"
    elif inputs.model and inputs.model_path is not None:
        sent = azureml_assets.upload(inputs.model_path, sets.pop(0), clients.root)
        model = azureml_assets.model(azure, inputs.model, sent, log, None, {"version": inputs.model_version})
    if isinstance(wanted.code, AssetRef):
        code = _id(wanted.code, azure.workspace_id)
    elif inputs.from_ and wanted.code is not None and wanted.code != inputs.code:
        code = azureml_assets.code(azure, _read(wanted.code, clients), log)
    if isinstance(wanted.model, AssetRef):
        model = _id(wanted.model, azure.workspace_id)
    elif isinstance(wanted.model, ModelVersion):
        sent = _read(wanted.model.path, clients)
        name = wanted.model.name or inputs.service
        model = azureml_assets.model(azure, name, sent, log, wanted.model.type, wanted.model.tags)
    return environment, model, code


def _read(path: str, clients: Clients) -> Any:
    """The files at a path that only the YAML names."""
    from bedplate.clients.azureml_assets import at

    if "://" in path or path.startswith("azureml:"):
        raise StepError(f"{path}: only files of the project are sent", "register it, and name it azureml:NAME:VERSION")
    return at(path, clients.root)


def _id(reference: AssetRef, workspace: str) -> str:
    if not reference.scope and reference.version:
        return f"{workspace}/{reference.collection}/{reference.name}/versions/{reference.version}"
    if not reference.version:
        raise StepError(f"{reference} names no version", "write azureml:NAME:VERSION: what runs is then known")
    return str(reference).removeprefix("azureml:") if reference.scope.startswith("/") else str(reference)
