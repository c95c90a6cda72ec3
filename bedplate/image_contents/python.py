"""python: the Python and the conda that an image calls by default, their versions and what is installed for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from bedplate.image_contents import packages
from bedplate.image_contents.look import Entry, Image
from bedplate.image_contents.packages import Versions

# of installers that leave PATH alone; PATH is asked first
CONDA_FOLDERS = ("/opt/conda/bin", "/opt/miniconda/bin", "/opt/miniconda3/bin", "/root/miniconda3/bin")
MINOR = re.compile(r"python([0-9]+\.[0-9]+)$")


def version(image: Image, packaged: Callable[..., Iterator[str]]) -> str | None:
    """Of the first python3 or python in PATH; None: there is none; "3.11" where only the name of the file tells it."""
    found = _program(image)
    if found is None:
        return None
    prefix, program = found
    minor = _minor(program)
    told = _of_venv(image, prefix) or _of_conda(image, prefix, "python") or _of_header(image, program, minor)
    if told is None and minor and str(PurePosixPath(program.path).parent) == "/usr/bin":
        names = (f"python{minor}-minimal", f"python{minor}", f"python{minor.replace('.', '')}", "python3")
        told = next(packaged(image, *names), None)
    if told is None and program.path.startswith("/usr/local/bin/"):
        told = image.environment.get("PYTHON_VERSION")  # the official images
    return told or minor


def installed(image: Image, wanted: str) -> Versions:
    """Python packages that the default Python imports, by normal name.

    Folders are looked through in the order in which Python does, until one has `wanted`."""
    found: dict[str, str] = {}
    for folder in _folders(image):
        for name, number in packages.distributions(image.look.names(folder)).items():
            found.setdefault(name, number)
        if wanted in found:
            break
    return found


def conda_version(image: Image) -> str | None:
    """None: no conda in PATH, nor where installers put it."""
    place = image.place("conda", CONDA_FOLDERS)
    if place is None or image.program("conda", CONDA_FOLDERS) is None:
        return None
    # .../bin or .../condabin
    return packages.conda(image.look.names(f"{PurePosixPath(place).parent}/conda-meta")).get("conda", "")


def conda_packages(image: Image) -> Mapping[str, str]:
    """Of the conda environment that comes first in PATH, else of conda's own."""
    for folder in (*image.path, *CONDA_FOLDERS):
        meta = f"{PurePosixPath(folder).parent}/conda-meta"
        if image.look.entry(meta):
            return packages.conda(image.look.names(meta))
    return {}


def _program(image: Image) -> tuple[str, Entry] | None:
    """The prefix that it is called in, and the file itself."""
    for name in ("python3", "python"):
        place, program = image.place(name), image.program(name)
        if place and program:
            return str(PurePosixPath(place).parent), program
    return None


def _minor(program: Entry) -> str | None:
    found = MINOR.search(program.path)
    return found[1] if found else None


def _of_venv(image: Image, prefix: str) -> str | None:
    """`version` as venv writes it, `version_info` as virtualenv does (PEP 405)."""
    text = (image.look.read(f"{prefix}/pyvenv.cfg") or b"").decode(errors="replace")
    found = re.search(r"^version(?:_info)?\s*=\s*([0-9]+(?:\.[0-9]+)*)", text, re.MULTILINE)
    return found[1] if found else None


def _of_conda(image: Image, prefix: str, package: str) -> str | None:
    meta = f"{prefix}/conda-meta"
    return packages.conda(image.look.names(meta)).get(package) if image.look.entry(meta) else None


def _of_header(image: Image, program: Entry, minor: str | None) -> str | None:
    """PY_VERSION, as Python's own `make install` puts it beside the program."""
    root = PurePosixPath(program.path).parent.parent
    for suffix in ("", "m"):
        text = image.look.read(f"{root}/include/python{minor}{suffix}/patchlevel.h") if minor else None
        found = re.search(rb'#define\s+PY_VERSION\s+"([^"+]+)\+?"', text or b"")
        if found:
            return found[1].decode()
    return None


def _folders(image: Image) -> Iterator[str]:
    found = _program(image)
    if found is None:
        return
    prefix, program = found
    minor = _minor(program) or ".".join((_of_venv(image, prefix) or "").split(".")[:2])
    yield f"{prefix}/lib/python{minor}/site-packages"
    config = image.look.read(f"{prefix}/pyvenv.cfg")
    if config is None or re.search(rb"^include-system-site-packages\s*=\s*true", config, re.MULTILINE):
        root = str(PurePosixPath(program.path).parent.parent)
        # Debian's own Python looks into three folders of other names
        if root == "/usr":
            yield from (f"/usr/local/lib/python{minor}/dist-packages", "/usr/lib/python3/dist-packages")
            yield f"/usr/lib/python{minor}/dist-packages"
        if root != prefix:
            yield f"{root}/lib/python{minor}/site-packages"
