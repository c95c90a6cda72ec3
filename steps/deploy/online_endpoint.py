"""online_endpoint: a service is a deployment on an Azure ML endpoint, given traffic once it has been seen to work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bedplate import folder
from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml.documents import OnlineDeployment, OnlineEndpoint
from bedplate.azureml.drift import Difference
from bedplate.errors import Mistake, SpecError, StepError
from bedplate.frozen import dataclass
from bedplate.model import (
    AzureMlEnvironment,
    Deployment,
    OnlineEndpointDeploy,
    ServiceEntry,
    SmokeCase,
    Spec,
    Workspace,
)
from bedplate.questions import Answers, Question
from bedplate.step import Clients, Files, Given, TeamFile

ENDPOINT, DEPLOYMENT = "endpoint.yml", "deployment.yml"


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
    """What is read beside code and model."""
    return (TeamFile(entry.from_, deployment=True, compute=entry.compute),) if entry.from_ else ()


def run(inputs: Inputs, given: Given, clients: Clients) -> Deployment:
    """Raises StepError; then what served before still does."""
    from steps.deploy import endpoint_handover, endpoint_wanted

    wanted = endpoint_wanted.wanted(inputs, given, clients, send=True)
    _write(wanted.documents, inputs, clients)
    url = endpoint_handover.deploy(wanted, given, clients)
    return Deployment(inputs.service, "online_endpoint", url, given.fingerprint, f"{wanted.endpoint}/{wanted.name}")


def drift(inputs: Inputs, given: Given, clients: Clients) -> list[Difference]:
    """Where Azure is not as the spec says. Nothing is changed there. Raises StepError."""
    from bedplate.azureml import drift as drifts
    from bedplate.clients.azure.versions import ML
    from steps.deploy import endpoint_changes, endpoint_wanted

    wanted = endpoint_wanted.wanted(inputs, given, clients, send=False)
    where = f"endpoint {wanted.endpoint}"
    found = clients.azure.get(wanted.endpoint_place, ML)
    if found is None:
        return [Difference(where, "endpoint", wanted.endpoint, "")]
    differ = drifts.of_endpoint(where, wanted.endpoint_body, found)
    serving = endpoint_changes.serving(found)
    if serving != {wanted.name: 100}:
        differ.append(Difference(where, "traffic", _shares({wanted.name: 100}), _shares(serving)))
    # where the wanted one is not there, the one that serves says what is another
    for name in (wanted.name, *sorted(serving, key=lambda name: -serving[name])):
        held = clients.azure.get(f"{wanted.endpoint_place}/deployments/{name}", ML)
        if held is not None:
            return differ + drifts.of_deployment(f"deployment {name} of {where}", wanted.body, held)
    return [*differ, Difference(where, "deployment", wanted.name, "")]


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


def _write(documents: tuple[OnlineEndpoint, OnlineDeployment], inputs: Inputs, clients: Clients) -> None:
    """What `az ml online-endpoint create --file` and `az ml online-deployment create --file` take."""
    endpoint, deployment = documents
    place = f"build/{clients.spec.target.name}/services/{inputs.service}"
    texts = {
        ENDPOINT: azureml_yaml.endpoint_yaml(endpoint),
        DEPLOYMENT: azureml_yaml.deployment_yaml(deployment, "../" * (place.count("/") + 1)),
    }
    try:
        folder.write(clients.root / place, texts)
    except OSError as error:
        raise StepError(f"{place}: cannot be written: {error.strerror}") from None
    clients.log.note(f"wrote {place}/{ENDPOINT} and {DEPLOYMENT}")


def _shares(traffic: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items()))
