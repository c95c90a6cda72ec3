"""folder_cache: what is known of large folders: one sum for each that stands for all files in it, and their hashes."""

from __future__ import annotations

import marshal
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from bedplate import kept_file

VERSION = 2
VIEWS = 16  # kept that nothing asked for
Stamp: TypeAlias = "tuple[int, int, int, int]"
Hashes: TypeAlias = "dict[str, tuple[Stamp, str]]"  # by name: what the file was like, and its sha256


class Known(NamedTuple):
    """`digest`: of the folder_look.Sum. `newest`: the latest time in it, ns. `taken`: how many files are.

    `size`: bytes of these. `as_is`: they have the modes on disk that are hashed.
    `content`: one sum of their names, kinds, modes and hashes."""

    digest: str
    newest: int
    taken: int
    size: int
    as_is: bool
    content: str


class FolderCache:
    """Kept in two files, `path` and `path`.hashes, read when first needed; a broken or foreign one counts as empty.

    What is known belongs to a view: a context and its ignore rules. Hashes belong to a folder, whoever looks at it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hashes_path = path.with_name(f"{path.name}.hashes")
        self._views: dict[str, dict[str, Any]] | None = None
        self._hashes: dict[str, bytes] | None = None
        self._seen: dict[str, set[str]] = {}
        self._learned = False
        self._hashed = False

    def known(self, view: str, folder: str) -> Known | None:
        """`folder`: relative to the view's context."""
        if self._views is None:
            self._views = _load(self._path)
        self._seen.setdefault(view, set()).add(folder)
        plain = self._views.get(view, {}).get(folder)
        return Known(*plain) if plain else None

    def keep(self, view: str, folder: str, known: Known) -> None:
        if self._views is None:
            self._views = _load(self._path)
        self._views.setdefault(view, {})[folder] = tuple(known)
        self._learned = True

    def hashes(self, folder: str) -> Hashes:
        """`folder`: absolute."""
        if self._hashes is None:
            self._hashes = _load(self._hashes_path)
        content = self._hashes.get(folder)
        found: Hashes = marshal.loads(content) if content else {}
        return found

    def keep_hashes(self, folder: str, hashes: Hashes) -> None:
        if self._hashes is None:
            self._hashes = _load(self._hashes_path)
        self._hashes[folder] = marshal.dumps(hashes, 2)
        self._hashed = True

    def save(self) -> None:
        """Writes what was learned, by rename. What is not there any more is dropped."""
        if self._learned and self._views is not None:
            unseen = [(view, content) for view, content in self._views.items() if view not in self._seen]
            kept = dict(unseen[-VIEWS:])
            for view, seen in self._seen.items():
                kept[view] = {folder: known for folder, known in self._views.get(view, {}).items() if folder in seen}
            _write(self._path, kept)
        if self._hashed and self._hashes is not None:
            _write(self._hashes_path, {folder: h for folder, h in self._hashes.items() if os.path.isdir(folder)})  # noqa: PTH112  # quick
        self._learned = self._hashed = False


def _load(path: Path) -> dict[str, Any]:
    try:
        version, content = marshal.loads(kept_file.read(path))
    except (OSError, ValueError, EOFError, TypeError):
        return {}
    return content if version == VERSION and isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    kept_file.write(path, marshal.dumps((VERSION, content), 2))
