"""model: the nouns. What a spec says (entries) and what the steps make of it (outputs)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"


@dataclass(frozen=True)
class Digest:
    """A content digest as OCI writes it: `sha256:` and 64 lower-case hex digits (OCI image-spec, descriptor.md)."""

    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Raises ValueError for anything else."""
        algorithm, _, digits = text.partition(":")
        if algorithm != "sha256" or not re.fullmatch("[0-9a-f]{64}", digits):
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(digits)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


# ---- entries: what the spec says. Paths are relative to the project's root, with forward slashes.


@dataclass(frozen=True)
class EnvSecret:
    """A secret that stands in an environment variable."""

    env: str


@dataclass(frozen=True)
class FileSecret:
    """A secret that stands in a file, without a trailing line break."""

    file: str


SecretSource: TypeAlias = EnvSecret | FileSecret


@dataclass(frozen=True)
class DockerfileImage:
    name: str
    context: str
    dockerfile: str  # relative to the project's root
    target: str | None
    args: Mapping[str, str]
    from_: Mapping[str, str]  # build argument -> image of this spec
    platform: str | None  # None: that of this machine
    secrets: Mapping[str, SecretSource]
    tags: tuple[str, ...]
    requires: Mapping[str, Any]  # checked by the schema, read by the image checks


@dataclass(frozen=True)
class RootfsImage:
    name: str
    suite: str
    packages: tuple[str, ...]
    variant: str  # mmdebstrap's: minbase, apt, essential, ...
    components: tuple[str, ...]
    mirror: str | None  # None: the mirrors of this machine
    platform: str | None
    tags: tuple[str, ...]
    requires: Mapping[str, Any]


@dataclass(frozen=True)
class ReferenceImage:
    name: str
    reference: str
    platform: str | None
    tags: tuple[str, ...]
    requires: Mapping[str, Any]


ImageEntry: TypeAlias = DockerfileImage | RootfsImage | ReferenceImage


@dataclass(frozen=True)
class Route:
    port: int
    path: str


@dataclass(frozen=True)
class InferenceConfig:
    """Azure ML's inference_config: where a container that brings its own server listens."""

    liveness_route: Route
    readiness_route: Route
    scoring_route: Route


@dataclass(frozen=True)
class EnvironmentEntry:
    name: str
    image: str | None  # an image of this spec; None on Azure: Azure ML's default image
    pip: str | None
    conda: str | None
    user_managed: bool  # the image brings all it needs, the inference server too
    inference_server: str  # version of azureml-inference-server-http that is added
    inference_config: InferenceConfig | None
    variables: Mapping[str, str]
    tags: tuple[str, ...]
    from_: str | None  # an Azure ML v2 environment YAML used in place
    requires: Mapping[str, Any]


@dataclass(frozen=True)
class ModelEntry:
    name: str
    path: str | None
    registered: str | None  # "name:version" of a model that Azure ML holds
    version: str


@dataclass(frozen=True)
class SmokeRequest:
    method: str
    path: str | None  # None: the scoring route
    headers: Mapping[str, str]
    json: Json  # absent when `body` or `file` is given; then None
    body: str | None
    file: str | None
    has_json: bool


@dataclass(frozen=True)
class SmokeExpectation:
    status: int
    json_schema: Mapping[str, Any] | bool | None
    json: Json
    has_json: bool
    tolerance: float  # numbers of `json` may differ by this much, absolutely; 0: exactly equal
    contains: str | None
    within_ms: float | None


@dataclass(frozen=True)
class SmokeCase:
    name: str
    request: SmokeRequest
    expect: SmokeExpectation


@dataclass(frozen=True)
class ServiceEntry:
    name: str
    environment: str
    model: str | None
    code: str | None
    entry_script: str | None
    smoke_test: tuple[SmokeCase, ...]


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


# ---- outputs: what a step made. Each is JSON in the record; `identity` is what the steps after it are compared by.


@dataclass(frozen=True)
class Registry:
    """Where images go. `address`: host[:port][/path]; the repositories are address/project/image.

    Two of one address are the same registry, however they are spoken to."""

    kind: str = field(compare=False)
    address: str
    insecure: bool = field(compare=False)

    @property
    def identity(self) -> str:
        return self.address


@dataclass(frozen=True)
class BuiltImage:
    """An image that exists, in the local engine or (`digest`, then) in the registry.

    Two builds of the same inputs are the same image to whoever builds on it, even where their bytes differ."""

    name: str
    tag: str  # local name with its tag: project/name:fp-<16 hex>
    fingerprint: str  # 64 hex
    digest: str | None  # registry digest, where it was found there or built there
    repository: str = ""  # host/path, where only an Azure registry need have it: its address is in no spec

    @property
    def identity(self) -> str:
        return self.fingerprint


@dataclass(frozen=True)
class PushedImage:
    """`repository`: host[:port]/path without a tag. `fingerprint`: 64 hex."""

    name: str
    repository: str
    digest: str
    fingerprint: str
    tags: tuple[str, ...]

    @property
    def identity(self) -> str:
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True)
class Environment:
    """What a service runs in. `image`: a reference that pins content. `fingerprint`: 64 hex."""

    name: str
    kind: str  # local | azureml | azureml_v1
    image: str
    fingerprint: str
    reference: str | None  # Azure ML: the id of the environment version
    digest: str | None  # registry digest of an image of its own
    tags: tuple[str, ...] = ()  # that such an image has in the registry

    @property
    def identity(self) -> str:
        return self.reference or self.fingerprint


@dataclass(frozen=True)
class Deployment:
    """A service that answers. `fingerprint`: of what runs there."""

    service: str
    kind: str  # container | online_endpoint | azureml_v1
    url: str | None  # scoring URL
    fingerprint: str
    name: str  # container name, or deployment name on the endpoint

    @property
    def identity(self) -> str:
        return f"{self.url}#{self.fingerprint}"


@dataclass(frozen=True)
class SmokeReport:
    service: str
    passed: tuple[str, ...]  # names of the cases

    @property
    def identity(self) -> str:
        return ",".join(self.passed)


Output: TypeAlias = Registry | BuiltImage | PushedImage | Environment | Deployment | SmokeReport
