"""registry_grants: what an access token of a registry allows, as far as the token says it."""

from __future__ import annotations

import base64
import json
from typing import Any

from bedplate.secrets import Secret


def actions(authorization: Secret | None, repository: str) -> frozenset[str] | None:
    """The actions on a repository: `pull`, `push`, ...; None: no bearer token, or one that cannot be read.

    A token service may grant less than it was asked for (distribution, "Token Authentication Specification"); what it
    granted stands in the `access` claim (distribution, "Token Authentication Implementation")."""
    kind, _, token = (authorization.reveal() if authorization else "").partition(" ")
    parts = token.split(".")
    if kind.lower() != "bearer" or len(parts) != 3:
        return None
    access = _claims(parts[1]).get("access")
    if not isinstance(access, list):
        return None
    granted: set[str] = set()
    for one in access:
        if isinstance(one, dict) and (one.get("type"), one.get("name")) == ("repository", repository):
            granted.update(str(action) for action in one.get("actions") or ())
    return frozenset({*granted, "pull", "push"} if "*" in granted else granted)


def _claims(part: str) -> dict[str, Any]:
    """The payload of a JSON Web Token (RFC 7519, 3); {} for what is none. Its signature is the registry's business."""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
