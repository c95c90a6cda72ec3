"""azureml_versions: which version of an asset a reference means, as the workspace knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedplate.azureml.refs import AssetRef
from bedplate.clients.azure.versions import ML
from bedplate.errors import StepError

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.log import Log

LATEST = "latest"  # the one label that `az ml` knows of a workspace's own assets
CURATED = "AzureML-"  # names of Microsoft's own environments, which the service completes itself
NEWEST_FIRST = "%24orderBy=createdtime%20desc&%24top=1"


def found(azure: Azure, reference: AssetRef, log: Log) -> str:
    """The id to be told to Azure: of a version that is there. StepError: it is not, or the reference leaves it open.

    `@latest` is the version that was made last, which is noted. What stands in a registry or in another workspace is
    handed on as it stands."""
    what = reference.collection.removesuffix("s")
    if reference.scope:
        if not reference.version and not reference.label:
            raise _open(reference)
        if reference.label:
            log.note(f"{what} {reference}: which version that is, Azure ML decides when it deploys")
        return str(reference).removeprefix("azureml:") if reference.scope.startswith("/") else str(reference)
    if reference.name.startswith(CURATED) and reference.collection == "environments":
        return str(reference)
    above = f"{azure.workspace_id}/{reference.collection}/{reference.name}"
    if reference.version:
        if azure.get(f"{above}/versions/{reference.version}", ML) is None:
            newest = _newest(azure, above)
            others = f"its latest version is {newest}" if newest else f"`az ml {what} list` shows what there is"
            raise StepError(f"the workspace has no {what} {reference.name}:{reference.version}", others)
        return f"{above}/versions/{reference.version}"
    if reference.label != LATEST:
        raise _open(reference)
    version = _newest(azure, above)
    if version is None:
        raise StepError(f"the workspace has no {what} {reference.name}", f"`az ml {what} list` shows what there is")
    log.note(f"{what} {reference} is version {version}")
    return f"{above}/versions/{version}"


def _newest(azure: Azure, above: str) -> str | None:
    listed = (azure.get(f"{above}/versions?{NEWEST_FIRST}", ML) or {}).get("value") or []
    return str(listed[0]["name"]) if listed else None


def _open(reference: AssetRef) -> StepError:
    hint = f"write azureml:{reference.name}:VERSION, or azureml:{reference.name}@{LATEST}"
    if reference.scope:
        hint = "name its version: .../versions/VERSION"
    if reference.label:
        return StepError(f"{reference}: of labels, a workspace knows @{LATEST} alone", hint)
    return StepError(f"{reference} names no version", hint)
