"""local: a registry program on this machine, started where nothing answers on the port."""

from __future__ import annotations

from bedplate.clients.registry_files import folder
from bedplate.frozen import dataclass
from bedplate.model import LocalRegistry, Registry
from bedplate.step import Clients


@dataclass(frozen=True)
class Inputs:
    port: int


def inputs(entry: LocalRegistry) -> Inputs:
    return Inputs(entry.port)


def run(inputs: Inputs, clients: Clients) -> Registry:
    from bedplate.clients import registry_program

    registry = Registry("local", f"127.0.0.1:{inputs.port}", insecure=True)
    if registry_program.start(inputs.port):
        clients.log.note(f"started a registry on {registry.address}; its images are in {folder(inputs.port)}")
    else:
        clients.log.note(f"{registry.address} answers")
    return registry


def stop(registry: Registry) -> str | None:
    """Only what `run` has started: a registry that was there before stays."""
    from bedplate.clients import registry_program

    return registry_program.stop(int(registry.address.rpartition(":")[2]))
