"""layout: where Azure ML puts code and model in a container, and how it tells them to it."""

from __future__ import annotations

from pathlib import PurePosixPath

from bedplate.frozen import dataclass
from bedplate.model import InferenceConfig

# Microsoft's own clients and services use these (azure-ai-ml's local endpoints, managed endpoints, SDK v1)
APP = "/var/azureml-app"
MODELS = f"{APP}/azureml-models"
SERVER_PORT = 5001  # azureml-inference-server-http's


@dataclass(frozen=True)
class Layout:
    """Absolute paths in the container. `code` and `model` are folders; None: the service has none."""

    code: str | None
    model: str | None
    variables: dict[str, str]


@dataclass(frozen=True)
class Routes:
    """Where the container listens: ports in the container, and paths."""

    scoring_port: int
    scoring_path: str
    ready_port: int
    ready_path: str


def layout(code: str | None, entry_script: str | None, model: str | None, version: str) -> Layout:
    """`code`: a folder of the project; `entry_script`: a file below it. `model`: its name.

    AML_APP_ROOT is the folder of the entry script. The model's file or folder keeps its own name below
    AZUREML_MODEL_DIR/<model>/<version>/."""
    variables = {}
    root = None
    if code is not None:
        root = str(PurePosixPath(APP) / (PurePosixPath(code).name or "code"))
        script = PurePosixPath(root) / (entry_script or "score.py")
        variables["AML_APP_ROOT"] = str(script.parent)
        if entry_script:
            variables["AZUREML_ENTRY_SCRIPT"] = script.name
    if model is None:
        return Layout(root, None, variables)
    variables["AZUREML_MODEL_DIR"] = MODELS
    return Layout(root, f"{MODELS}/{model}/{version}", variables)


def routes(config: InferenceConfig | None) -> Routes:
    """Those of the spec, else the inference server's: POST /score, GET / (Azure ML, "inference HTTP server")."""
    if config is None:
        return Routes(SERVER_PORT, "/score", SERVER_PORT, "/")
    scoring, ready = config.scoring_route, config.readiness_route
    return Routes(scoring.port, scoring.path, ready.port, ready.path)
