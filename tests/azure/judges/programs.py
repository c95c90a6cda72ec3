"""Installs the judges' programs once, each in a folder of its own that the next runs find again."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

PRISM = "@stoplight/prism-cli@5.16.0"
AZURITE = "azurite@3.37.0"
AZ = "azure-cli==2.91.0"
ML = "azure-ai-ml==1.35.0"


class CannotInstall(Exception):  # noqa: N818 -- it is a reason to skip, not a failure
    """Why a judge cannot be had here, in one line."""


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "bedplate" / "judges"


def npm_program(package: str, name: str) -> Path:
    """The executable `name` of an npm package, for example "azurite@3.37.0". Raises CannotInstall."""
    if not shutil.which("npm"):
        raise CannotInstall("npm is not installed")

    def install(folder: Path) -> None:
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package])

    return _once(package, install) / "node_modules" / ".bin" / name


def venv_python(*packages: str) -> Path:
    """The interpreter of a virtual environment that holds these packages. Raises CannotInstall.

    Its scripts name the folder in which they were made: run modules, `python -m`."""

    def install(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        if packages:
            _run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *packages])

    version = f"py{sys.version_info[0]}{sys.version_info[1]}"
    return _once("+".join((*packages, version)), install) / "bin" / "python"


def debian_files(suite: str, packages: Sequence[str], files: Sequence[str]) -> Path:
    """A folder with these files out of a Debian suite's packages, by their names alone. Raises CannotInstall."""
    if not shutil.which("mmdebstrap"):
        raise CannotInstall("mmdebstrap is not installed")

    def install(folder: Path) -> None:
        root = folder / "root"
        # a mirror that lags behind the clock has a suite that moves on all the same
        any_age = '--aptopt=Acquire::Check-Valid-Until "false"'
        _run(["mmdebstrap", "--variant=extract", any_age, f"--include={','.join(packages)}", suite, str(root)])
        for file in files:
            shutil.copy(root / file, folder)
        shutil.rmtree(root)

    return _once("+".join((suite, *packages)), install)


def _once(what: str, install: Callable[[Path], None]) -> Path:
    """The folder of `what`: made beside its place and renamed, so that what stands there is whole."""
    name = "".join(c if c.isalnum() or c in "+.-=" else "-" for c in what).strip("-")
    folder = cache() / name
    if folder.is_dir():
        return folder
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            part = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache()))
            try:
                install(part)
                part.rename(folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
    return folder


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{command[0]}: {error}") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise CannotInstall(f"{' '.join(command[-2:])}: {said[-1] if said else 'failed'}") from error
