"""azureml.refs: references to what Azure ML holds, as its v2 YAML writes them."""

from __future__ import annotations

import re

from bedplate.frozen import dataclass

COLLECTIONS = ("environments", "models", "codes")


@dataclass(frozen=True)
class AssetRef:
    """A version of an asset. `scope`: "" for the target's workspace, else `registries/NAME` or a workspace's ARM id.

    One of `version` and `label` at most; none is the newest, which only the workspace knows."""

    scope: str
    collection: str  # environments | models | codes
    name: str
    version: str | None
    label: str | None

    @classmethod
    def parse(cls, text: str, collection: str) -> AssetRef:
        """`azureml:NAME:VERSION`, `azureml:NAME@LABEL`, `azureml:NAME`, `azureml://registries/R/COLLECTION/NAME/...`
        or `azureml:` and an ARM id. Raises ValueError, which says what is wrong."""
        if "${{" in text:
            raise ValueError("what stands in ${{ }} is filled in for jobs alone; write azureml:NAME:VERSION")
        bare = text[len("azureml:") :] if text.startswith("azureml:") else text
        if bare == text:
            raise ValueError(f"write azureml:{text}, if it is in Azure ML")
        if "/" in bare:
            return _path(bare, collection)
        found = re.fullmatch(rf"(?P<name>{_NAME})(?::(?P<version>{_NAME})|@(?P<label>{_NAME}))?", bare)
        if not found:
            raise ValueError("write azureml:NAME:VERSION or azureml:NAME@LABEL")
        return cls("", collection, found["name"], found["version"], found["label"])

    def __str__(self) -> str:
        if not self.scope:
            return (
                f"azureml:{self.name}"
                + (f":{self.version}" if self.version else "")
                + (f"@{self.label}" if self.label else "")
            )
        tail = f"/versions/{self.version}" if self.version else f"/labels/{self.label}" if self.label else ""
        head = f"azureml:{self.scope}" if self.scope.startswith("/") else f"azureml://{self.scope}"
        return f"{head}/{self.collection}/{self.name}{tail}"


def _path(bare: str, collection: str) -> AssetRef:
    found = _LONG.fullmatch(bare)
    if not found:
        raise ValueError("neither azureml://registries/NAME/... nor the id of something in a workspace")
    if found["collection"] != collection:
        raise ValueError(f"it is one of {found['collection']}; one of {collection} is wanted")
    scope = (found["registry"] or found["workspace"]).removeprefix("//")
    return AssetRef(scope, collection, found["name"], found["version"], found["label"])


_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_LONG = re.compile(
    rf"""(?x) ( (?P<registry> //registries/{_NAME})
    | (?P<workspace> /subscriptions/[^/\s]+/resourceGroups/[^/\s]+
        /providers/Microsoft\.MachineLearningServices/workspaces/[^/\s]+) )
    /(?P<collection> {"|".join(COLLECTIONS)} )/(?P<name> {_NAME} )
    (/versions/(?P<version> {_NAME} ) | /labels/(?P<label> {_NAME} ))?"""
)
