"""targets: where a spec wants it: registry, builder, environment and deployment; and the whole spec with one chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bedplate.frozen import dataclass
from bedplate.model.entries import EnvironmentEntry, ImageEntry, ModelEntry, SecretSource, ServiceEntry


@dataclass(frozen=True)
class LocalRegistry:
    """A registry program on this machine, started where nothing answers on the port."""

    port: int


@dataclass(frozen=True)
class GenericRegistry:
    address: str  # host[:port][/path]
    username: SecretSource | str | None
    password: SecretSource | None  # None: Docker's credential store, else anonymous
    insecure: bool  # plain HTTP, or a certificate that is not checked


@dataclass(frozen=True)
class AcrRegistry:
    name: str  # registry name or login server
    sign_in: str  # token | service_principal | admin
    username: SecretSource | str | None
    password: SecretSource | None


@dataclass(frozen=True)
class WorkspaceRegistry:
    sign_in: str  # token | admin
    fallback: AcrRegistry | GenericRegistry | None


RegistryEntry: TypeAlias = LocalRegistry | GenericRegistry | AcrRegistry | WorkspaceRegistry


@dataclass(frozen=True)
class LocalBuilder:
    """The engine of this machine. `parallel`: builds at a time."""

    parallel: int


@dataclass(frozen=True)
class AcrTasksBuilder:
    parallel: int
    timeout_s: int
    agent_pool: str | None


BuilderEntry: TypeAlias = LocalBuilder | AcrTasksBuilder


@dataclass(frozen=True)
class LocalEnvironment:
    """The environment is an image of its own, built and pushed like the others."""


@dataclass(frozen=True)
class AzureMlEnvironment:
    pass


@dataclass(frozen=True)
class AzureMlV1Environment:
    base_image_registry_username: SecretSource | str | None


EnvironmentKind: TypeAlias = LocalEnvironment | AzureMlEnvironment | AzureMlV1Environment


@dataclass(frozen=True)
class ContainerDeploy:
    """One container a service on the local engine. `ports` overrides `port` by service."""

    port: int
    ports: Mapping[str, int]
    host: str  # address that the port is bound to
    ready_within_s: float
    memory: str | None  # as `docker run --memory` takes it


@dataclass(frozen=True)
class OnlineEndpointDeploy:
    """Azure ML's own names and values; `settings` holds those that are handed on as they stand."""

    endpoint: str | None
    compute: str | None  # a Kubernetes compute; None: managed
    instance_type: str | None
    instance_count: int
    keep_previous: bool
    from_: str | None  # an Azure ML v2 deployment YAML used in place
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class AzureMlV1Deploy:
    """Writes the v1 SDK and CLI files; nothing is deployed."""

    compute_type: str  # local | aci | aks
    compute_target: str | None
    settings: Mapping[str, Any]


DeployEntry: TypeAlias = ContainerDeploy | OnlineEndpointDeploy | AzureMlV1Deploy


@dataclass(frozen=True)
class Workspace:
    subscription: str | None  # None: the active one of `az`
    resource_group: str
    name: str


@dataclass(frozen=True)
class Target:
    name: str
    registry: RegistryEntry
    builder: BuilderEntry
    workspace: Workspace | None
    environment: EnvironmentKind
    deploy: DeployEntry | None  # None: images (and environments) alone
    protect: bool


@dataclass(frozen=True)
class Spec:
    """A checked pipeline.yaml with one target chosen. Mappings keep the file's order."""

    version: int
    project: str
    images: Mapping[str, ImageEntry]
    environments: Mapping[str, EnvironmentEntry]
    models: Mapping[str, ModelEntry]
    services: Mapping[str, ServiceEntry]
    targets: tuple[str, ...]  # every name, the default first
    target: Target
    policy: Mapping[str, Any]
