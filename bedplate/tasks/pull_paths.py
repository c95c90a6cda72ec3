"""pull_paths: whether Azure ML can take each image from where it will be, as far as asking tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate import registry_user
from bedplate.checks import in_spec
from bedplate.checks.finding import Finding
from bedplate.clients import credentials
from bedplate.clients.connections import Connections
from bedplate.clients.credentials import Credentials, Login
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import SpecError, StepError
from bedplate.model import (
    AzureMlV1Environment,
    LocalEnvironment,
    OnlineEndpointDeploy,
    Registry,
    Spec,
    Target,
)
from bedplate.refs import ImageRef
from bedplate.specfile.places import Keys
from bedplate.step import Task
from steps.resolve_registry import workspace

if TYPE_CHECKING:
    from bedplate.clients.azure.registry import AzureRegistry

ANSWER_S = 5.0
REFUSED = re.compile(r": 40[13]\b")


def find(spec: Spec, tasks: Sequence[Task], registry: Registry | None, clients: Connections) -> Iterator[Finding]:
    """`registry`: the target's own, once it has answered. Raises StepError where Azure refuses."""
    if isinstance(spec.target.environment, LocalEnvironment):
        return  # the engine that deploys it pulls as whoever pushed it
    environments = [task for task in tasks if task.step == "create_environment"]
    for task in environments:
        if task.inputs.reference:
            image = task.inputs.image
            keys = ("images", image, "reference") if image else ("environments", task.entry)
            yield from _public(task.inputs.reference, keys, clients.root)
    pushed = [t for t in environments if not t.inputs.reference and not getattr(t.inputs, "from_", None)]
    if not pushed or registry is None:
        return
    found = _in_azure(registry, clients)
    if found is not None and _workspaces_own(found, spec.target, clients):
        return
    if isinstance(spec.target.environment, AzureMlV1Environment):
        yield from _by_password(spec, registry, found, clients.root)
    elif found is None:
        yield from _without_account(registry, pushed, spec, clients.root)
    elif isinstance(spec.target.deploy, OnlineEndpointDeploy):
        for service in spec.services:
            yield from _by_identity(_endpoint(service, spec.target.deploy, clients.root), found, spec, clients)


def _endpoint(service: str, deploy: OnlineEndpointDeploy, root: Path) -> str:
    """Its name, of which a team's own YAML has the last word."""
    from bedplate.azureml import read

    try:
        named = read.deployment(deploy.from_, root).endpoint if deploy.from_ else deploy.endpoint
    except SpecError:  # others tell what is wrong with it
        named = None
    return named or service


def _in_azure(registry: Registry, clients: Connections) -> AzureRegistry | None:
    from bedplate.clients.azure import registry as azure_registry

    return azure_registry.by_name(clients.azure, registry.address) if registry.kind == "acr" else None


def _workspaces_own(found: AzureRegistry, target: Target, clients: Connections) -> bool:
    if target.workspace is None:
        return False
    own = (workspace.document(clients).get("properties") or {}).get("containerRegistry") or ""
    return bool(own.lower() == found.id.lower())


# ---- version 2: no registry has a password; an endpoint pulls with its identity


def _by_identity(endpoint: str, found: AzureRegistry, spec: Spec, clients: Connections) -> Iterator[Finding]:
    """Who has which role is no question that any interface used here answers: what has worked before is proof."""
    from bedplate.clients.azure import roles
    from bedplate.clients.azure.versions import ML

    azure, role = clients.azure, roles.reader(found)
    place = f"{azure.workspace_id}/onlineEndpoints/{endpoint}"
    document = azure.get(place, ML)
    message = f"endpoint {endpoint} pulls from {found.login_server} with its identity, which needs the role '{role}'"
    if document is None:
        first = "the endpoint is not there yet: name a user-assigned identity that has the role under deploy.identity"
        hint = f"{first}, or give it to the endpoint's own after the first try: {_grant('PRINCIPAL', found)}"
        yield _say("PullRoleNeeded", message, hint, spec, clients.root)
    elif not _has_pulled(place, found, clients):
        grants = "; ".join(_grant(one, found) for one in _principals(document.get("identity") or {}))
        hint = f"if it has not: {grants or _grant('PRINCIPAL', found)}"
        yield _say("PullRoleNeeded", message, hint, spec, clients.root)


def _has_pulled(endpoint: str, found: AzureRegistry, clients: Connections) -> bool:
    """Whether a deployment of this endpoint works with an image of this registry."""
    from bedplate.clients.azure.versions import ML

    for deployment in clients.azure.pages(f"{endpoint}/deployments", ML):
        properties = deployment.get("properties") or {}
        environment = str(properties.get("environmentId") or "")
        if properties.get("provisioningState") == "Succeeded" and environment.startswith("/subscriptions/"):
            version = clients.azure.get(environment, ML) or {}
            image = str((version.get("properties") or {}).get("image") or "")
            if image.startswith(f"{found.login_server}/"):
                return True
    return False


def _principals(identity: dict[str, Any]) -> list[str]:
    """Any: an answer of Azure's."""
    assigned = (identity.get("userAssignedIdentities") or {}).values()
    named = [one.get("principalId") for one in assigned if one]
    return [str(one) for one in named or [identity.get("principalId")] if one]


def _without_account(registry: Registry, pushed: Sequence[Task], spec: Spec, root: Path) -> Iterator[Finding]:
    host, _, below = registry.address.partition("/")
    remote = _asked(Registry("generic", host, registry.insecure), credentials.anonymous)
    for image in dict.fromkeys(task.inputs.image for task in pushed if task.inputs.image):
        repository = "/".join(part for part in (below, spec.project, image) if part)
        try:
            remote.digest(repository, spec.images[image].tags[0] if spec.images[image].tags else "latest")
        except StepError as error:
            if REFUSED.search(error.message):
                message = f"Azure ML pulls {host}/{repository} without an account, and is refused: {error.message}"
                hint = (
                    "make the repository public, or push to `registry: {kind: workspace}` or `{kind: acr, name: ...}`"
                )
                yield _say("PullRefused", message, hint, spec, root)


# ---- version 1: a user name and a password stand in the environment


def _by_password(spec: Spec, registry: Registry, found: AzureRegistry | None, root: Path) -> Iterator[Finding]:
    from bedplate.clients.azure import roles

    username, password = registry_user.user(spec.target)
    server = registry.address.partition("/")[0]
    role = f"the role '{roles.reader(found)}'" if found else "read access"
    if username is None and found is None:
        return  # nobody signs in there
    if username is None or password is None:
        message = f"Azure ML v1 pulls from {server} with user name and password of a principal that has {role}"
        hint = "name one and it is tried here: `username: {env: ...}` and `password: {env: ...}` of the registry"
        yield _say("PullRoleNeeded", message, hint, spec, root)
        return
    try:
        name = username if isinstance(username, str) else credentials.read_secret(username, root, "username").reveal()
        secret = credentials.read_secret(password, root, "password")
    except StepError:
        return  # SecretMissing says it
    below = registry.address.partition("/")[2]
    remote = _asked(Registry("generic", server, registry.insecure), lambda: Login(name, secret))
    try:
        remote.digest("/".join(part for part in (below, spec.project, "pull-path") if part), "latest")
    except StepError as error:
        if REFUSED.search(error.message):
            message = f"Azure ML v1 pulls from {server} as {name}, which may not: {error.message}"
            hint = _grant(name, found) if found else "give the account read access"
            yield _say("PullRefused", message, hint, spec, root)


# ---- images of others


def _public(reference: str, keys: Keys, root: Path) -> Iterator[Finding]:
    try:
        ref = ImageRef.parse(reference).with_default_tag()
    except ValueError:
        return  # an asset of Azure ML's
    remote = _asked(Registry("generic", ref.domain, insecure=False), credentials.anonymous)
    try:
        there = remote.digest(ref.path, ref.digest or ref.tag or "latest")
    except StepError as error:
        if not REFUSED.search(error.message):
            return  # this machine does not reach it, which says nothing of Azure
        why = f"is refused: {error.message}"
    else:
        if there:
            return
        why = "it is not there"
    hint = "name a public image, or let a private one be copied: `registry: {kind: acr, name: ...}`"
    message = f"Azure ML pulls {reference} without an account, and {why}"
    yield in_spec.finding(root, keys, "PullRefused", message, hint)


def _asked(registry: Registry, account: Credentials) -> OciRegistry:
    return OciRegistry(registry, account).hurried(ANSWER_S)


def _grant(principal: str, found: AzureRegistry) -> str:
    from bedplate.clients.azure import roles

    return roles.grant(principal, roles.reader(found), found)


def _say(code: str, message: str, hint: str, spec: Spec, root: Path) -> Finding:
    return in_spec.finding(root, in_spec.registry(spec), code, message, hint)
