"""The product's own client against a stand-in, in this process: signed in as `az` would have left it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.azure.standin import StandIn
from tests.azure.standin.sign_in import CLOUD


def sign_in(
    standin: StandIn,
    patch: pytest.MonkeyPatch,
    folder: Path,
    how: str = "service_principal",
    cloud: str = CLOUD,
) -> None:
    """azure-cli-core reads its folder when it is imported: it is imported afresh for each test."""
    for name, value in standin.sign_in(folder, how, cloud=cloud).items():
        if name != "PYTHONPATH":
            patch.setenv(name, value)
    for name in [n for n in sys.modules if n == "azure.cli" or n.startswith(("azure.cli.", "knack"))]:
        patch.delitem(sys.modules, name)
    known = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        # names below `localhost` are this machine (RFC 6761, 6.3), which not every resolver knows
        return known("127.0.0.1" if str(host).endswith(".localhost") else host, *args, **kwargs)

    patch.setattr(socket, "getaddrinfo", resolve)


class KeptLog:
    """A `log.Log` that keeps what it is told."""

    def __init__(self, path: Path = Path("/dev/null")) -> None:
        self.path = path
        self.lines: list[str] = []
        self.notes: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, done: float, total: float | None) -> None: ...

    def ask(self, question: str) -> str:
        self.notes.append(question)
        return sys.stdin.readline().strip()
