"""azureml_environments: an environment of Azure ML's with what it is made from: a conda file, a build context."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bedplate.azureml import bodies, read
from bedplate.azureml.documents import EnvironmentVersion
from bedplate.azureml.team_yaml import elsewhere
from bedplate.clients import azureml_assets, azureml_storage
from bedplate.clients.azure.versions import ML

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.clients.azureml_assets import Upload
    from bedplate.log import Log


def described(azure: Azure, told: EnvironmentVersion, root: Path) -> tuple[str | None, bodies.Body]:
    """The text of its conda file, and its body. Nothing is sent. Raises StepError."""
    conda = read.conda_text(told, root)
    return conda, bodies.environment(told, conda, _context(azure, told, root))


def put(azure: Azure, place: str, told: EnvironmentVersion, body: bodies.Body, root: Path, log: Log) -> None:
    """Writes the version where it is not there, once what its image is built from is."""
    sent = _sent(told, root)
    if sent is not None and azure.get(place, ML) is None:
        azureml_assets.send(azure, _above(sent), sent, log, f"build context {sent.name}")
    _, name, _, version = place.rsplit("/", 3)
    azureml_assets.put_version(azure, place, body, log, f"environment {name}:{version}")


def _context(azure: Azure, told: EnvironmentVersion, root: Path) -> str | None:
    """As `az ml` names it: the URL of a folder, which ends with a slash."""
    if told.build is None:
        return None
    sent = _sent(told, root)
    return f"{azureml_storage.url(azure)}/{_above(sent)}/{sent.name}/" if sent else told.build.path


def _sent(told: EnvironmentVersion, root: Path) -> Upload | None:
    """None: nothing of this project, but a URL."""
    if told.build is None or elsewhere(told.build.path):
        return None
    return azureml_assets.at(told.build.path, root)


def _above(sent: Upload) -> str:
    return f"LocalUpload/{sent.sha256}"
