"""acr_notes: where it stands here which run of ACR Tasks builds an image, or which operation imports it."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

LONGEST_S = 86400.0  # that Azure lets a run wait and work, and more


def path(root: Path, tag: str) -> Path:
    """The image's tag names its content. Azure does not tell it of a run."""
    return root / ".bedplate" / "cache" / "runs" / re.sub("[/:]", "+", tag)


def write(where: str, note: Path) -> None:
    """`where`: an ARM id, or a URL that Azure gave."""
    note.parent.mkdir(parents=True, exist_ok=True)
    for other in note.parent.iterdir():  # of a run that ended when nobody looked: its image has been found since
        with suppress(OSError):
            if time.time() - other.stat().st_mtime > LONGEST_S:
                other.unlink()
    note.write_text(where, encoding="utf-8")


def read(note: Path) -> str:
    """What stands there, "" where there is none."""
    try:
        return note.read_text(encoding="utf-8")
    except OSError:
        return ""
