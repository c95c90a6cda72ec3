"""found: the version of what an image is asked for, from the files that carry it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from bedplate.image_contents import accelerators, python
from bedplate.image_contents.look import Image, UnreadableError
from bedplate.image_contents.packages import normal
from bedplate.image_contents.versions import upstream

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


class Found(NamedTuple):
    """`version`: "" where the files do not tell it. `kind`: whose order it has. `name`: of the system or package."""

    version: str
    kind: str = "pep440"
    name: str = ""


def find(key: str, name: str, image: Image) -> Found | None:
    """`key`: of `requires`, but user, port, command and shell; `name`: of a package. None: missing.

    Raises UnreadableError."""
    if key in ("packages", "pip", "conda_packages"):
        of = {"packages": _package, "pip": _distribution, "conda_packages": _conda}[key]
        return next((found for one in name.split("|") if (found := of(one.strip(), image))), None)
    version = FINDERS[key](image)
    if key == "os":
        identity, _, number = (version or "").partition(" ")
        return Found(number, "pep440", identity) if version else None
    return None if version is None else Found(version)


def _package(name: str, image: Image) -> Found | None:
    version = image.packages.get(name)
    return None if version is None else Found(version, image.family, name)


def _distribution(name: str, image: Image) -> Found | None:
    version = python.installed(image, normal(name)).get(normal(name))
    return None if version is None else Found(version, "pep440", name)


def _conda(name: str, image: Image) -> Found | None:
    version = python.conda_packages(image).get(name.lower())
    return None if version is None else Found(version, "conda", name)


def _os(image: Image) -> str | None:
    """`debian 12`, as os-release names them (os-release(5))."""
    text = next((content for path in OS_RELEASE if (content := image.look.read(path))), None)
    if text is None:
        return None
    fields: dict[str, str] = {}
    for line in text.decode(errors="replace").splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            fields[key.strip()] = "".join(shlex.split(value)[:1])
    return f"{fields.get('ID', 'linux')} {fields.get('VERSION_ID', '')}".rstrip()


def _git(image: Image) -> str | None:
    if image.program("git") is None:
        return None
    return next(_packaged(image, "git", "git-core"), None) or python.conda_packages(image).get("git", "")


def _packaged(image: Image, *names: str) -> Iterator[str]:
    """Upstream versions of those that are installed."""
    try:
        known = image.packages
    except UnreadableError:
        return
    yield from (upstream(known[name], image.family) for name in names if name in known)


def _openmpi(image: Image) -> str | None:
    return accelerators.openmpi(image) or next(_packaged(image, "openmpi-bin", "libopenmpi3", "openmpi"), None)


def _nvidia(header: Callable[[Image], str | None], library: str) -> Callable[[Image], str | None]:
    """By header, else by the package of the library: `libcudnn8`, `libcudnn9-cuda-12`, conda's `cudnn`."""

    def find(image: Image) -> str | None:
        version = header(image)
        if version:
            return version
        try:
            names = [name for name in image.packages if re.match(rf"lib{library}[0-9]", name)]
        except UnreadableError:
            names = []
        version = next(_packaged(image, *names), None)
        # 7.6.5.32 is cuDNN 7.6.5, built for the 32nd time
        return version or python.conda_packages(image).get(library)

    return find


FINDERS: Mapping[str, Callable[[Image], str | None]] = {
    "os": _os,
    "python": lambda image: python.version(image, _packaged),
    "conda": python.conda_version,
    "git": _git,
    "openmpi": _openmpi,
    "intelmpi": accelerators.intelmpi,
    "cuda": accelerators.cuda,
    "cudnn": _nvidia(accelerators.cudnn, "cudnn"),
    "nccl": _nvidia(accelerators.nccl, "nccl"),
}
