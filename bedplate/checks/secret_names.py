"""secret_names: which names say that a secret is meant."""

from __future__ import annotations

import re

# BuildKit's words for the rule SecretsUsedInArgOrEnv, and those that make a name harmless
_SECRET = re.compile(
    r"(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_HARMLESS = re.compile(r"(?:^|_)(?:public|file|version)(?:_|$)", re.IGNORECASE)


def secret_name(name: str) -> bool:
    """`HF_TOKEN`, `api_key`; not `PUBLIC_KEY`, `GPG_KEY_FILE`."""
    return bool(_SECRET.search(name)) and not _HARMLESS.search(name)
