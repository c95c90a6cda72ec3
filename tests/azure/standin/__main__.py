"""Starts a stand-in and prints where it is: `python -m tests.azure.standin`."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from pathlib import Path

from . import docker_registry
from .containers import Containers
from .server import StandIn, environment_lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.azure.standin", description="A stand-in for Azure, for tests."
    )
    parser.add_argument("--port", type=int, default=0, help="of the Resource Manager and the sign-in (0: any free one)")
    parser.add_argument("--registry", default="standinacr", help="name of the container registry")
    parser.add_argument("--workspace", default="demo", help="name of the Azure ML workspace")
    parser.add_argument("--without-registry", action="store_true", help="the workspace has no container registry yet")
    parser.add_argument(
        "--sign-in", default="service_principal", help="service_principal, user, managed_identity, nobody"
    )
    parser.add_argument("--containers", action="store_true", help="deployments run in containers of the local engine")
    asked = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory() as folder, StandIn(port=asked.port) as standin:
        registry = standin.add_registry(asked.registry, program=docker_registry.installed())
        standin.add_workspace(asked.workspace, None if asked.without_registry else registry)
        containers = Containers(standin.azure) if asked.containers else None
        environ = standin.sign_in(Path(folder), asked.sign_in)
        print(f"# Resource Manager and sign-in: {standin.url}")
        print(f"# subscription {standin.subscription}, tenant {standin.tenant}, resource group {standin.group}")
        print(f"# registry {registry.name}: {registry.login_server}; workspace {asked.workspace}")
        print(
            f"# az login --service-principal -u {standin.client} -p {standin.tokens.secret} --tenant {standin.tenant}"
        )
        print(environment_lines(environ), flush=True)
        stop.wait()
        if containers is not None:
            containers.end()


if __name__ == "__main__":
    main()
