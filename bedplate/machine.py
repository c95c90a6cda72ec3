"""machine: the platform of this machine, as Docker names it."""

from __future__ import annotations

import os

ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm/v7",
    "armv6l": "arm/v6",
    "i686": "386",
}


def this_platform() -> str:
    """`linux/arm64`: os/arch[/variant] of an engine on this machine, which runs Linux also below macOS."""
    name = os.uname().machine.lower()
    return f"linux/{ARCHITECTURES.get(name, name)}"
