"""azureml_storage: the workspace's own datastore, and how its container may be written to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bedplate.clients.azure.versions import BLOB, ML
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.secrets import Secret

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure

DATASTORE = "workspaceblobstore"  # the one that each workspace has
LIFETIME_S = 8 * 3600  # of a signature that we derive: the largest model is sent by then
STORAGE = "https://storage.azure.com/.default"  # Microsoft Entra's name for storage accounts, in every cloud
HINT = "register the model yourself, and write `registered: NAME:VERSION`"


@dataclass(frozen=True)
class Container:
    """`signature`: the query that lets its bearer write, without `?`; `token`: of Microsoft Entra, without that."""

    url: str
    signature: Secret | None
    token: Secret | None


def datastore(azure: Azure) -> str:
    """ARM id of the datastore that models are sent to."""
    return f"{azure.workspace_id}/datastores/{DATASTORE}"


def container(azure: Azure) -> Container:
    """Where models are sent to. By the datastore's credentials: its signature, one made with its account key, or

    (a datastore that has none: access by identity) the token of whoever is signed in. Raises StepError."""
    place, said = datastore(azure), _properties(azure)
    account, name = str(said["accountName"]), str(said["containerName"])
    place_url = _url(azure, said)
    if (said.get("credentials") or {}).get("credentialsType") == "None":
        return Container(place_url, None, azure.token(STORAGE))
    secrets = azure.post(f"{place}/listSecrets", None, ML).document
    signature = str(secrets.get("sasToken") or "").lstrip("?")
    if not signature and secrets.get("key"):
        signature = sign(account, name, Secret(str(secrets["key"])), time.time() + LIFETIME_S)
    if not signature:
        kind = secrets.get("secretsType") or "no secret"
        raise StepError(f"datastore {DATASTORE} has {kind}, with which nothing can be sent there", HINT)
    return Container(place_url, Secret(signature), None)


def url(azure: Azure) -> str:
    """Of the container that models are sent to. Raises StepError."""
    return _url(azure, _properties(azure))


def _properties(azure: Azure) -> dict[str, Any]:  # Any: Azure's JSON
    found = azure.get(datastore(azure), ML)
    if found is None:
        raise StepError(f"the workspace has no datastore {DATASTORE}", HINT)
    said: dict[str, Any] = found["properties"]
    return said


def _url(azure: Azure, said: dict[str, Any]) -> str:
    protocol, suffix = said.get("protocol") or "https", said.get("endpoint") or azure.sign_in.cloud.storage
    return f"{protocol}://{said['accountName']}.blob.{suffix}/{said['containerName']}"


def sign(account: str, container: str, key: Secret, until: float) -> str:
    """The query that lets its bearer read, create and write blobs of a container until then (seconds since 1970).

    Azure Storage, "Create a service SAS", string-to-sign of version 2020-12-06 and later."""
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    fields = {"sp": "rcw", "se": expiry, "sv": BLOB, "sr": "c"}
    text = "\n".join(
        # permissions, start, expiry, resource, identifier, addresses, protocol, version, kind, snapshot, encryption
        [fields["sp"], "", expiry, f"/blob/{account}/{container}", "", "", "", BLOB, "c", "", ""]
        + [""] * 5  # headers of answers
    )
    made = hmac.new(base64.b64decode(key.reveal()), text.encode(), hashlib.sha256).digest()
    fields["sig"] = base64.b64encode(made).decode()
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
