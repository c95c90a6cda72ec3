"""azureml.documents: environments, endpoints and deployments as `az ml` takes them in YAML."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeAlias

from bedplate.azureml.refs import AssetRef
from bedplate.frozen import dataclass
from bedplate.model import EnvironmentEntry, InferenceConfig, OnlineEndpointDeploy, ServiceEntry
from bedplate.yamlfile.written import written

Document: TypeAlias = dict[str, Any]  # YAML

SCHEMAS = "https://azuremlschemas.azureedge.net/latest/"
# of a target's deploy settings, those that belong to the endpoint (Azure ML, "online endpoint YAML schema")
OF_ENDPOINT = ("auth_mode", "identity", "public_network_access")
OF_BOTH = ("description", "tags")


@dataclass(frozen=True)
class Build:
    """A Dockerfile that Azure ML builds. `path`: its context below the project's root, or a URL."""

    path: str
    dockerfile: str


@dataclass(frozen=True)
class EnvironmentVersion:
    """`conda_file`: a path below the project's root; `conda`: what stands in the YAML itself. One of them at most."""

    name: str | None
    version: str | None
    image: str | None = None
    build: Build | None = None
    conda_file: str | None = None
    conda: Mapping[str, Any] | None = None
    inference_config: InferenceConfig | None = None
    os_type: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelVersion:
    """A model that is not registered yet. `path`: below the project's root, or what `az ml` takes as a URI."""

    path: str
    name: str | None = None
    version: str | None = None
    type: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OnlineEndpoint:
    """`compute`: a Kubernetes compute; None: managed. `settings`: Azure ML's own names, handed on."""

    name: str
    compute: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OnlineDeployment:
    """`code`: a folder below the project's root. `settings`: Azure ML's own names, handed on."""

    name: str
    endpoint: str
    kubernetes: bool
    environment: AssetRef | EnvironmentVersion | None
    model: AssetRef | ModelVersion | None
    code: AssetRef | str | None
    scoring_script: str | None
    variables: Mapping[str, str] = field(default_factory=dict)
    instance_type: str | None = None
    instance_count: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def environment(entry: EnvironmentEntry, version: str, image: str) -> EnvironmentVersion:
    """An environment of the spec with the image that was pushed. Azure ML keeps variables with the deployment."""
    return EnvironmentVersion(
        entry.name, version, image, conda_file=entry.conda, inference_config=entry.inference_config
    )


def deployment(
    name: str,
    endpoint: str,
    service: ServiceEntry,
    entry: OnlineEndpointDeploy,
    environment: AssetRef | EnvironmentVersion,
    model: AssetRef | ModelVersion | None,
    variables: Mapping[str, str],
) -> OnlineDeployment:
    """A service of the spec. `variables`: its environment's; those of the target come after them."""
    return OnlineDeployment(
        name=name,
        endpoint=endpoint,
        kubernetes=entry.compute is not None,
        environment=environment,
        model=model,
        code=service.code,
        scoring_script=service.entry_script,
        variables={**variables, **entry.settings.get("environment_variables", {})},
        instance_type=entry.instance_type,
        instance_count=_instances(entry),
        settings=deployment_settings(entry),
    )


def _instances(entry: OnlineEndpointDeploy) -> int | None:
    """One is what the schema says where nobody has; whoever scales did not mean that."""
    scale = entry.settings.get("scale_settings") or {}
    return None if scale.get("type") == "target_utilization" and entry.instance_count == 1 else entry.instance_count


def endpoint(name: str, entry: OnlineEndpointDeploy) -> OnlineEndpoint:
    """The endpoint of a service, from what the spec says of the target."""
    settings = {key: entry.settings[key] for key in (*OF_ENDPOINT, *OF_BOTH) if key in entry.settings}
    return OnlineEndpoint(name, entry.compute, {"auth_mode": "key", **settings})


def deployment_settings(entry: OnlineEndpointDeploy) -> Document:
    """Those of a target's settings that are the deployment's; the variables have a field of their own."""
    apart = (*OF_ENDPOINT, "environment_variables")
    return {key: value for key, value in entry.settings.items() if key not in apart}


def environment_yaml(environment: EnvironmentVersion, up: str = "") -> str:
    """For `az ml environment create --file`. `up`: leads from the file's folder to the project's root, `../../`."""
    return _text("environment", _environment(environment, up))


def endpoint_yaml(endpoint: OnlineEndpoint) -> str:
    """For `az ml online-endpoint create --file`."""
    if endpoint.compute is None:
        return _text("managedOnlineEndpoint", {"name": endpoint.name, **endpoint.settings})
    managed = {key: value for key, value in endpoint.settings.items() if key != "public_network_access"}
    compute = endpoint.compute if endpoint.compute.startswith("azureml:") else f"azureml:{endpoint.compute}"
    return _text("kubernetesOnlineEndpoint", {"name": endpoint.name, "compute": compute, **managed})


def deployment_yaml(deployment: OnlineDeployment, up: str = "") -> str:
    """For `az ml online-deployment create --file`. `up`: see `environment_yaml`."""
    document: Document = {"name": deployment.name, "endpoint_name": deployment.endpoint}
    if deployment.kubernetes:
        document["type"] = "kubernetes"
    model = deployment.model
    if model is not None:
        document["model"] = str(model) if isinstance(model, AssetRef) else _model(model, up)
    if deployment.code is not None:
        code = str(deployment.code) if isinstance(deployment.code, AssetRef) else _path(deployment.code, up)
        document["code_configuration"] = _given(code=code, scoring_script=deployment.scoring_script)
    environment = deployment.environment
    if environment is not None:
        inline = isinstance(environment, EnvironmentVersion)
        document["environment"] = _environment(environment, up) if inline else str(environment)  # type: ignore[arg-type]
    document |= _given(
        environment_variables=dict(deployment.variables) or None,
        instance_type=deployment.instance_type,
        instance_count=deployment.instance_count,
    )
    document |= deployment.settings
    return _text("kubernetesOnlineDeployment" if deployment.kubernetes else "managedOnlineDeployment", document)


def _environment(environment: EnvironmentVersion, up: str) -> Document:
    build, config = environment.build, environment.inference_config
    return _given(
        name=environment.name,
        version=environment.version,
        description=environment.description,
        tags=dict(environment.tags) or None,
        properties=dict(environment.properties) or None,
        image=environment.image,
        build={"path": _path(build.path, up), "dockerfile_path": build.dockerfile} if build else None,
        conda_file=_path(environment.conda_file, up) if environment.conda_file else environment.conda,
        inference_config=dataclasses.asdict(config) if config else None,
        os_type=environment.os_type,
    )


def _model(model: ModelVersion, up: str) -> Document:
    return _given(
        name=model.name,
        version=model.version,
        type=model.type,
        path=_path(model.path, up),
        description=model.description,
        tags=dict(model.tags) or None,
        properties=dict(model.properties) or None,
    )


def _path(path: str, up: str) -> str:
    return path if "://" in path or path.startswith("azureml:") else f"{up or './'}{path}"


def _given(**values: Any) -> Document:
    return {key: value for key, value in values.items() if value is not None}


def _text(schema: str, document: Document) -> str:
    return written({"$schema": f"{SCHEMAS}{schema}.schema.json", **document})
