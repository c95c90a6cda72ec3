"""mending: for what an image lacks, the edit that gives it, in the file where it belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bedplate.image_contents.asked import NAMED, presets_of
from bedplate.image_contents.verdict import Verdict, title
from bedplate.model import DockerfileImage, ImageEntry, ReferenceImage

INSTALL = {"dpkg": "apt-get install", "rpm": "dnf install", "apk": "apk add"}
# what the tools are called where they are packages of the system
NAMES = {
    "dpkg": {"git": "git", "python": "python3", "openmpi": "openmpi-bin"},
    "rpm": {"git": "git", "python": "python3", "openmpi": "openmpi"},
    "apk": {"git": "git", "python": "python3", "openmpi": "openmpi"},
}
TOOLS = {"conda": "conda", "intelmpi": "Intel MPI", "cuda": "CUDA", "cudnn": "cuDNN", "nccl": "NCCL"}


def said(verdict: Verdict, mend: str, own: Mapping[str, Any]) -> str:
    """`git: missing, asked >=2.7: add ...`. `own`: `requires` of the entry; what is not in it a preset has asked."""
    written = own.get(verdict.key) if verdict.key not in NAMED else own.get(verdict.key, {}).get(verdict.name)
    presets = presets_of(f"{verdict.key} {verdict.name}".rstrip(), verdict.asked) if written is None else ()
    by = f" by preset {', '.join(presets)}" if presets else ""
    return f"{title(verdict)}: {verdict.found}, asked {verdict.asked}{by}: {mend}"


def of_image(verdict: Verdict, image: ImageEntry, family: str) -> str:
    """`family`: dpkg, rpm, apk or "" for none."""
    place = f"in {image.dockerfile}" if isinstance(image, DockerfileImage) else ""
    if isinstance(image, ReferenceImage):
        return f"take another image than {image.reference}, or a Dockerfile that begins FROM it and {_wanted(verdict)}"
    if not place:
        return _of_rootfs(verdict, image.name, family)
    name = _package(verdict, family)
    if verdict.key == "os":
        return f"let FROM {place} be an image of {verdict.asked}"
    if verdict.missing and name and family:
        return f"add `{name}` to {INSTALL[family]} {place}"
    return f"{_wanted(verdict, imperative=True)} {place}"


def of_environment(verdict: Verdict, pip: str | None, conda: str | None, image: str) -> str:
    """`image`: the one that the environment stands on."""
    file = pip or conda
    if verdict.key == "pip" and file:
        return f"add `{_pinned(verdict)}` to {file}"
    if verdict.key == "conda_packages" and conda:
        return f"add `{_pinned(verdict)}` to {conda}"
    return f"{_wanted(verdict, imperative=True)} in image {image}"


def _of_rootfs(verdict: Verdict, image: str, family: str) -> str:
    name = _package(verdict, family)
    if verdict.key == "os":
        return f"set images.{image}.rootfs.suite to a suite of {verdict.asked}"
    if verdict.missing and name:
        return f"add `{name}` to images.{image}.rootfs.packages"
    return f"{_wanted(verdict, imperative=True)} in a Dockerfile that stands on image {image}"


def _package(verdict: Verdict, family: str) -> str:
    if verdict.key == "packages":
        return verdict.name.split("|")[0].strip()
    return NAMES.get(family, {}).get(verdict.key, "")


def _wanted(verdict: Verdict, *, imperative: bool = False) -> str:
    """`installs conda >=4.5`, or `install ...`."""
    key, asked = verdict.key, verdict.asked
    verb, what = "install", f"{TOOLS.get(key, key)} {'' if asked == '*' else asked}".rstrip()
    if key == "os":
        verb, what = "be", asked
    if key in ("packages", "pip", "conda_packages"):
        what = f"`{_pinned(verdict)}`" + {"pip": " with pip", "conda_packages": " with conda"}.get(key, "")
    if key == "user":
        verb, what = (
            "set",
            "USER to one that /etc/passwd has and is not root" if asked == "non-root" else f"USER {asked}",
        )
    if key == "port":
        verb, what = "write", f"EXPOSE {asked}"
    if key in ("command", "shell"):
        program = asked if asked != "*" else "the program of ENTRYPOINT or CMD"
        verb, what = "bring", f"{program} as a file that may be executed"
    return f"{verb if imperative else f'{verb}s'.replace('bes', 'is')} {what}"


def _pinned(verdict: Verdict) -> str:
    name = verdict.name.split("|")[0].strip()
    if verdict.asked == "*" or verdict.key == "packages":
        return name
    bare = verdict.asked[:1].isdigit()
    return f"{name}=={verdict.asked}" if bare else f"{name}{verdict.asked}"
