"""azureml.v1_scripts: what a user runs to deploy the files of v1: a line of its CLI, or a program with its SDK."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from bedplate.azureml.v1 import PASSWORD, SETTINGS, USERNAME, Pull, flat
from bedplate.frozen import dataclass
from bedplate.model import EnvSecret, FileSecret, SecretSource, Workspace

CONFIGURATION = {"local": "LocalWebservice", "aci": "AciWebservice", "aks": "AksWebservice"}


@dataclass(frozen=True)
class RegisteredModel:
    """`path`: of its file or folder, as seen from the folder of the script; None: Azure ML holds it already."""

    name: str
    version: str
    path: str | None


@dataclass(frozen=True)
class Service:
    """Paths are as seen from the folder that the script lies in; `root` leads from there to the project."""

    name: str
    model: RegisteredModel | None
    entry_script: str
    source: str
    environment: str  # folder with the files of the environment
    root: str
    compute_type: str
    compute_target: str | None
    settings: Mapping[str, Any]
    workspace: Workspace | None


def cli(service: Service) -> str:
    """`deploy.sh`: for an image that the workspace can pull by itself."""
    where = _where(service.workspace)
    line = ["az", "ml", "model", "deploy", "-n", service.name]
    if service.model:
        line += ["-m", f"{service.model.name}:{service.model.version}"]
    line += ["--ic", "inferenceconfig.json", "--dc", "deploymentconfig.json"]
    line += ["--ct", service.compute_target] if service.compute_target else []
    register = ""
    if service.model and service.model.path:
        first = ["az", "ml", "model", "register", "-n", service.model.name, "-p", service.model.path, *where]
        register = (
            f"# Registers the model first, once for each version: v1 counts them itself, and {service.model.version}"
            f" is meant here.\n#   {shlex.join(first)}\n"
        )
    return (
        "#!/bin/sh\n"
        f"# Deploys service {service.name} with version 1 of Azure ML's CLI: `az extension add -n azure-cli-ml`.\n"
        "# Bedplate writes this folder; what you change in it is lost. `./deploy.sh --overwrite` replaces a service.\n"
        'set -eu\ncd "$(dirname "$0")"\n'
        f'{register}{shlex.join([*line, *where])} "$@"\n'
    )


def sdk(service: Service, pull: Pull | None) -> str:
    """`deploy.py`: for an image in a private registry, which only the SDK can name a user for."""
    configuration = CONFIGURATION[service.compute_type]
    config = {SETTINGS[service.compute_type][key]: value for key, value in flat(service.settings).items()}
    arguments = ", ".join(f"{key}={value!r}" for key, value in config.items())
    target = f", deployment_target=AksCompute(ws, {service.compute_target!r})" if service.compute_type == "aks" else ""
    models, register = _model(service.model)
    parts = [
        f'"""Deploys service {service.name} with version 1 of Azure ML\'s SDK.',
        "",
        """Before: `pip install azureml-core "setuptools<81"`; azureml-core needs what later setuptools lack.""",
        "Version 1 of the CLI takes no images from a private registry: only the SDK can say who pulls.",
        "Bedplate writes this folder; what you change in it is lost.",
        "`python deploy.py --overwrite` replaces a service.",
        '"""',
        "",
        "import os",
        "import sys",
        "from pathlib import Path",
        "",
        f"from azureml.core.webservice import {configuration}",
        "from azureml.core import Environment, Workspace",
        *(["from azureml.core.compute import AksCompute"] if target else []),
        "from azureml.core.model import InferenceConfig, Model",
        *(["from azureml.exceptions import WebserviceException"] if register else []),
        "",
        "HERE = Path(__file__).resolve().parent",
        "",
        "",
        "def variable(name):",
        '    """An environment variable that must be set."""',
        "    if not os.environ.get(name):",
        '        sys.exit(f"{name} is not set: the registry is pulled from with it")',
        "    return os.environ[name]",
        "",
        "",
        *register,
        f"environment = Environment.load_from_directory(str(HERE / {service.environment!r}))",
        *_credentials(pull, service.root),
        f"ws = {_workspace(service.workspace)}",
        "service = Model.deploy(",
        "    ws,",
        f"    {service.name!r},",
        f"    [{models}],",
        f"    InferenceConfig(entry_script={service.entry_script!r}, source_directory=str(HERE / {service.source!r}), "
        "environment=environment),",
        f"    {configuration}.deploy_configuration({arguments}),",
        f"    overwrite='--overwrite' in sys.argv[1:]{target},",
        ")",
        "service.wait_for_deployment(show_output=True)",
        "print(service.state)",
    ]
    return "\n".join(parts) + "\n"


def _where(workspace: Workspace | None) -> list[str]:
    if workspace is None:
        return []
    subscription = ["--subscription-id", workspace.subscription] if workspace.subscription else []
    return ["-w", workspace.name, "-g", workspace.resource_group, *subscription]


def _workspace(workspace: Workspace | None) -> str:
    if workspace is None:
        return "Workspace.from_config()"
    subscription = f", subscription_id={workspace.subscription!r}" if workspace.subscription else ""
    return f"Workspace.get({workspace.name!r}{subscription}, resource_group={workspace.resource_group!r})"


def _model(model: RegisteredModel | None) -> tuple[str, list[str]]:
    """The expression for the model, and the lines of the function that it calls."""
    if model is None:
        return "", []
    held = f"Model(ws, name={model.name!r}, version={int(model.version)})"
    if model.path is None:
        return held, []
    return "model(ws)", [
        "def model(ws):",
        '    """The registered model; it is registered first where the workspace does not have it."""',
        "    try:",
        f"        return {held}",
        "    except WebserviceException:",
        f"        return Model.register(ws, model_path=str(HERE / {model.path!r}), model_name={model.name!r})",
        "",
        "",
    ]


def _credentials(pull: Pull | None, root: str) -> list[str]:
    """The lines that put in what stands in no file."""
    if pull is None:
        return []
    lines = ["registry = environment.docker.base_image_registry"]
    if not isinstance(pull.username, str):
        lines.append(f"registry.username = {_secret(pull.username, USERNAME, root)}")
    lines.append(f"registry.password = {_secret(pull.password, PASSWORD, root)}")
    return lines


def _secret(source: SecretSource | None, name: str, root: str) -> str:
    if isinstance(source, FileSecret):
        return f"(HERE / {root!r} / Path({source.file!r}).expanduser()).read_text().rstrip('\\n')"
    return f"variable({(source.env if isinstance(source, EnvSecret) else name)!r})"
