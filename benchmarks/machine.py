"""machine: what the figures were taken on."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from bedplate.clients import docker_host
from bedplate.clients.wire import Wire, WireError


def described() -> dict[str, str]:
    return {
        "cores": str(cores()),
        "CPU": _cpu(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "doit": version("doit"),
        "bedplate": version("bedplate"),
        "engine": _engine(),
        # others' work makes the times longer and the ratios less certain
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _engine() -> str:
    try:
        wire = Wire(docker_host.address(), 1.0, 5.0)
        wire.send(["GET /version"])
        answer = json.loads(wire.reply().body)
        wire.close()
        return str(answer["Version"])
    except (OSError, WireError, ValueError, KeyError):
        return "none"
