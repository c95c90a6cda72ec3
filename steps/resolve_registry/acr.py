"""acr: a standalone Azure Container Registry, by its name or login server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import AcrRegistry, Registry, SecretSource
from bedplate.step import Clients

if TYPE_CHECKING:
    from bedplate.clients.azure.registry import AzureRegistry


@dataclass(frozen=True)
class Inputs:
    """`username`, `password`: where they stand, not what they are."""

    name: str
    sign_in: str
    username: SecretSource | str | None
    password: SecretSource | None


def inputs(entry: AcrRegistry) -> Inputs:
    return Inputs(entry.name, entry.sign_in, entry.username, entry.password)


def run(inputs: Inputs, clients: Clients) -> Registry:
    from bedplate.clients.azure import registry as azure_registry

    return signed_in(azure_registry.by_name(clients.azure, inputs.name), inputs.sign_in, clients)


def signed_in(found: AzureRegistry, sign_in: str, clients: Clients) -> Registry:
    """The registry once its login server has taken the sign-in; what it is, in a note. Raises StepError."""
    facts = [found.sku, f"public network access {'on' if found.open else 'off'}", f"admin user {_on(found.admin)}"]
    if found.abac:
        facts.append("roles per repository")
    clients.log.note(f"{found.login_server}: {', '.join(fact for fact in facts if fact)}")
    registry = Registry("acr", found.login_server, insecure=False)
    try:
        # its tokens are for a repository: a question about one that need not be there shows sign-in and role
        clients.registry(registry).manifest(f"{clients.spec.project}/resolve-registry", "latest")
    except StepError as error:
        raise _explained(error, found, sign_in, registry, clients) from None
    clients.log.note(f"{registry.address} answers, signed in by {sign_in.replace('_', ' ')}")
    return registry


def stop(registry: Registry) -> None:
    """It is not ours to stop."""


def _explained(error: StepError, found: AzureRegistry, sign_in: str, registry: Registry, clients: Clients) -> StepError:
    from bedplate.clients.azure import roles

    if "allowed access" in error.message or (not found.open and "403" in error.message):
        state, address = "its firewall does not let this machine in", "ADDRESS"
        if named := re.search(r"client with IP '([^']+)'", error.message):
            address = named[1]
        command = f"az acr network-rule add -n {found.name} --ip-address {address}"
        if not found.open:
            state, command = (
                "public network access is off",
                f"az acr update -n {found.name} --public-network-enabled true",
            )
        hint = f"run inside its network (private endpoint), or let this machine in: `{command}`"
        return StepError(f"registry {found.login_server}: {state}: {error.message}", hint)
    if ": 401" in error.message and sign_in == "service_principal":
        login = clients.registry(registry).credentials()
        who, hint = roles.pusher(clients.azure, found, login)
        renew = f"`az ad sp credential reset --id {who}` makes another"
        wrong = f"its secret ({login.source if login else 'of Docker'}) may be wrong or have expired, {renew}"
        return StepError(error.message, f"{wrong}; or {hint}")
    if ": 401" in error.message:
        _, hint = roles.pusher(clients.azure, found, None)
        other = f"or the registry is of another tenant than {clients.azure.sign_in.account.tenant}"
        return StepError(error.message, f"{hint}; {other}: `az login --tenant TENANT`")
    return error


def _on(yes: bool) -> str:
    return "on" if yes else "off"
