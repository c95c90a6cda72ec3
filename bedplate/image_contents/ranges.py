"""ranges: what of `requires` no image could ever meet, because it is no version, no name or no program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.image_contents.versions import clauses, pep440

VERSIONS = ("python", "conda", "git", "openmpi", "intelmpi", "cuda", "cudnn", "nccl")
PROGRAMS = ("command", "shell")
NAMES = {
    # Debian Policy 5.6.1; rpm and apk allow capitals and underscores, too
    "packages": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*"),
    # Core metadata specifications, "Name"
    "pip": re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"),
    # conda, "Package naming"
    "conda_packages": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"),
}
HINT = "versions are written as '>=3.8', '>=3.8,<3.12', '~=3.8', '3.8' or '*'"


def wrong(requires: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], bool, str, str]]:
    """`requires` as the schema let it through: place in it, whether its key is wrong and not its value, what, hint."""
    for key in VERSIONS:
        if key in requires:
            yield from (((key,), False, why, HINT) for why in _of_tool(requires[key]))
    if "os" in requires:
        yield from ((("os",), False, why, "write 'ubuntu>=18.04' or 'debian>=12,<13'") for why in _os(requires["os"]))
    for key, pattern in NAMES.items():
        for name, wanted in requires.get(key, {}).items():
            bad = next((one.strip() for one in name.split("|") if not pattern.fullmatch(one.strip())), None)
            if bad is not None:
                yield (key, name), True, *_misnamed(bad)
            judge = _of_tool if key == "pip" else _of_package
            yield from (((key, name), False, why, HINT) for why in judge(wanted))
    for key in PROGRAMS:
        if len(requires.get(key, "").split()) > 1:
            first = requires[key].split()[0]
            yield (key,), False, "this is a command line, and one program is looked for", f"write '{first}'"
    user, colon, _ = requires.get("user", "").partition(":")
    if colon:
        yield ("user",), False, "a user without its group is looked for", f"write '{user}'"


def _of_tool(wanted: str) -> Iterator[str]:
    """PEP 440, as is what the tools number themselves with."""
    try:
        if wanted != "*":
            pep440(wanted)
    except ValueError as error:
        yield str(error)


def _of_package(wanted: str) -> Iterator[str]:
    """Which order it will have the image says; all of them have versions that begin with a digit."""
    try:
        for _, bound in clauses(wanted) if wanted != "*" else ():
            if not bound[0].isdigit():
                yield f"'{bound.removesuffix('.*')}' is no version"
    except ValueError as error:
        yield str(error)


def _os(wanted: str) -> Iterator[str]:
    found = re.search(r"[=!<>]=|[<>]", wanted)
    if found:
        yield from _of_tool(wanted[found.start() :])


def _misnamed(name: str) -> tuple[str, str]:
    if not name:
        return "a name is missing beside '|'", "one of several packages is written 'fuse | libfuse-dev'"
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9+._-]*", name)
    return f"'{name}' is no name of a package", f"write '{found[0]}'" if found else ""
