"""made: what the steps make.

Each is JSON in the record; `identity` is what the steps after it are compared by."""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from bedplate.frozen import dataclass


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
