"""endpoint_wanted: the endpoint and the deployment that the spec asks for, as Azure is told of them."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate import labels
from bedplate.azureml import bodies as azureml_bodies
from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml import drift, ignored
from bedplate.azureml.documents import EnvironmentVersion, ModelVersion, OnlineDeployment, OnlineEndpoint
from bedplate.azureml.refs import AssetRef
from bedplate.clients import azureml_assets, azureml_environments, azureml_storage, azureml_versions
from bedplate.clients.azure.versions import ML
from bedplate.clients.azureml_assets import Upload
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import Environment, OnlineEndpointDeploy, ServiceEntry
from bedplate.step import Clients, Given

if TYPE_CHECKING:
    from steps.deploy.online_endpoint import Inputs

SERVICE = "bedplate.service"
OWN_NAME = re.compile(r"v-[0-9a-f]{16}")  # of a deployment: the hash of its content
SERVED_BY_AZURE = ("mlflow_model", "triton_model")  # models for which Azure ML has server and packages of its own


@dataclass(frozen=True)
class Wanted:
    """Bodies for the Resource Manager with their ARM ids, and the same for `az ml`.

    The deployment's name is a hash of all that makes it another one."""

    name: str
    endpoint: str
    place: str
    body: dict[str, Any]
    endpoint_place: str
    endpoint_body: dict[str, Any]
    documents: tuple[OnlineEndpoint, OnlineDeployment]


def wanted(inputs: Inputs, given: Given, clients: Clients, *, send: bool) -> Wanted:
    """`send`: model and code are sent where Azure has them not; else nothing is changed there. Raises StepError."""
    made = _described(inputs, given, clients)
    environment, model, code = _Assets(made, inputs, given, clients, send).ids()
    workspace = clients.azure.workspace_id
    location = _location(clients)
    own = {labels.PROJECT: inputs.project, SERVICE: inputs.service}
    made = replace(made, settings={**made.settings, "tags": {**made.settings.get("tags", {}), **own}})
    entry = OnlineEndpointDeploy(None, inputs.compute, None, 1, False, None, inputs.settings)
    endpoint = azureml_yaml.endpoint(made.endpoint, entry)
    told = {**endpoint.settings.get("tags", {}), labels.PROJECT: inputs.project}
    endpoint = replace(endpoint, settings={**endpoint.settings, "tags": told})
    body = azureml_bodies.deployment(made, location, environment, model, code)
    name = f"v-{azureml_bodies.content([drift.fixed(body), own])}"
    if "data_collector" in made.settings:
        body = _collecting(body, made, name, clients, send=send)
    place = f"{workspace}/onlineEndpoints/{made.endpoint}"
    made = replace(
        made,
        name=name,
        environment=_ref(environment, "environments", workspace),
        model=_ref(model, "models", workspace),
    )
    return Wanted(
        name=name,
        endpoint=made.endpoint,
        place=f"{place}/deployments/{name}",
        body=body,
        endpoint_place=place,
        endpoint_body=azureml_bodies.endpoint(endpoint, workspace, location, {}),
        documents=(endpoint, made),
    )


def _described(inputs: Inputs, given: Given, clients: Clients) -> OnlineDeployment:
    """The deployment as `az ml` would be told of it; its name is found later, from its content."""
    if inputs.from_:
        from bedplate.azureml import read as azureml_read

        read = azureml_read.deployment(inputs.from_, clients.root)
        return read if read.code else replace(read, code=inputs.code, scoring_script=inputs.entry_script)
    entry = OnlineEndpointDeploy(
        inputs.endpoint, inputs.compute, inputs.instance_type, inputs.instance_count, False, None, inputs.settings
    )
    service = ServiceEntry(inputs.service, "", None, inputs.code, inputs.entry_script, ())
    environment = AssetRef("", "environments", given.one(Environment).name, None, None)
    return azureml_yaml.deployment("", inputs.endpoint, service, entry, environment, None, inputs.variables)


class _Assets:
    """Ids of environment, model and code; what the YAML of a team does not name is the service's."""

    def __init__(self, made: OnlineDeployment, inputs: Inputs, given: Given, clients: Clients, send: bool) -> None:
        self._made, self._inputs, self._given, self._clients, self._send = made, inputs, given, clients, send
        self._azure = clients.azure

    def ids(self) -> tuple[str | None, str | None, str | None]:
        inputs, root = self._inputs, self._clients.root
        sets = list(self._given.file_sets)
        code = azureml_assets.upload(inputs.code, sets.pop(0), root) if inputs.code is not None else None
        _check_entry_script(inputs, root)
        model = None
        if inputs.model_path is not None and not inputs.registered:
            model = azureml_assets.upload(inputs.model_path, sets.pop(0), root)
        return self._environment(), self._model(model), self._code(code)

    def _environment(self) -> str | None:
        told, model = self._made.environment, self._made.model
        if self._inputs.from_ and isinstance(told, AssetRef) and not self._made_here(told):
            return self._id(told)
        if isinstance(told, EnvironmentVersion):
            return self._version(told)
        if told is None and isinstance(model, ModelVersion) and model.type in SERVED_BY_AZURE:
            return None
        return self._given.one(Environment).reference

    def _made_here(self, told: AssetRef) -> bool:
        """Is it the environment that this run has made from a YAML in which it has that name and version?"""
        from bedplate.azureml import read as azureml_read

        spec = self._clients.spec
        path = spec.environments[spec.services[self._inputs.service].environment].from_
        if path is None or told.scope:
            return False
        own = azureml_read.environment(path, self._clients.root)
        return told.name == own.name and told.version in (None, own.version)

    def _version(self, told: EnvironmentVersion) -> str:
        """An environment that stands in the YAML itself: a version named by its content."""
        _, body = azureml_environments.described(self._azure, told, self._clients.root)
        name, version = told.name or self._inputs.service, azureml_bodies.content(body)
        place = f"{self._azure.workspace_id}/environments/{name}/versions/{version}"
        if self._send:
            azureml_environments.put(self._azure, place, told, body, self._clients.root, self._clients.log)
        return place

    def _model(self, own: Upload | None) -> str | None:
        inputs, told = self._inputs, self._made.model
        if isinstance(told, AssetRef):
            return self._id(told)
        if isinstance(told, ModelVersion):
            named = told if told.name else replace(told, version=None)
            return self._sent_model(told.name or inputs.service, self._read(told.path), named)
        if inputs.registered:
            return azureml_assets.registered(self._azure, inputs.registered)
        if own is None or not inputs.model:
            return None
        return self._sent_model(inputs.model, own, ModelVersion("", tags={"version": inputs.model_version}))

    def _sent_model(self, name: str, sent: Upload, told: ModelVersion) -> str:
        if not self._send:
            return azureml_assets.model_place(self._azure, name, sent, told.version)
        return azureml_assets.model(self._azure, name, sent, self._clients.log, told)

    def _code(self, own: Upload | None) -> str | None:
        told = self._made.code
        if isinstance(told, AssetRef):
            return self._id(told)
        if self._inputs.from_ and told is not None:
            own = self._read(told)
        if own is None:
            return None
        if not self._send:
            return azureml_assets.code_place(self._azure, own)
        return azureml_assets.code(self._azure, own, self._clients.log)

    def _read(self, path: str) -> Upload:
        """The files at a path that only the YAML names."""
        if "://" in path or path.startswith("azureml:"):
            hint = "register it, and name it azureml:NAME:VERSION"
            raise StepError(f"{path}: only files of the project are sent", hint)
        return azureml_assets.at(path, self._clients.root)

    def _id(self, reference: AssetRef) -> str:
        return azureml_versions.found(self._azure, reference, self._clients.log)


def _check_entry_script(inputs: Inputs, root: Path) -> None:
    if inputs.code is None or inputs.entry_script is None:
        return
    folder, script = root / inputs.code, posixpath.normpath(inputs.entry_script)
    if ignored.in_folder(folder)(script):
        file = next(name for name in ignored.FILES if (folder / name).is_file())
        hint = f"add the line `!{script}` there, or take out what names it"
        raise StepError(f"{inputs.code}/{file}: it leaves out {script}, the entry_script", hint)


def _collecting(
    body: dict[str, Any], made: OnlineDeployment, name: str, clients: Clients, *, send: bool
) -> dict[str, Any]:
    """With a data asset for each collection, named and placed as `az ml` does where the YAML says nothing else."""
    ids = {}
    for collection, one in (made.settings["data_collector"].get("collections") or {}).items():
        told = one.get("data") or {}
        below = f"modelDataCollector/{made.endpoint}/{name}/{collection}"
        uri = told.get("path") or f"azureml://datastores/{azureml_storage.DATASTORE}/paths/{below}"
        asset, version = told.get("name") or f"{made.endpoint}-{name}-{collection}", told.get("version") or 1
        ids[collection] = f"{clients.azure.workspace_id}/data/{asset}/versions/{version}"
        if send:
            what = f"data asset {asset}:{version}"
            azureml_assets.put_version(clients.azure, ids[collection], azureml_bodies.data(uri), clients.log, what)
    return azureml_bodies.with_collections(body, ids)


def _location(clients: Clients) -> str:
    place = clients.azure.workspace_id
    workspace = clients.azure.get(place, ML)
    if workspace is None:
        hint = "correct `workspace.name`; `az ml workspace list` shows what there is"
        raise StepError(f"there is no workspace {place.rpartition('/')[2]}", hint)
    return str(workspace["location"])


def _ref(id: str | None, collection: str, workspace: str) -> AssetRef | None:
    """As `az ml` is told of a version: by name, where it is the workspace's own."""
    if id is None:
        return None
    head, _, version = id.rpartition("/versions/")
    if head.lower().startswith(f"{workspace}/{collection}/".lower()):
        return AssetRef("", collection, head.rpartition("/")[2], version, None)
    return AssetRef.parse(id if id.startswith("azureml:") else f"azureml:{id}", collection)
