"""disk_errors: a disk that is full or cannot be written to, in words."""

from __future__ import annotations

import errno
from pathlib import Path

from bedplate.errors import StepError

DISK = {
    errno.ENOSPC: "`df -h .` shows how full the disk is; `doit` goes on where there is room again",
    errno.EDQUOT: "`quota` shows how much you may store; `doit` goes on where there is room again",
    errno.EROFS: "records and logs stand in .bedplate beside pipeline.yaml: work in a copy that can be written",
    errno.EACCES: "records and logs stand in .bedplate beside pipeline.yaml: this user must be able to write there",
}


def unwritable(error: OSError, root: Path) -> StepError | None:
    """What a disk that is full or read-only comes to, in words; None for any other error."""
    if error.errno not in DISK:
        return None
    path = Path(error.filename) if isinstance(error.filename, (str, Path)) else root / ".bedplate"
    if error.errno == errno.EACCES and ".bedplate" not in path.parts:
        return None  # it may have been about reading
    place = path.relative_to(root) if path.is_relative_to(root) else path
    return StepError(f"cannot write {place}: {error.strerror}", DISK[error.errno])
