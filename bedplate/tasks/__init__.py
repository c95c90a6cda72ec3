"""tasks: the spec's tasks as doit knows them; the only place that imports doit."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def pipeline(dodo: str) -> None:
    """Says in a dodo.py that the tasks of the pipeline.yaml beside it belong here.

    doit reads its configuration in the current folder only. Started from a subfolder (`doit -k`) it would find the
    dodo.py but no tasks: it is then started once more, where the configuration is."""
    if "bedplate.tasks.loader" in sys.modules:
        return
    folder = Path(dodo).resolve().parent
    if Path.cwd() != folder or os.environ.get("BEDPLATE_RESTARTED") != str(folder):
        # doit has changed to the dodo's folder by now; what it was given as options still holds there
        arguments = [a for a in sys.argv[1:] if a not in ("-k", "--seek-file")]
        os.environ["BEDPLATE_RESTARTED"] = str(folder)
        os.chdir(folder)
        if _configured(folder):
            environment = {k: v for k, v in os.environ.items() if k != "DOIT_SEEK_FILE"}
            os.execve(sys.executable, [sys.executable, *_doit(), *arguments], environment)
    from doit.exceptions import InvalidDodoFile

    raise InvalidDodoFile(
        f"{folder / 'pyproject.toml'}: doit is not told about Bedplate here\n"
        "  hint: put these lines into pyproject.toml beside dodo.py\n\n" + LINES
    )


LINES = """\
    [tool.doit]
    loader = "bedplate"
    [tool.doit.plugins.loader]
    bedplate = "bedplate.tasks.loader:Loader"
    [tool.doit.plugins.backend]
    bedplate = "bedplate.tasks.database:Database"
    [tool.doit.plugins.reporter]
    bedplate = "bedplate.tasks.reporter:Reporter"
    [tool.doit.plugins.command]
    run = "bedplate.tasks.run:Run"
"""


def _configured(folder: Path) -> bool:
    files = (folder / name for name in ("pyproject.toml", "doit.cfg"))
    return any("bedplate.tasks.loader" in f.read_text(encoding="utf-8") for f in files if f.exists())


def _doit() -> list[str]:
    # `python -m doit` puts the current folder first on the path; the script does not
    script = Path(sys.argv[0])
    return [str(script)] if script.name == "doit" else ["-m", "doit"]
