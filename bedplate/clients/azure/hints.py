"""azure.hints: what to do next after what Azure said, by its code and its words."""

from __future__ import annotations

import re

from bedplate.clients.azure.account import Account

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
QUOTA = ("quota", "OutOfCapacity")
PULL = ("ImagePull", "pull image", "unauthorized: authentication required")
CRASH = ("ContainerCrash", "container has crashed", "ResourceNotReady", "terminated")


def refused(status: int, code: str, said: str, url: str, account: Account, later: str) -> str:
    """After an answer of `status` to a request for `url`; "" where nothing is known to help.

    `later`: when to run again, in words."""
    return (
        _rights(status, code, said, account)
        or _missing(code, said, url, account)
        or _forbidden(code, said, url)
        or _quota(code, said)
        or (
            f"{account.user} may not do this: its roles, or a policy or firewall of the resource"
            if status == 403
            else ""
        )
        or _registered(status, said)
        or by_status(status, later)
    )


def ended(status: str, code: str, said: str, url: str, account: Account) -> str:
    """After a long operation on `url` that ended `Failed` or `Canceled`."""
    if status == "Canceled":
        return "somebody or something in Azure cancelled it: run again"
    known = _rights(0, code, said, account) or _missing(code, said, url, account) or _forbidden(code, said, url)
    if known := known or _quota(code, said):
        return known
    text = f"{code} {said}".lower()
    if any(word.lower() in text for word in PULL):
        return _pull(said, url)
    if any(word.lower() in text for word in CRASH):
        return "the service did not start: the end of its log says why"
    if "ImageBuildFailure" in code:
        return "Azure ML builds an image from a conda file: name an `image` with the packages in it, built here"
    again = "run again; if it stays so, " if "Internal" in code else ""
    group = _group(url)
    command = f"az monitor activity-log list{f' -g {group}' if group else ''} --offset 1h --status Failed"
    return f"{again}`{command}` may tell more"


def _registered(status: int, said: str) -> str:
    """A version of a model, of code or of an environment that is there never changes in Azure ML."""
    if status == 409 and "cannot be changed" in said:
        return "that version is there with another content: write a higher `version` where it is named"
    return ""


def by_status(status: int, later: str) -> str:
    """What is left to do where only the status says what was wrong. `later`: when to run again, in words."""
    if status == 409:
        return "another operation works on it: wait for its end and run again"
    if status in (429, 503):
        return f"Azure was asked too often or is busy, and stayed so: {later}"
    if status >= 500:
        return "run again; https://azure.status.microsoft tells of outages"
    return ""


def role_for(action: str) -> str:
    """Name of the least of Azure's roles for `Microsoft.X/y/write`."""
    return next(role for pattern, role in ROLES if re.search(pattern, action, re.IGNORECASE))


def workspaces(group: str) -> str:
    """Of a workspace that is not in this resource group."""
    command = f"az resource list -g {group} --resource-type Microsoft.MachineLearningServices/workspaces -o table"
    return f"correct `workspace:`; `{command}` shows what there is"


def _rights(status: int, code: str, said: str, account: Account) -> str:
    missing = re.search(r"perform action '([^']+)'(?: over scope '([^']+)')?", said)
    if missing:
        client = re.search(r"object id '([^']+)'", said)
        who, scope = client[1] if client else "PRINCIPAL", missing[2] or "SCOPE"
        role = role_for(missing[1])
        command = f'az role assignment create --assignee {who} --role "{role}" --scope {scope}'
        return f"the role '{role}' is missing: `{command}`"
    if status == 401:
        # `... It must match the tenant 'https://sts.windows.net/ID/' associated with this subscription`
        other = re.search(r"must match the tenant 'https://[^/]+/([^/']+)", said)
        return f"`az login --tenant {other[1] if other else account.tenant}`"
    return ""


def _missing(code: str, said: str, url: str, account: Account) -> str:
    if code in ("SubscriptionNotFound", "InvalidSubscriptionId"):
        return "correct `workspace.subscription`; `az account list -o table` shows what there is"
    if code == "ResourceGroupNotFound":
        command = f"az group list --subscription {account.subscription} -o table"
        return f"correct `workspace.resource_group`; `{command}` shows what there is"
    if re.search(r"MachineLearningServices/workspaces/[^/']+' (under|could not)", said):
        return workspaces(_group(url) or "GROUP")
    if code in ("MissingSubscriptionRegistration", "NoRegisteredProviderFound"):
        named = re.search(r"Microsoft\.\w+", said) or re.search(r"(?<=/providers/)Microsoft\.\w+", url)
        command = f"az provider register --namespace {named[0] if named else 'NAMESPACE'} --wait"
        return f"`{command}` (once for the subscription, by its Contributor or Owner), then run again"
    return ""


def _forbidden(code: str, said: str, url: str) -> str:
    """What no role and no waiting mends: switches, locks, policies, firewalls."""
    group = _group(url) or "GROUP"
    if "Admin user is disabled" in said:
        name = re.search(r"/registries/([^/?]+)", url)
        command = f"az acr update -n {name[1] if name else 'NAME'} --admin-enabled true"
        return f"take `sign_in: admin` out (a token needs no admin user), or `{command}`"
    if code == "ScopeLocked":
        return f"`az lock list -g {group} -o table` shows the lock; who set it can take it away (`az lock delete`)"
    if code == "RequestDisallowedByPolicy":
        command = f"az policy assignment list -g {group} --disable-scope-strict-match -o table"
        return (
            f"give it what the policy wants (`tags`, a size, a region), or ask its owner for an exemption: `{command}`"
        )
    if code in ("ReadOnlyDisabledSubscription", "SubscriptionNotActive", "DisabledSubscription"):
        return (
            "the subscription is enabled again in the portal (Subscriptions); or name another: `workspace.subscription`"
        )
    if code == "TasksOperationsNotAllowed":
        return "ACR Tasks is not open to this registry or subscription: build on this machine, `builder: {kind: local}`"
    if "allowed access" in said or "firewall" in said or code in ("PublicNetworkAccessDisabled", "NetworkRestricted"):
        allow = "allow this address (https://aka.ms/acr/firewall)"
        return f"its firewall does not let this machine in: run inside its network, or {allow}"
    return ""


def _quota(code: str, said: str) -> str:
    """Which one is used up, and where more is had. Microsoft, "Troubleshoot online endpoints", OutOfQuota."""
    text = f"{code} {said}".lower()
    if not any(word.lower() in text for word in QUOTA):
        return ""
    size = re.search(r"Standard_\w+", said)
    machines = f"{size[0]} machines" if size else "machines"
    if "capacity" in text:
        return f"the region has no free {machines} now: another `instance_type` or region, or run again later"
    if "role assignment" in text:
        return (
            "the subscription has all the role assignments it may: remove unused ones (`az role assignment list --all`)"
        )
    if "disk" in text:
        return "image, model and code do not fit on the disk of the `instance_type`: a larger one, or a smaller image"
    if "memory" in text:
        return "a larger `instance_type`, or less memory in `resources`"
    if "cluster" in text or "endpoint quota" in text or "number of endpoints" in text:
        return "remove what is not used (`az ml online-endpoint list`), or ask for more: Azure ML studio, Quota"
    return (
        f"the subscription's cores for {machines} in this region are used up: ask for more (Azure ML studio, Quota; "
        "portal, Usage + quotas), or take a smaller `instance_type` or `instance_count`, or another region"
    )


def _pull(said: str, url: str) -> str:
    server = re.search(r"([\w-]+)\.azurecr\.\w+", said)
    name = server[1] if server else "REGISTRY"
    endpoint = re.search(r"/workspaces/([^/]+)/onlineEndpoints/([^/?]+)", url)
    workspace, which = (endpoint[1], endpoint[2]) if endpoint else ("WORKSPACE", "ENDPOINT")
    show = f"az ml online-endpoint show -n {which} -w {workspace} -g {_group(url)} --query identity.principal_id -o tsv"
    scope = f'--scope "$(az acr show -n {name} --query id -o tsv)"'
    command = f'az role assignment create --assignee "$({show})" --role AcrPull {scope}'
    return f"may the endpoint's identity pull the image? `{command}`"


def _group(url: str) -> str:
    found = re.search(r"/resourceGroups/([^/?]+)", url, re.IGNORECASE)
    return found[1] if found else ""
