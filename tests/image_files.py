"""image_files: an image as a folder: files laid out as packages lay them out, looked at without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedplate.image_contents.look import Entry, Image


class Folder:
    """`Look` of a folder that stands for the root of an image."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(self, path: str) -> Entry | None:
        real = self._real(path)
        if real is None or not real.exists():
            return None
        status = real.stat()
        return Entry(f"/{real.relative_to(self.root)}", real.is_dir(), status.st_mode & 0o777, status.st_size)

    def read(self, path: str) -> bytes | None:
        real = self._real(path)
        return real.read_bytes() if real and real.is_file() else None

    def names(self, folder: str) -> Sequence[str]:
        real = self._real(folder)
        return sorted(one.name for one in real.iterdir()) if real and real.is_dir() else ()

    def _real(self, path: str) -> Path | None:
        """Links are followed below the root, an absolute one too."""
        at, parts, left = self.root, [part for part in path.split("/") if part], 40
        while parts:
            part = parts.pop(0)
            at = at.parent if part == ".." and at != self.root else at if part == ".." else at / part
            if at.is_symlink():
                left -= 1
                if not left:
                    return None
                target = str(at.readlink())
                at = self.root if target.startswith("/") else at.parent
                parts = [part for part in target.split("/") if part] + parts
        return at


def image(root: Path, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None, **config: Any) -> Image:
    """`files`: content by absolute path; those in a folder called bin may be executed. `config`: Env, User, ..."""
    for path, content in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(0o755 if "/bin/" in path else 0o644)
    for path, target in (links or {}).items():
        link = root / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    return Image(Folder(root), config)
