"""absent: which files and folders that a spec names are not there, and what was meant."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bedplate import links
from bedplate.mistakes import listed, nearest
from bedplate.specfile import paths
from bedplate.specfile.paths import Keys

CODE = "MissingFile"
DOCKERFILE = "Dockerfile"  # what Docker takes where no other is named
KINDS = {"context": "folder", "code": "folder", "path": "file or folder"}  # by the key; all others name a file
BASES = {"dockerfile": "context", "entry_script": "code"}  # keys whose paths are relative to a folder beside them
MOST_LISTED = 8

Plain: TypeAlias = Mapping[str, Any]  # what conforms to the schema; what did not is missing


def find(root: str, plain: Plain, looked: set[str]) -> Iterator[tuple[Keys, str, str]]:
    """Where a path stands that leads to nothing, or to something of another kind; message; hint, or "".

    One question to the disk for each path, which `looked` gets. What cannot be asked is told by whoever reads it."""
    for keys, path in _named(plain):
        kind = KINDS.get(keys[-1], "file")
        looked.update((f"{root}/{path}", *links.followed(f"{root}/{path}")))
        wrong = _wrong(f"{root}/{path}", kind)
        if not wrong or paths.leaves(path):
            continue
        at = keys
        if keys[-1] in BASES:
            folder = (*keys[:2], BASES[keys[-1]])
            base = plain[keys[0]][keys[1]][folder[-1]]
            beside = _wrong(f"{root}/{base}", "folder")
            if beside:
                at = keys = folder
                path, kind, wrong = base, "folder", beside
            elif _default(plain, keys):
                at = folder
        path = posixpath.normpath(path)
        yield at, f"{'.'.join(at)}: {wrong.format(repr(path))}", _hint(root, plain, keys, path, kind)


def _named(plain: Plain) -> Iterator[tuple[Keys, str]]:
    """The paths of the spec: of a folder and a file in it that are both named, the file, which stands for both."""
    for name, image in plain.get("images", {}).items():
        if "context" in image:
            yield ("images", name, "dockerfile"), f"{image['context']}/{image.get('dockerfile', DOCKERFILE)}"
    services = plain.get("services", {})
    for keys, path in paths.stated(plain):
        if keys[0] != "images" and not (keys[-1] == "code" and "entry_script" in services[keys[1]]):
            yield keys, path


def _default(plain: Plain, keys: Keys) -> bool:
    """Is this the Dockerfile that is taken where none is named?"""
    return keys[-1] == "dockerfile" and plain[keys[0]][keys[1]].get("dockerfile", DOCKERFILE) == DOCKERFILE


def _wrong(path: str, kind: str) -> str:
    """What is wrong with it, `{}` for its name; "": nothing."""
    try:
        # a Path costs more than the question, and it is asked of every path of a spec
        mode = os.stat(path).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return f"the link {{}} leads to no {kind}" if Path(path).is_symlink() else f"there is no {kind} {{}}"
    except OSError:
        return ""
    if stat.S_ISDIR(mode):
        return "" if "folder" in kind else "{} is a folder, not a file"
    if not stat.S_ISREG(mode):
        return f"{{}} is no {kind}, but a pipe or a device"
    return "" if "file" in kind else "{} is a file, not a folder"


def _hint(root: str, plain: Plain, keys: Keys, path: str, kind: str) -> str:
    entry = plain[keys[0]][keys[1]]
    base = posixpath.normpath(entry[BASES[keys[-1]]]) if keys[-1] in BASES else ""
    written = posixpath.relpath(path, base) if base else path
    if base and written.startswith(f"{base}/") and _fits(root, written, kind):
        return f"did you mean '{written[len(base) + 1 :]}'? the path is relative to '{BASES[keys[-1]]}'"
    meant = _nearest(root, base, written, kind) or (_elsewhere(root, plain, written, kind) if not base else "")
    if _default(plain, keys):
        if meant:
            return f"write `dockerfile: {meant}` beside 'context', or rename it"
        return "write it; or name another with `dockerfile:`, relative to 'context'"
    if meant:
        return f"did you mean '{meant}'?"
    folder, here = posixpath.dirname(path), _names(f"{root}/{posixpath.dirname(path)}", kind)
    if not 0 < len(here) <= MOST_LISTED:
        return ""
    return f"in {repr(folder) if folder else 'the folder of pipeline.yaml'} there are {listed(here)}"


def _nearest(root: str, base: str, written: str, kind: str) -> str:
    """The path below `base` that is there and most like `written`, folder by folder."""
    found = ""
    for part, more in _parts(written):
        names = _names(f"{root}/{base}/{found}", "folder" if more else kind)
        meant = part if part in names else nearest(part, names)
        if meant is None:
            return ""
        found = posixpath.join(found, meant)
    return found if _fits(root, posixpath.join(base, found), kind) else ""


def _parts(path: str) -> Iterator[tuple[str, bool]]:
    """Each part, and whether another follows."""
    parts = path.split("/")
    yield from ((part, number < len(parts)) for number, part in enumerate(parts, 1))


def _elsewhere(root: str, plain: Plain, written: str, kind: str) -> str:
    """The one place in the spec's own folders that has a file of this name."""
    folders = [
        e[k] for s, k in (("images", "context"), ("services", "code")) for e in plain.get(s, {}).values() if k in e
    ]
    name = posixpath.basename(written)
    found = {posixpath.normpath(f"{folder}/{name}") for folder in folders}
    there = [path for path in found if _fits(root, path, kind)]
    return there[0] if len(there) == 1 else ""


def _names(folder: str, kind: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            shown = [e for e in entries if not e.name.startswith(".")]
            return sorted(
                e.name for e in shown if ("folder" in kind and e.is_dir()) or ("file" in kind and e.is_file())
            )
    except OSError:
        return []


def _fits(root: str, path: str, kind: str) -> bool:
    return not paths.leaves(path) and not _wrong(f"{root}/{path}", kind) and paths.within(root, path)
