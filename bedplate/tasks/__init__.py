"""tasks: the spec's tasks as doit knows them; the only place that imports doit."""

from __future__ import annotations

import os
import sys
from pathlib import Path

LINES = """\
    [tool.doit]
    loader = "bedplate"
    plugins.loader.bedplate = "bedplate.tasks.loader:Loader"
    plugins.backend.bedplate = "bedplate.tasks.database:Database"
    plugins.command.run = "bedplate.tasks.run:Run"
    plugins.command.plan = "bedplate.tasks.plan:Plan"
    plugins.command.lock = "bedplate.tasks.lock:Lock"
    plugins.command.outdated = "bedplate.tasks.lock:Outdated"
    plugins.command.inputs = "bedplate.tasks.inputs:Inputs"
    plugins.command.check = "bedplate.tasks.check:Check"
"""


def pipeline(dodo: str) -> None:
    """Says in a dodo.py that the tasks of the pipeline.yaml beside it belong here.

    doit reads its configuration in the current folder only: started from a subfolder (`doit -k`) it finds the dodo.py
    but not the tasks. It is then started once more, in the dodo's folder."""
    if "bedplate.tasks.loader" in sys.modules:
        return
    folder = Path(dodo).resolve().parent
    if _configured(folder) and os.environ.get("BEDPLATE_STARTED_IN") != str(folder):
        os.environ["BEDPLATE_STARTED_IN"] = str(folder)
        os.environ.pop("DOIT_SEEK_FILE", None)
        os.chdir(folder)
        # the script: `python -m doit` would put the project's folder first on the path
        script = Path(sys.executable).with_name("doit")
        doit = [str(script)] if script.exists() else ["-m", "doit"]
        os.execv(sys.executable, [sys.executable, *doit, *(a for a in sys.argv[1:] if a not in ("-k", "--seek-file"))])
    from doit.exceptions import InvalidDodoFile

    raise InvalidDodoFile(
        f"{folder / 'pyproject.toml'}: doit is not told about Bedplate here\n"
        f"  hint: put these lines into pyproject.toml beside dodo.py\n\n{LINES}"
    )


def _configured(folder: Path) -> bool:
    files = (folder / name for name in ("pyproject.toml", "doit.cfg"))
    return any("bedplate.tasks.loader" in f.read_text(encoding="utf-8") for f in files if f.exists())
