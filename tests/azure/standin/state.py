"""What Azure holds: a tenant, subscriptions, workspaces and registries, and what lies in them."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .azurite_blobs import AzuriteBlobs
from .blobs import Blobs
from .exchange import Recorder, Refused
from .faults import Faults
from .operations import Operations
from .tokens import Tokens

SUBSCRIPTION = "34b6d3b4-0b8c-4f0e-9d4e-6b1c5a1f0001"
TENANT = "7a3c1e5e-5a0b-4c57-9f7e-2d8e6b1a0002"
GROUP = "rg"
LOCATION = "westeurope"

Document = dict[str, Any]


class DeploymentFailed(Exception):  # noqa: N818 -- what a serving raises to end a deployment as Azure would
    """The container of a deployment did not come up: Azure's code and what it says."""

    def __init__(self, message: str, code: str = "ResourceOperationFailure") -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Registry:
    """An Azure container registry. `upstream`: http address of the docker-registry that keeps its images."""

    name: str
    login_server: str
    sku: str = "Basic"
    admin_enabled: bool = False
    public_network_access: str = "Enabled"
    group: str = GROUP
    subscription: str = SUBSCRIPTION
    upstream: str | None = None
    passwords: list[str] = field(default_factory=lambda: [secrets.token_hex(20) for _ in range(2)])
    may: frozenset[str] = frozenset({"pull", "push", "delete"})  # what the signed-in principal's roles allow
    runs: dict[str, Document] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # the patterns of Microsoft's documents
        assert re.fullmatch("[a-zA-Z0-9]{5,50}", self.name), f"not a registry name: {self.name}"

    @property
    def id(self) -> str:
        return _id(self.subscription, self.group, "Microsoft.ContainerRegistry/registries", self.name)


@dataclass
class Workspace:
    """An Azure ML workspace. The assets are the documents as they were sent, by their path below the workspace."""

    name: str
    container_registry: str | None = None  # ARM id; None until something was trained or deployed
    group: str = GROUP
    subscription: str = SUBSCRIPTION
    location: str = LOCATION
    account: str = "mlstorage"
    container: str = "azureml-blobstore"
    documents: dict[str, Document] = field(default_factory=dict)
    computes: dict[str, str] = field(default_factory=dict)  # name -> Kubernetes | AmlCompute
    keys: dict[str, list[str]] = field(default_factory=dict)  # of endpoints
    logs: dict[str, str] = field(default_factory=dict)  # "endpoint/deployment" -> container log

    def __post_init__(self) -> None:
        assert re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", self.name), f"not a workspace name: {self.name}"

    @property
    def id(self) -> str:
        return _id(self.subscription, self.group, "Microsoft.MachineLearningServices/workspaces", self.name)


@dataclass
class Azure:
    """Everything behind the addresses of one stand-in."""

    url: str = ""
    blobs: Blobs | AzuriteBlobs = field(default_factory=Blobs)
    recorder: Recorder = field(default_factory=Recorder)
    faults: Faults = field(default_factory=Faults)
    operations: Operations = field(default_factory=Operations)
    tokens: Tokens = field(default_factory=lambda: Tokens(TENANT))
    subscriptions: dict[str, str] = field(default_factory=lambda: {SUBSCRIPTION: "Stand-in"})
    groups: set[tuple[str, str]] = field(default_factory=lambda: {(SUBSCRIPTION, GROUP)})
    registries: dict[str, Registry] = field(default_factory=dict)  # by name, lower case
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)  # registries elsewhere -> host:port where they really answer
    ports: dict[int, str] = field(default_factory=dict)  # port of a login server -> name of its registry
    builds: Callable[..., Any] | None = None  # how ACR Tasks builds; see tasks.py
    serve: Callable[[Workspace, str, str, Document], str] | None = None  # starts a deployment's container: its URL
    served: dict[tuple[str, str], str] = field(default_factory=dict)  # (endpoint, deployment) -> URL that answers
    scoring_paths: dict[tuple[str, str], str] = field(default_factory=dict)  # of the container; else /score
    unserve: Callable[[str, str], None] | None = None
    read_log: Callable[[str, str], str | None] | None = None  # of a container that runs
    lock: threading.RLock = field(default_factory=threading.RLock)

    def registry(self, name: str, group: str | None = None) -> Registry:
        found = self.registries.get(name.lower())
        if not found or (group is not None and found.group.lower() != group.lower()):
            raise self.missing("Microsoft.ContainerRegistry/registries", name, group)
        return found

    def workspace(self, name: str, group: str) -> Workspace:
        found = self.workspaces.get(name.lower())
        if not found or found.group.lower() != group.lower():
            raise self.missing("Microsoft.MachineLearningServices/workspaces", name, group)
        return found

    def check_group(self, subscription: str, group: str) -> None:
        if subscription.lower() not in self.subscriptions:
            raise Refused(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
        if (subscription.lower(), group.lower()) not in self.groups:
            raise Refused(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")

    def missing(self, kind: str, name: str, group: str | None) -> Refused:
        message = (
            f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        )
        return Refused(404, "ResourceNotFound", message)


def _id(subscription: str, group: str, kind: str, name: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"
