"""standin: a server for tests that keeps state and speaks what Azure speaks."""

from .azurite_blobs import AzuriteBlobs
from .blobs import Blobs
from .exchange import Answer, Exchange, Refused, Request
from .faults import Fault
from .server import StandIn
from .state import DeploymentFailed, Registry, Workspace

__all__ = [
    "Answer",
    "AzuriteBlobs",
    "Blobs",
    "DeploymentFailed",
    "Exchange",
    "Fault",
    "Refused",
    "Registry",
    "Request",
    "StandIn",
    "Workspace",
]
