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
    seen, left = [], [str(package), str(package.parent / "steps"), str(package.parent / "schemas")]
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".json")):
                    seen.append((entry.path, entry.stat().st_mtime_ns))
                elif entry.name != "__pycache__" and entry.is_dir():
                    left.append(entry.path)
    seen.sort()
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
