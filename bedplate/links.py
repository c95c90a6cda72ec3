"""links: what stands between the name of a file and what is read under that name."""

from __future__ import annotations

import os
from collections.abc import Iterator

MOST = 40  # as many as Linux follows


def followed(path: str) -> Iterator[str]:
    """Where this path is a symbolic link: all that it leads to, link by link to the end; else nothing.

    Who reads a file by its name reads another one when any of these changes, and the link itself does not."""
    for _ in range(MOST):
        try:
            target = os.readlink(path)  # noqa: PTH115  # a Path costs more than the question
        except OSError:
            return
        path = os.path.join(os.path.dirname(path), target)  # noqa: PTH118, PTH120
        yield path
