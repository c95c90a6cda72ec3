"""kept_table: a table that saves time and may be lost; of its file only the pages that are asked for are decoded."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from bedplate import kept_file

FORMAT = 1
PAGES = 64


class KeptTable:
    """Values as marshal has them, by text, in the file `path`, which is read when first needed. One that is broken, or
    was `made_by` others, counts as empty. Threads may share it."""

    def __init__(self, path: Path, made_by: str) -> None:
        self._path = path
        self._made_by = made_by
        self._encoded: list[bytes] | None = None  # each page, as it stands in the file
        self._pages: dict[int, dict[str, Any]] = {}  # those that were asked for
        self._count = 0  # of values
        self._changed = False

    def get(self, key: str) -> Any:
        """None: there is none."""
        return self._page(_number(key)).get(key)

    def put(self, key: str, value: Any) -> None:
        page = self._page(_number(key))
        self._count += key not in page
        page[key] = value
        self._changed = True

    def save(self, used: Collection[str] | None, spare: int) -> None:
        """Writes all by rename, where something was put. Where that is more than twice what was `used` and `spare`,
        what was not used is left out. None: nobody knows of all that is used."""
        if not self._changed:
            return
        if used is not None and self._count > 2 * len(used) + spare:
            kept: dict[int, dict[str, Any]] = {}
            for key in used:
                if (value := self.get(key)) is not None:
                    kept.setdefault(_number(key), {})[key] = value
            self._encoded, self._pages, self._count = [b""] * PAGES, kept, sum(map(len, kept.values()))
        for number, page in self._pages.items():
            self._read()[number] = marshal.dumps(page, 2)
        kept_file.write(self._path, marshal.dumps((FORMAT, self._made_by, self._count, self._read()), 2))
        self._changed = False

    def _page(self, number: int) -> dict[str, Any]:
        page = self._pages.get(number)
        if page is None:
            encoded = self._read()[number]
            page = self._pages.setdefault(number, marshal.loads(encoded) if encoded else {})
        return page

    def _read(self) -> list[bytes]:
        if self._encoded is None:
            self._count, self._encoded = _load(self._path, self._made_by)
        return self._encoded


def _number(key: str) -> int:
    return zlib.crc32(key.encode("utf-8", "surrogatepass")) % PAGES


def _load(path: Path, made_by: str) -> tuple[int, list[bytes]]:
    try:
        found, by, count, encoded = marshal.loads(kept_file.read(path))
    except (OSError, ValueError, EOFError, TypeError):
        return 0, [b""] * PAGES
    return (count, encoded) if (found, by) == (FORMAT, made_by) else (0, [b""] * PAGES)
