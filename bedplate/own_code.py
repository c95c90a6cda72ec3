"""own_code: which Bedplate this is; another one may see the same files otherwise."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import bedplate


@lru_cache(maxsize=1)
def identity() -> str:
    """Version and machine, and in a checkout of Bedplate itself what its code and its schemas are like."""
    return f"{bedplate.__version__} {os.uname().machine} {_checkout()}"


def _checkout() -> str:
    """16 hex digits over the names and times of its files; "0": it is installed."""
    package = Path(bedplate.__file__).parent
    if not (package.parent / "pyproject.toml").exists():
        return "0"
    tops = (package, package.parent / "steps", package.parent / "schemas")
    folders = [path for top in tops for path, _, _ in os.walk(top)]
    files = (e for folder in folders for e in os.scandir(folder) if e.name.endswith((".py", ".json")))
    seen = sorted((entry.path, entry.stat().st_mtime_ns) for entry in files)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
