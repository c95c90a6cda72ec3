"""requirements: what a pip requirements file, or the pip part of a conda file, names and includes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from bedplate.context import disk as context_tree
from bedplate.errors import Mistake, SpecError
from bedplate.frozen import dataclass
from bedplate.stat_cache import StatCache
from bedplate.step import FileSet, Requirements, Tree

# pip's own rules: pip.pypa.io, "Requirements File Format"
COMMENT = re.compile(r"(^|\s)#.*$")
INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(\S.*)")
NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:[\[<>=!~;@(].*)?$")
URL = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
LOCAL = re.compile(r"(?:-e|--editable)\b|\.{0,2}/|\.$|file:|\S+\.(?:whl|tar\.gz|zip)(?:\s|$)")


@dataclass(frozen=True)
class Listed:
    """`files`: the file and what it includes, below the project's root, each once. `names`: as PEP 503 writes them."""

    files: tuple[str, ...]
    names: frozenset[str]


def file_set(files: Requirements, root: Path, cache: StatCache) -> FileSet:
    """The files by their paths below the project's root, the one that was named first. Raises SpecError."""
    listed = of_conda(files.path, root) if files.conda else read(files.path, root)
    found = []
    for path in listed.files:
        one = context_tree.tree(Tree(path), root, cache)
        found += [replace(file, path=path) for file in one.files]
    return FileSet("", tuple(found))


def read(path: str, root: Path) -> Listed:
    """A requirements file and all that it includes with -r and -c. Raises SpecError with every mistake found."""
    files: list[str] = []
    names: set[str] = set()
    mistakes: list[Mistake] = []
    todo = [path]
    while todo:
        file = todo.pop(0)
        if file in files:
            continue
        files.append(file)
        try:
            text = (root / file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(_unread(file, error))
            continue
        for number, line in lines(text):
            found = _line(line, file, number, root)
            if isinstance(found, Mistake):
                mistakes.append(found)
            elif found.startswith("/"):
                todo.append(found[1:])
            elif found:
                names.add(found)
    if mistakes:
        raise SpecError(mistakes)
    return Listed(tuple(files), frozenset(names))


def of_conda(path: str, root: Path) -> Listed:
    """A conda environment file: the names of its packages and of its pip part, and what that includes."""
    import yaml

    try:
        document: Any = yaml.safe_load((root / path).read_text(encoding="utf-8-sig"))  # Any: a file of the user's
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([_unread(path, error)]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SpecError([Mistake(path, 0, 0, f"is not YAML: {' '.join(str(error).split())}")]) from None
    entries = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise SpecError([Mistake(path, 0, 0, "is not a conda environment file: it has no list `dependencies`")])
    files = [path]
    names: set[str] = set()
    for entry in entries:
        for line in entry.get("pip") or () if isinstance(entry, dict) else (entry,):
            found = _line(str(line), path, 0, root)
            if isinstance(found, Mistake):
                raise SpecError([found])
            if found.startswith("/"):
                inner = read(found[1:], root)
                files += inner.files
                names |= inner.names
            else:
                names.add(found)
    return Listed(tuple(dict.fromkeys(files)), frozenset(names))


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Line number and text, without comments, with continued lines joined; empty ones left out."""
    joined, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        began = began or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1]
            continue
        whole = COMMENT.sub("", joined + line).strip()
        if whole:
            yield began, whole
        joined, began = "", 0
    if joined.strip():
        yield began, joined.strip()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _unread(path: str, error: OSError | UnicodeDecodeError) -> Mistake:
    if isinstance(error, FileNotFoundError):
        return Mistake(path, 0, 0, "there is no such file", code="MissingFile")
    return Mistake(path, 0, 0, f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "is not UTF-8")


def _line(line: str, file: str, number: int, root: Path) -> str | Mistake:
    """`/path` of an included file, the normal name of a package, or "" for what matters to pip alone."""
    included = INCLUDE.match(line)
    if included:
        name = included[1].strip().strip("\"'")
        if URL.match(name):
            return ""
        below = _below(file, name)
        if below is None:
            return Mistake(file, number, 1, f"'{name}' leaves the project", "put it below the folder of pipeline.yaml")
        if not (root / below).is_file():
            message = f"includes '{name}', and there is no file {below}"
            return Mistake(file, number, 1, message, code="MissingFile")
        return f"/{below}"
    if LOCAL.match(line):
        hint = "install it in the image, or name a package or a URL"
        return Mistake(file, number, 1, f"'{line}' is a path of this machine", hint)
    if line.startswith("-"):
        return ""
    found = NAME.match(line.split(" --")[0].strip())
    return normal(found[1]) if found else ""


def _below(file: str, name: str) -> str | None:
    """The path that `name` means in this file (pip: relative to the file that names it), below the project's root."""
    parts: list[str] = []
    for part in (PurePosixPath(file).parent / name).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return None if parts[:1] == ["/"] else "/".join(parts)


def named(wanted: Sequence[str], listed: Listed) -> str | None:
    """The first of these packages that the requirements name."""
    return next((name for name in wanted if name in listed.names), None)
