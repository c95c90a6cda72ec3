"""paths: which paths of a spec leave the project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Keys: TypeAlias = tuple[str, ...]  # where a value stands: ("images", "base", "context")


def leaves(path: str) -> str:
    """Why a path, as it is written, is not one inside of the project; "" if it is."""
    if path.startswith(("/", "~")) or path[1:2] == ":":
        return "is not relative to the project"
    if "\\" in path:
        return "has a '\\' in it; folders are parted by '/'"
    if "\0" in path:
        return "has a zero byte in it"
    depth = 0
    for part in path.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return "leaves the project"
    return ""


def stated(plain: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    """Every path of a project that a spec states, and where; a Dockerfile's from the project's root."""
    for name, image in plain.get("images", {}).items():
        if "context" in image:
            yield ("images", name, "context"), image["context"]
            if image.get("dockerfile", "Dockerfile") != "Dockerfile":
                yield ("images", name, "dockerfile"), f"{image['context']}/{image['dockerfile']}"
    for name, environment in plain.get("environments", {}).items():
        for key in ("pip", "conda", "from"):
            if key in environment:
                yield ("environments", name, key), environment[key]
    for name, model in plain.get("models", {}).items():
        if "path" in model:
            yield ("models", name, "path"), model["path"]
    for name, service in plain.get("services", {}).items():
        if "code" in service:
            yield ("services", name, "code"), service["code"]
            if "entry_script" in service:
                yield ("services", name, "entry_script"), f"{service['code']}/{service['entry_script']}"
        for number, case in enumerate(service.get("smoke_test", ())):
            if "file" in case.get("request", {}):
                yield ("services", name, "smoke_test", str(number), "request", "file"), case["request"]["file"]
    for name, target in plain.get("targets", {}).items():
        if "from" in target.get("deploy", {}):
            yield ("targets", name, "deploy", "from"), target["deploy"]["from"]


def outside(root: Path, plain: Mapping[str, Any]) -> list[tuple[Keys, str]]:
    """The stated paths that a symbolic link leads out of `root`, with that link. Asks the disk once a folder."""
    links: dict[str, set[str]] = {}  # folder -> its entries that are links
    out = []
    for keys, path in stated(plain):
        link = _first_link(root, path, links)
        if link and not leaves(path) and not within(root, path):
            out.append((keys, link))
    return out


def _first_link(root: Path, path: str, links: dict[str, set[str]]) -> str:
    folder = ""
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if folder not in links:
            links[folder] = _links_of(f"{root}/{folder}")
        here = f"{folder}/{part}" if folder else part
        if part in links[folder] or part == "..":
            return here
        folder = here
    return ""


def _links_of(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_symlink()}
    except OSError:
        return set()


def within(root: str | Path, path: str) -> bool:
    """Does the path, its links followed, lie in the folder `root`?"""
    real = os.path.realpath(root)
    return os.path.commonpath([real, os.path.realpath(f"{real}/{path}")]) == real
