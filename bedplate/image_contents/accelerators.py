"""accelerators: versions of CUDA, cuDNN, NCCL and MPI, from the files that their installers leave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bedplate.image_contents.look import Image, UnreadableError
from bedplate.image_contents.python import conda_packages

INCLUDES = ("/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu", "/usr/local/include")
LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib")
CUDA = "/usr/local/cuda"
INTEL = ("/opt/intel/oneapi/mpi/latest", "/opt/intel/impi/latest", "/opt/intel/compilers_and_libraries/linux/mpi")
INTEL_PACKAGE = re.compile(r"intel-(?:oneapi-)?mpi(?:-rt|-devel|-runtime)?-(20[0-9]{2}\.[0-9]+(?:[.-][0-9]+)?)$")
INTEL_VERSION = re.compile(r"(20[0-9]{2}\.[0-9]+(?:\.[0-9]+)?)")


def cuda(image: Image) -> str | None:
    """Of version.json (11.1 and later) or version.txt of the toolkit, the runtime's package, conda, or the folder."""
    told = _cuda_json(image.look.read(f"{CUDA}/version.json"))
    text = re.search(rb"CUDA Version ([0-9.]+)", image.look.read(f"{CUDA}/version.txt") or b"")
    if told or text:
        return told or (text[1].decode() if text else None)
    packaged = _cuda_package(image)
    named = image.environment.get("CUDA_VERSION", "")  # NVIDIA's images
    if packaged:
        return named if f"{named}.".startswith(f"{packaged}.") else packaged
    conda = conda_packages(image)
    version = next((conda[name] for name in ("cudatoolkit", "cuda-version", "cuda-cudart") if name in conda), None)
    if version:
        return version
    folder = image.look.entry(CUDA)
    found = re.search(r"cuda-([0-9.]+)$", folder.path) if folder else None
    return (found[1] if found else "") if folder else None


def cudnn(image: Image) -> str | None:
    """Of cudnn_version.h (8 and later) or cudnn.h, else of the library's file name."""
    names = ("CUDNN_MAJOR", "CUDNN_MINOR", "CUDNN_PATCHLEVEL")
    return _header(image, ("cudnn_version.h", "cudnn.h"), names) or _library(image, "cudnn", range(6, 13))


def nccl(image: Image) -> str | None:
    """Of nccl.h, else of the library's file name."""
    names = ("NCCL_MAJOR", "NCCL_MINOR", "NCCL_PATCH")
    return _header(image, ("nccl.h",), names) or _library(image, "nccl", range(1, 4))


def openmpi(image: Image) -> str | None:
    """Of mpi.h beside the mpirun in PATH, of ompi.pc, or of conda; None where there is no such sign of Open MPI."""
    place = image.place("mpirun")
    roots = dict.fromkeys([*([str(PurePosixPath(place).parent)] if place else []), "/usr/local", "/opt/openmpi"])
    names = ("OMPI_MAJOR_VERSION", "OMPI_MINOR_VERSION", "OMPI_RELEASE_VERSION")
    for root in roots:
        told = _defined(image.look.read(f"{root}/include/mpi.h"), names)
        text = image.look.read(f"{root}/lib/pkgconfig/ompi.pc")
        found = re.search(rb"^Version:\s*(\S+)", text or b"", re.MULTILINE)
        if told or found:
            return told or (found[1].decode() if found else None)
    return conda_packages(image).get("openmpi")


def intelmpi(image: Image) -> str | None:
    """Of the folder that I_MPI_ROOT or a link of the installer names, of the packages, or of conda."""
    for path in (image.environment.get("I_MPI_ROOT", ""), *INTEL):
        folder = image.look.entry(path) if path.startswith("/") else None
        if folder:
            found = INTEL_VERSION.search(folder.path) or INTEL_VERSION.search(path)
            return found[1] if found else ""
    conda = conda_packages(image)
    return next(_intel_packages(image), None) or conda.get("impi_rt") or conda.get("impi-devel")


def _cuda_json(text: bytes | None) -> str | None:
    try:
        version = str(json.loads(text or b"null")["cuda"]["version"])
    except (ValueError, KeyError, TypeError):
        return None
    # 11.4.20210728 is 11.4, built on a day
    return re.sub(r"^([0-9]+\.[0-9]+)\.20[0-9]{6}$", r"\1", version)


def _cuda_package(image: Image) -> str | None:
    """`12.2` of `cuda-cudart-12-2`: the package's own version counts otherwise."""
    found = [f"{m[1]}.{m[2]}" for name in _names(image) if (m := re.fullmatch(r"cuda-cudart-(\d+)-(\d+)", name))]
    return max(found, key=lambda version: [int(part) for part in version.split(".")], default=None)


def _intel_packages(image: Image) -> Iterator[str]:
    for name in _names(image):
        found = INTEL_PACKAGE.fullmatch(name)
        if found:
            yield found[1].replace("-", ".")


def _names(image: Image) -> list[str]:
    try:
        return sorted(image.packages)
    except UnreadableError:
        return []


def _header(image: Image, files: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    paths = [f"{folder}/{file}" for file in files for folder in (f"{CUDA}/include", *INCLUDES)]
    return next((told for path in paths if (told := _defined(image.look.read(path), names))), None)


def _defined(text: bytes | None, names: tuple[str, ...]) -> str | None:
    """The numbers that a C header defines, with dots."""
    numbers = []
    for name in names:
        found = re.search(rb"^\s*#\s*define\s+" + name.encode() + rb"\s+([0-9]+)", text or b"", re.MULTILINE)
        if not found:
            return None
        numbers.append(found[1].decode())
    return ".".join(numbers)


def _library(image: Image, name: str, majors: range) -> str | None:
    """`8.9.2` where libcudnn.so.8 is a link to libcudnn.so.8.9.2."""
    for major in reversed(majors):
        for folder in (*LIBRARIES, f"{CUDA}/lib64"):
            file = image.look.entry(f"{folder}/lib{name}.so.{major}")
            if file:
                return file.path.rpartition(".so.")[2]
    return None
