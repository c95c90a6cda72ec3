"""generic: any registry, by its address."""

from __future__ import annotations

from bedplate.frozen import dataclass
from bedplate.model import GenericRegistry, Registry, SecretSource
from bedplate.step import Clients


@dataclass(frozen=True)
class Inputs:
    """`username`, `password`: where they stand, not what they are."""

    address: str
    insecure: bool
    username: SecretSource | str | None
    password: SecretSource | None


def inputs(entry: GenericRegistry) -> Inputs:
    return Inputs(entry.address.rstrip("/"), entry.insecure, entry.username, entry.password)


def run(inputs: Inputs, clients: Clients) -> Registry:
    registry = Registry("generic", inputs.address, inputs.insecure)
    remote = clients.registry(registry)
    remote.check()
    login = remote.credentials()
    clients.log.note(f"{registry.address} answers" + (f", signed in as {login.username or 'a token'}" if login else ""))
    return registry


def stop(registry: Registry) -> None:
    """It is not ours to stop."""
