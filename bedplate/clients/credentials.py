"""credentials: which account a registry is asked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bedplate.model import RegistryEntry
from bedplate.secrets import Secret


@dataclass(frozen=True)
class Login:
    """A name with its password or, where `identity` is true, a refresh token (Docker's `identitytoken`)."""

    username: str
    password: Secret
    identity: bool = False


Credentials: TypeAlias = Callable[[], "Login | None"]  # looked up when a registry first asks; None: anonymous


def anonymous() -> Login | None:
    return None


def credentials(entry: RegistryEntry | None, address: str, root: Path) -> Credentials:
    """Those that the spec names, else those that Docker has for the address's host, else none. Nothing is read yet.

    `entry` is None for a registry that the spec does not name (an upstream image's)."""
    raise NotImplementedError
