"""own_code: which Bedplate this is; another one may see the same files otherwise."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import bedplate


@lru_cache(maxsize=1)
def identity() -> str:
    """Version and machine, and in a checkout of Bedplate itself when its code was last changed."""
    return f"{bedplate.__version__} {os.uname().machine} {_changed()}"


def _changed() -> int:
    package = Path(bedplate.__file__).parent
    if not (package.parent / "pyproject.toml").exists():
        return 0
    folders = [path for top in (package, package.parent / "steps") for path, _, _ in os.walk(top)]
    files = (entry for folder in folders for entry in os.scandir(folder) if entry.name.endswith(".py"))
    return max(entry.stat().st_mtime_ns for entry in files)
