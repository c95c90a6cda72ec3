"""Microsoft's OpenAPI documents: where they lie, and which of them describes a request."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPECS = Path(__file__).parents[4] / "shared" / "azure-specs"

_ML = "machinelearningservices/resource-manager/Microsoft.MachineLearningServices/stable/2024-04-01"
_ACR = "containerregistry/resource-manager/Microsoft.ContainerRegistry"
# file, and the paths in it that a client of this project could ask for
FILES = {
    "ml": (
        f"{_ML}/mfe.json",
        "/workspaces/[^/]*/(environments|models|codes|data|datastores|onlineEndpoints)",
    ),
    "workspaces": (f"{_ML}/machineLearningServices.json", "/workspaces(/{workspaceName})?(/computes/{computeName})?$"),
    "registries": (f"{_ACR}/stable/2023-07-01/containerregistry.json", "/registries|Availability"),
    "tasks": (
        f"{_ACR}/preview/2019-06-01-preview/containerregistry_build.json",
        "/(runs.*|scheduleRun|listBuildSourceUploadUrl)$",
    ),
    "login server": (
        "containerregistry/data-plane/Azure.ContainerRegistry/stable/2021-07-01/containerregistry.json",
        "^/(v2/$|acr/|oauth2/)",  # images are docker-registry's
    ),
}


@dataclass(frozen=True)
class Document:
    """`version`: the api-version it describes. `root`: its content; `keep`: the paths that count."""

    name: str
    path: Path
    keep: str
    version: str
    templates: tuple[tuple[str, re.Pattern[str]], ...]

    @property
    def root(self) -> Any:
        return _load(self.path)

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The description of what is asked: the template with the fewest parameters wins (OpenAPI, Paths Object)."""
        found = [t for t, pattern in self.templates if pattern.fullmatch(path)]
        for template in sorted(found, key=lambda t: t.count("{")):
            operation: dict[str, Any] | None = self.root["paths"][template].get(method.lower())
            if operation is not None:
                return operation
        return None


@functools.cache
def documents() -> tuple[Document, ...]:
    return tuple(_document(name, SPECS / file, keep) for name, (file, keep) in FILES.items())


def describing(method: str, path: str) -> Document | None:
    """The document that describes this request; None where we hold none (sign-in, subscriptions, blobs, scoring)."""
    return next((d for d in documents() if d.operation(method, path) is not None), None)


def _document(name: str, path: Path, keep: str) -> Document:
    root = _load(path)
    templates = []
    for template in root["paths"]:
        if "?" in template or not re.search(keep, template):
            continue
        segment = "(.+)" if name == "login server" else "([^/]+)"
        templates.append((template, re.compile(re.sub(r"\{[^}]*\}", segment, template), re.IGNORECASE)))
    return Document(name, path, keep, root["info"]["version"], tuple(templates))


@functools.cache
def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8-sig"))
