"""root: which folder is the project's."""

from __future__ import annotations

import os
from pathlib import Path

from bedplate.errors import Mistake, SpecError


def find_root(start: Path) -> Path:
    """The nearest folder with a pipeline.yaml. Raises SpecError."""
    for folder in (start, *start.parents):
        if os.path.lexists(folder / "pipeline.yaml"):  # what it is, is told by whoever reads it
            return folder
    raise SpecError([Mistake("pipeline.yaml", 0, 0, f"there is none in {start}", "write one: README.md shows how")])
