"""azure.roles: which role of a registry is wanted of whom, and the command that gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bedplate.clients.azure import registry

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.clients.azure.registry import AzureRegistry
    from bedplate.clients.credentials import Login

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def reader(found: AzureRegistry | None) -> str:
    return "Container Registry Repository Reader" if found and found.abac else "AcrPull"


def writer(found: AzureRegistry) -> str:
    return "Container Registry Repository Writer" if found.abac else "AcrPush"


def grant(principal: str, role: str, found: AzureRegistry) -> str:
    """`principal`: an id, a user's name, or a word in their place."""
    return f'`az role assignment create --assignee {principal} --role "{role}" --scope {found.id}`'


def to_push(azure: Azure, server: str, login: Login | None) -> tuple[str, str]:
    """Whom an Azure registry knows us as, and what gives them the right to push. Raises StepError."""
    return pusher(azure, registry.by_name(azure, server), login)


def pusher(azure: Azure, found: AzureRegistry, login: Login | None) -> tuple[str, str]:
    """As `to_push`, of a registry that is known already. `login` None: the `az` sign-in's. Raises StepError."""
    named = login is not None and login.username != registry.EVERYONE
    who = login.username if login and named else azure.sign_in.account.user
    # the profile of a managed identity does not name its principal
    principal = who if "@" in who or GUID.fullmatch(who) else "PRINCIPAL"
    role = writer(found)
    hint = f"the role '{role}' is missing: {grant(principal, role, found)}"
    if named and not GUID.fullmatch(who):
        hint = f"a token of the registry's own needs content/write in its scope map; else {hint}"
    return who, hint
