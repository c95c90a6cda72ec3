"""entries: what a spec says of images, environments, models and services.

Paths are relative to the project's root, with forward slashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bedplate.frozen import dataclass

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"


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
