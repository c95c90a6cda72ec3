"""standin: a server for tests that keeps state and speaks what Azure speaks.

    with StandIn() as azure:
        registry = azure.add_registry("standinacr", program=True)    # a docker-registry keeps its images
        azure.add_workspace("demo", registry)
        environ = azure.sign_in(folder)                              # AZURE_CONFIG_DIR, REQUESTS_CA_BUNDLE, ...
        azure.faults.throttled("/environments/", times=2)            # the next two get 429
        azure.operations.end_next("deployments/blue", "Failed", "ImageBuildFailure", "...")

A deployment answers where `azure.serve(endpoint, deployment, url)` says, or in a container (`Containers`).
"""

from .azurite_blobs import AzuriteBlobs
from .blobs import Blobs
from .containers import Containers
from .exchange import Answer, Exchange, Refused, Request
from .faults import Fault
from .server import StandIn
from .state import DeploymentFailed, Registry, Workspace

__all__ = [
    "Answer",
    "AzuriteBlobs",
    "Blobs",
    "Containers",
    "DeploymentFailed",
    "Exchange",
    "Fault",
    "Refused",
    "Registry",
    "Request",
    "StandIn",
    "Workspace",
]
