"""tools: what a base image brings for installing packages, found without running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from bedplate.errors import SpecError, StepError
from bedplate.image_contents.look import Image
from bedplate.image_contents.python import CONDA_FOLDERS
from steps.create_environment.recipe import Tools


def find(contents: Image, image: str, *, conda: bool) -> Tools:
    """`image`: its name in the spec. Raises StepError if something is missing."""
    _takes_no_files(contents, image)
    user = str(contents.config.get("User") or "")
    if conda:
        program = _program(contents, ["conda"], [*contents.path, *CONDA_FOLDERS])
        if program is None:
            raise StepError(
                f"image {image} has no conda, and the environment has a conda file",
                f"install conda in image {image}, or list the packages in a pip file (`pip:` instead of `conda:`)",
            )
        return Tools("", False, program, user)
    python = _program(contents, ["python3", "python"], contents.path)
    if python is None:
        raise StepError(f"image {image} has no python3 on its PATH", f"install Python in image {image}")
    return Tools(python, _managed(contents, python, image), None, user)


def _takes_no_files(contents: Image, image: str) -> None:
    """Raises StepError where the image leaves instructions to the next build that read a context."""
    triggers = contents.config.get("OnBuild") or ()
    if not triggers:
        return
    from bedplate.dockerfile import reader, stages

    try:
        next_build = stages.needed(reader.parse("FROM base\n", image), None, {}, "", lambda *_: triggers)
    except SpecError:
        return  # of an instruction that cannot be read, the builder says more
    if next_build.sources:
        trigger = next_build.sources[0].at.original
        raise StepError(
            f"image {image} holds ONBUILD {trigger}: the image of an environment has no context with files",
            f"name another in the environment: an image under `images` whose Dockerfile starts from {image}, "
            "and whose context has these files",
        )


def _program(contents: Image, names: Sequence[str], folders: Sequence[str]) -> str | None:
    """The first of these names in the first of these folders that has one, as a shell looks."""
    paths = (f"{folder.rstrip('/')}/{name}" for name in names for folder in folders)
    return next((path for path in paths if contents.look.entry(path)), None)


def _managed(contents: Image, python: str, image: str) -> bool:
    """Is a virtual environment needed? Raises StepError if there is no way to install packages."""
    look, folder = contents.look, PurePosixPath(python).parent
    if look.entry(str(folder.parent / "pyvenv.cfg")):
        if _program(contents, ["pip3", "pip"], [str(folder)]) is None:
            raise StepError(f"image {image}: the virtual environment {folder.parent} has no pip", "make it with pip")
        return False
    entry = look.entry(python)
    real = PurePosixPath(entry.path if entry else python)  # /usr/bin/python3.11
    library = str(real.parent.parent / "lib" / real.name)
    if look.entry(f"{library}/EXTERNALLY-MANAGED"):
        if not look.entry(f"{library}/ensurepip/__init__.py"):
            raise StepError(
                f"image {image}: its Python refuses `pip install` (PEP 668) and cannot make a virtual environment",
                f"add the package python3-venv to image {image}, or a virtual environment that is first on its PATH",
            )
        return True
    if _program(contents, ["pip3", "pip"], [str(folder), "/usr/bin", "/usr/local/bin"]) is None:
        raise StepError(f"image {image} has {python} and no pip", f"install pip in image {image} (python3-pip)")
    return False
