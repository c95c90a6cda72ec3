"""azure_errors: what Azure or the way to it said, in the user's words, with the next thing to do."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bedplate.clients.registry_errors import redacted, root_cause
from bedplate.clients.registry_http import retry_after as seconds_of
from bedplate.errors import StepError

if TYPE_CHECKING:
    from bedplate.clients.azure_sign_in import Account

SHOWN = 300  # characters of an answer that is not the Resource Manager's own JSON
ABOVE = ("SubscriptionNotFound", "ResourceGroupNotFound", "InvalidSubscriptionId", "NoRegisteredProviderFound")
QUOTA = ("quota", "OutOfCapacity", "OutOfQuota")

# The least role of Azure's own that allows an action; the first pattern that fits.
ROLES = (
    (
        r"ContainerRegistry/registries/(listBuildSourceUploadUrl|scheduleRun|runs)",
        "Container Registry Tasks Contributor",
    ),
    (r"ContainerRegistry/registries/importImage", "Container Registry Data Importer and Data Reader"),
    (r"ContainerRegistry/registries/listCredentials", "Contributor"),
    (r"MachineLearningServices/workspaces/(read|.*/read)$", "Reader"),
    (r"MachineLearningServices/workspaces/", "AzureML Data Scientist"),
    (r"/read$", "Reader"),
    (r"", "Contributor"),
)


def refused(method: str, url: str, status: int, content: bytes, account: Account) -> StepError:
    """`PUT .../deployments/blue: 403 AuthorizationFailed: ...`; the error is the Resource Manager's (ARM RPC)."""
    code, said = words(content)
    head = " ".join(part for part in (str(status), code) if part)
    hint = _hint(status, code, said, url, account)
    return StepError(f"{method} {short(url)}: {head}" + (f": {said}" if said else ""), hint)


def failed(what: str, status: str, error: Mapping[str, Any], account: Account) -> StepError:
    """For a long operation that ended `Failed` or `Canceled`."""
    code, said = words(json.dumps({"error": error}).encode())
    hint = _hint(0, code, said, "", account)
    outcome = {"Canceled": "was cancelled in Azure"}.get(status, "failed in Azure")
    return StepError(f"{what} {outcome}: " + ": ".join(p for p in (code, said) if p).strip() or status, hint)


def unreachable(method: str, url: str, error: BaseException) -> StepError:
    """For what went wrong before there was an answer."""
    cause, host = root_cause(error), urlsplit(url).netloc or url
    where = f"{method} {short(url)}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        hint = (
            f"point REQUESTS_CA_BUNDLE to a file with the CA that signs {host} (certifi's bundle and your network's CA)"
        )
        return StepError(f"{where}: certificate not trusted: {cause.verify_message}", hint)
    if isinstance(cause, socket.gaierror):
        hint = f"is the network (VPN, proxy: HTTPS_PROXY) up? does this machine resolve {host} (private DNS zone)?"
        return StepError(f"{where}: no such host: {host}", hint)
    if "ProxyError" in _names(error):
        return StepError(
            f"{where}: the proxy refuses or does not answer: {_said(cause)}",
            "HTTPS_PROXY names it; NO_PROXY excepts hosts",
        )
    if isinstance(cause, ConnectionRefusedError):
        return StepError(
            f"{where}: connection refused", f"nothing listens on {host}: `az cloud show` names the addresses"
        )
    if isinstance(cause, TimeoutError) or "Timeout" in _names(error):
        return StepError(f"{where}: no answer in time", "run again; a firewall that drops packets looks like this too")
    return StepError(f"{where}: {_said(cause)}")


def temporary(error: BaseException) -> bool:
    """The connection went away or the answer was late. An unknown name or a certificate will not mend itself."""
    gone = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, http.client.HTTPException, TimeoutError)
    return isinstance(root_cause(error), gone) or "Timeout" in _names(error) or "IncompleteRead" in _names(error)


def is_network(error: BaseException) -> bool:
    return isinstance(root_cause(error), OSError) or "ConnectionError" in _names(error)


def words(content: bytes) -> tuple[str, str]:
    """Code and message of an error; the reason that Azure ML hides as text in `details` is taken out of there."""
    try:
        answer = json.loads(content)
        error = answer.get("error") or answer
        code, said = str(error.get("code") or ""), str(error.get("message") or "")
        for detail in error.get("details") or []:
            more = _inner(str(detail.get("message") or ""))
            if more and more not in said:
                said = f"{said} {more}".strip()
        return code, " ".join(said.split())
    except (ValueError, AttributeError, TypeError):
        text = content[: SHOWN * 4].decode("utf-8", errors="replace").strip()
        found = re.search(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", text, re.DOTALL)  # the blob service's
        if found:
            return found[1], " ".join(found[2].split())[:SHOWN]
        return "", "" if text.startswith("<") else " ".join(text.split())[:SHOWN]


def missing_above(document: Mapping[str, Any]) -> bool:
    """A 404 that is not about the resource itself, but about its group or subscription."""
    return (document.get("error") or {}).get("code") in ABOVE


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; 0 where the service says nothing."""
    milliseconds = headers.get("x-ms-retry-after-ms") or headers.get("retry-after-ms") or ""
    return float(milliseconds) / 1000 if milliseconds.isdigit() else seconds_of(headers.get("Retry-After", ""))


def short(url: str) -> str:
    """An address for people: no signature, and of an ARM id what follows its group."""
    path = redacted(url) if "://" in url else url
    return re.sub(
        r"^https://[^/]+/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/Microsoft\.\w+/", r"\1/", path, flags=re.I
    )


def role_for(action: str) -> str:
    return next(role for pattern, role in ROLES if re.search(pattern, action, re.IGNORECASE))


def _hint(status: int, code: str, said: str, url: str, account: Account) -> str:
    missing = re.search(r"perform action '([^']+)'(?: over scope '([^']+)')?", said)
    if missing:
        client = re.search(r"object id '([^']+)'", said)
        who, scope = client[1] if client else "PRINCIPAL", missing[2] or "SCOPE"
        role = role_for(missing[1])
        command = f'az role assignment create --assignee {who} --role "{role}" --scope {scope}'
        return f"the role '{role}' is missing: `{command}`"
    if "Admin user is disabled" in said:
        name = re.search(r"/registries/([^/?]+)", url)
        command = f"az acr update -n {name[1] if name else 'NAME'} --admin-enabled true"
        return f"take `sign_in: admin` out (a token needs no admin user), or `{command}`"
    if code == "SubscriptionNotFound" or code == "InvalidSubscriptionId":
        return "correct `workspace.subscription`; `az account list -o table` shows what there is"
    if code == "ResourceGroupNotFound":
        command = f"az group list --subscription {account.subscription} -o table"
        return f"correct `workspace.resource_group`; `{command}` shows what there is"
    if status == 401:
        return f"`az login --tenant {account.tenant}`"
    if any(word.lower() in f"{code} {said}".lower() for word in QUOTA):
        less = "a smaller `instance_type` or `instance_count`, or another region"
        return f"ask for more quota (portal: Usage + quotas), or take {less}"
    if "allowed access" in said or "firewall" in said or code in ("PublicNetworkAccessDisabled", "NetworkRestricted"):
        allow = "allow this address (https://aka.ms/acr/firewall)"
        return f"its firewall does not let this machine in: run inside its network, or {allow}"
    if status == 403:
        return f"{account.user} may not do this: its roles, or a policy or firewall of the resource"
    if status == 409:
        return "another operation works on it: wait for its end and run again"
    if status in (429, 503):
        return "Azure was asked too often or is busy, and stayed so: run again later"
    if code == "TasksOperationsNotAllowed":
        return "ACR Tasks is not open to this registry or subscription: build on this machine, `builder: {kind: local}`"
    return ""


def _inner(text: str) -> str:
    """`... error detail: {"errors": {"VmSize": ["Not enough quota ..."]}}` -> the texts within."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        found = json.loads(text[start : text.rfind("}") + 1]).get("errors")
    except (ValueError, AttributeError):
        return text
    if not isinstance(found, dict):
        return text
    return " ".join(str(one) for many in found.values() for one in (many if isinstance(many, list) else [many]))


def _names(error: BaseException) -> str:
    return " ".join(kind.__name__ for kind in type(error).__mro__)


def _said(cause: BaseException) -> str:
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or type(cause).__name__
