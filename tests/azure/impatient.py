"""Runs doit with less patience: `python -m tests.azure.impatient`. What users wait minutes for ends in seconds.

UNKNOWN_HOSTS: names, or ports of this machine, that the resolver does not know."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from bedplate.clients import registry_http
from bedplate.clients.azure import patience as azure_patience
from steps.deploy import endpoint_handover

RETRY_S = 1.5
READ_S = 10.0
UP_WITHIN_S = 2.0


def main() -> int:
    from doit.doit_cmd import DoitMain

    for patience in (azure_patience.Patience, registry_http.Patience):
        patience.__init__.__defaults__ = (5.0, READ_S, RETRY_S)
    endpoint_handover.UP_WITHIN_S = UP_WITHIN_S
    unknown, resolve = os.environ.get("UNKNOWN_HOSTS", "").split(), socket.getaddrinfo

    def asked(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in unknown or str(port) in unknown:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, port, *args, **kwargs)

    socket.getaddrinfo = asked
    return int(DoitMain().run(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
