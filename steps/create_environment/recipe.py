"""recipe: the Dockerfile of an environment: a base, its packages, the inference server, the variables."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from bedplate.errors import StepError
from bedplate.frozen import dataclass

VERSION = 2  # goes up with every change to the text that is written here
SERVER = "azureml-inference-server-http"
BRINGS_SERVER = (SERVER, "azureml-defaults")
APP = "/var/azureml-app"
FOLDER = "/opt/environment"  # in the image: the dependency files as they were installed
VENV = f"{FOLDER}/venv"
PORT = 5001
CLEAN = "PYTHONDONTWRITEBYTECODE=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1"
PIP = "-m pip install --no-compile --no-cache-dir --progress-bar off"
# by content instead of by time: the same bytes in every build, and a server that is up three times as fast
COMPILE = (
    "-m compileall -q -j 0 --invalidation-mode unchecked-hash"
    """ "$(%s -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')" || true"""
)
# AML_APP_ROOT and AZUREML_ENTRY_SCRIPT are set by whoever runs it: the deploy step, or Azure ML
SERVE = (
    f'cd "${{AML_APP_ROOT:-{APP}}}"'
    f' && exec azmlinfsrv --entry_script "${{AZUREML_ENTRY_SCRIPT:-score.py}}" --port {PORT}'
)


@dataclass(frozen=True)
class Tools:
    """What was found in the base. `python`: absolute path. `managed`: its Python refuses `pip install` (PEP 668).

    `conda`: absolute path, None where it was not looked for. `user`: the image's own, "" for root."""

    python: str
    managed: bool
    conda: str | None
    user: str


def dockerfile(
    reference: str,
    tools: Tools,
    pip: Sequence[str],
    conda: Sequence[str],
    server: str,
    variables: Mapping[str, str],
) -> str:
    """`pip`, `conda`: the file to install and after it those that it includes; `server`: its version, "": add none.

    What seldom changes stands first, and no code of a service is in it: editing score.py installs nothing again."""
    lines = [f"FROM {reference}", "USER root"]

    lines += [f"COPY {json.dumps([path, f'{FOLDER}/{path}'])}" for path in (*conda, *pip)]
    python = tools.python
    if tools.conda is not None:
        folder = tools.conda.rpartition("/")[0]
        python = f"{folder}/python"
        lines.append(_run(f"{tools.conda} env update -n base -f {shlex.quote(f'{FOLDER}/{conda[0]}')}"))
        lines.append(f'ENV PATH="{folder}:$PATH"')
    elif tools.managed:
        # what the base has installed for its own Python stays usable
        # ensurepip compiles whatever it is told, and what it compiles differs each time
        tidy = f"find {VENV} -name __pycache__ -prune -exec rm -rf {{}} +"
        lines.append(_run(f"{python} -m venv --system-site-packages {VENV} && {tidy}"))
        lines.append(f'ENV PATH="{VENV}/bin:$PATH"')
        python = f"{VENV}/bin/python3"
    wanted = [f"-r {shlex.quote(f'{FOLDER}/{pip[0]}')}"] if pip else []
    if server:
        wanted.append(f"{SERVER}=={server}")
    if wanted:
        lines.append(_run(f"{python} {PIP} {' '.join(wanted)} && {{ {python} {COMPILE % python}; }}"))
    # else what a script prints before it fails comes after the failure, or never
    lines.append("ENV PYTHONUNBUFFERED=1")
    lines += [f"ENV {name}={_quoted(name, value)}" for name, value in variables.items()]
    # an entry point of the base would be given the command as its arguments
    lines += [f"EXPOSE {PORT}", f"WORKDIR {APP}", "ENTRYPOINT []", f"CMD {json.dumps(['/bin/sh', '-c', SERVE])}"]
    if tools.user not in ("", "root", "0"):
        lines.append(f"USER {tools.user}")
    return "\n".join(lines) + "\n"


def _run(command: str) -> str:
    return f"RUN export {CLEAN}; {command}"


def _quoted(name: str, value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value:
        raise StepError(f"variables.{name}: a value of several lines cannot stand in an image")
    for special in ("\\", '"', "$"):
        value = value.replace(special, f"\\{special}")
    return f'"{value}"'
