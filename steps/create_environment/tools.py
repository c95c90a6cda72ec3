"""tools: what a base image brings for installing packages, found without running it."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bedplate.errors import StepError
from bedplate.image_contents.look import PATH
from bedplate.image_contents.python import CONDA_FOLDERS
from steps.create_environment.recipe import Tools

if TYPE_CHECKING:
    from bedplate.clients.docker_engine import Engine

LINKS = 8  # that are followed


def find(engine: Engine, image: str, reference: str, *, conda: bool) -> Tools:
    """`image`: its name in the spec; `reference`: in the engine. Raises StepError if something is missing."""
    found = engine.image(reference)
    if found is None:
        raise StepError(f"image {image} ({reference}) is not in the engine", f"`doit -a build_base:{image}`")
    config: dict[str, Any] = found.get("Config") or {}  # Any: what the engine says of an image is JSON
    told = dict(one.partition("=")[::2] for one in config.get("Env") or ())
    folders = [folder for folder in told.get("PATH", PATH).split(":") if folder.startswith("/")]
    user = str(config.get("User") or "")
    with _looking(engine, reference) as look:
        if conda:
            program = look.program(["conda"], [*folders, *CONDA_FOLDERS])
            if program is None:
                raise StepError(
                    f"image {image} has no conda, and the environment has a conda file",
                    f"install conda in image {image}, or list the packages in a pip file (`pip:` instead of `conda:`)",
                )
            return Tools("", False, program, user)
        python = look.program(["python3", "python"], folders)
        if python is None:
            raise StepError(f"image {image} has no python3 on its PATH", f"install Python in image {image}")
        return Tools(python, _managed(look, python, image), None, user)


class _Look:
    """Looks for files in a container that is never started."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container

    def program(self, names: list[str], folders: list[str]) -> str | None:
        """The first of these names in the first of these folders that has one, as a shell looks."""
        paths = (f"{folder.rstrip('/')}/{name}" for name in names for folder in folders)
        return next((path for path in paths if self.there(path)), None)

    def there(self, path: str) -> bool:
        return self._engine.get(self._container, path) is not None

    def target(self, path: str) -> str:
        """Where a symbolic link leads in the end; the path itself where it is none."""
        for _ in range(LINKS):
            content = self._engine.get(self._container, path)
            if content is None:
                break
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                entry = tar.next()
            if entry is None or not entry.issym():
                break
            path = str(PurePosixPath(path).parent / entry.linkname)
        return path


@contextmanager
def _looking(engine: Engine, reference: str) -> Iterator[_Look]:
    # a name that no other has; a command, because an image may have none
    container = engine.create(f"bedplate-look-{uuid.uuid4().hex}", reference, ["true"])
    try:
        yield _Look(engine, container)
    finally:
        engine.remove(container, force=True)


def _managed(look: _Look, python: str, image: str) -> bool:
    """Is a virtual environment needed? Raises StepError if there is no way to install packages."""
    folder = PurePosixPath(python).parent
    if look.there(str(folder.parent / "pyvenv.cfg")):
        if look.program(["pip3", "pip"], [str(folder)]) is None:
            raise StepError(f"image {image}: the virtual environment {folder.parent} has no pip", "make it with pip")
        return False
    real = PurePosixPath(look.target(python))  # /usr/bin/python3.11
    library = str(real.parent.parent / "lib" / real.name)
    if look.there(f"{library}/EXTERNALLY-MANAGED"):
        if not look.there(f"{library}/ensurepip/__init__.py"):
            raise StepError(
                f"image {image}: its Python refuses `pip install` (PEP 668) and cannot make a virtual environment",
                f"add the package python3-venv to image {image}, or a virtual environment that is first on its PATH",
            )
        return True
    if look.program(["pip3", "pip"], [str(folder), "/usr/bin", "/usr/local/bin"]) is None:
        raise StepError(f"image {image} has {python} and no pip", f"install pip in image {image} (python3-pip)")
    return False
