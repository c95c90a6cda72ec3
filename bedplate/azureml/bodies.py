"""azureml.bodies: what Azure ML's Resource Manager interface is sent (2024-04-01), from the nouns of `az ml`'s YAML."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from typing import Any, TypeAlias

from bedplate.azureml.documents import EnvironmentVersion, ModelVersion, OnlineDeployment, OnlineEndpoint
from bedplate.model import Route

Body: TypeAlias = dict[str, Any]  # JSON

AUTH = {"key": "Key", "aml_token": "AMLToken", "aad_token": "AADToken"}
IDENTITY = {"system_assigned": "SystemAssigned", "user_assigned": "UserAssigned"}
SCALE = {"default": "Default", "target_utilization": "TargetUtilization"}
CONTENT = "dev.bedplate.content"  # of a model that was sent from here: sha256 of its files
DURATIONS = ("timeout", "period", "initial_delay", "polling_interval")  # seconds in YAML, ISO 8601 on the wire


def content(body: Any) -> str:
    """16 hex digits that stand for a body; a name made of them is free or holds just this."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def environment(version: EnvironmentVersion, conda: str | None, context: str | None = None) -> Body:
    """`conda`: the text of its conda file; `context`: where what it is built from stands."""
    properties: Body = {"isAnonymous": False, "isArchived": False, "tags": dict(version.tags)}
    properties |= _given(
        image=version.image,
        build=_given(contextUri=context, dockerfilePath=version.build.dockerfile) if version.build else None,
        condaFile=conda,
        description=version.description,
        osType=_os(version.os_type),
    )
    if version.properties:
        properties["properties"] = dict(version.properties)
    config = version.inference_config
    if config is not None:
        properties["inferenceConfig"] = {
            "livenessRoute": _route(config.liveness_route),
            "readinessRoute": _route(config.readiness_route),
            "scoringRoute": _route(config.scoring_route),
        }
    return {"properties": properties}


def endpoint(made: OnlineEndpoint, workspace: str, location: str, traffic: Mapping[str, int]) -> Body:
    """`workspace`: ARM id. `traffic`: per cent by deployment."""
    settings = made.settings
    properties: Body = {
        "authMode": AUTH[settings.get("auth_mode", "key")],
        "traffic": dict(traffic),
        "mirrorTraffic": {},  # the spec has no word for it; a PUT without it would leave open what Azure does
    }
    if made.compute is not None:
        name = made.compute.removeprefix("azureml:")
        properties["compute"] = name if name.startswith("/") else f"{workspace}/computes/{name}"
    properties |= _given(
        description=settings.get("description"), publicNetworkAccess=_capital(settings.get("public_network_access"))
    )
    return {
        "location": location,
        "tags": dict(settings.get("tags", {})),
        "identity": _identity(settings.get("identity", {"type": "system_assigned"})),
        "properties": properties,
    }


def with_traffic(found: Mapping[str, Any], traffic: Mapping[str, int]) -> Body:
    """The whole endpoint as Azure told it, with other traffic: a PUT replaces all of it."""
    told = found.get("properties", {})
    kept = ("authMode", "compute", "description", "properties", "publicNetworkAccess")
    identity = found.get("identity") or {"type": "SystemAssigned"}
    mirrored = {name: share for name, share in (told.get("mirrorTraffic") or {}).items() if name.lower() not in traffic}
    users: Body = {one: {} for one in identity.get("userAssignedIdentities") or {}}
    return {
        "location": found["location"],
        "tags": found.get("tags") or {},
        "identity": {"type": identity["type"], **({"userAssignedIdentities": users} if users else {})},
        "properties": {
            **{key: told[key] for key in kept if told.get(key) is not None},
            "traffic": dict(traffic),
            "mirrorTraffic": mirrored,
        },
    }


def deployment(
    made: OnlineDeployment, location: str, environment: str | None, model: str | None, code: str | None
) -> Body:
    """`environment`, `model`, `code`: ids of versions that are there."""
    settings = made.settings
    properties: Body = {"endpointComputeType": "Kubernetes" if made.kubernetes else "Managed"}
    properties |= _given(
        environmentId=environment,
        model=model,
        instanceType=made.instance_type,
        environmentVariables=dict(made.variables),
        description=settings.get("description"),
        appInsightsEnabled=settings.get("app_insights_enabled", False),
        modelMountPath=settings.get("model_mount_path"),
        egressPublicNetworkAccess=_capital(settings.get("egress_public_network_access")),
        requestSettings=_request(settings.get("request_settings")),
        scaleSettings=_scale(settings.get("scale_settings")),
        dataCollector=_collector(settings.get("data_collector")),
        properties=settings.get("properties"),
    )
    for probe in ("liveness_probe", "readiness_probe"):
        if probe in settings:
            properties[_camel(probe)] = _named(settings[probe])
    if code is not None:
        properties["codeConfiguration"] = _given(codeId=code, scoringScript=made.scoring_script)
    if "resources" in settings:
        parts = settings["resources"]
        asked = {f"containerResource{key.title()}": _resources(parts[key]) for key in parts}
        properties["containerResourceRequirements"] = asked
    return {
        "location": location,
        "tags": dict(settings.get("tags", {})),
        "sku": {"name": "Default", **_given(capacity=_capacity(made))},
        "properties": properties,
    }


def model(datastore: str, path: str, told: ModelVersion, sha256: str) -> Body:
    """`datastore`: its ARM id; `path`: in it, of the file or folder; `sha256`: of what stands there."""
    uri = posixpath.join("azureml:/" + datastore.replace("/resourceGroups/", "/resourcegroups/"), "paths", path)
    uri = uri.replace("/providers/Microsoft.MachineLearningServices", "")
    return {
        "properties": {
            "modelType": told.type or "custom_model",
            "modelUri": uri,
            "isAnonymous": False,
            "isArchived": False,
            "tags": dict(told.tags),
            "properties": {**told.properties, CONTENT: sha256},
            **_given(description=told.description),
        }
    }


def with_collections(body: Body, ids: Mapping[str, str]) -> Body:
    """A deployment's, with the data asset that each of its collections is kept in. `ids`: ARM ids by collection."""
    properties = body["properties"]
    collector = properties["dataCollector"]
    told = {name: {**one, "dataId": ids[name]} for name, one in collector["collections"].items()}
    return {**body, "properties": {**properties, "dataCollector": {**collector, "collections": told}}}


def data(uri: str) -> Body:
    """A folder of a datastore as a data asset."""
    properties = {"dataType": "uri_folder", "dataUri": uri, "isAnonymous": False, "isArchived": False}
    return {"properties": {**properties, "tags": {}, "properties": {}}}


def code(uri: str, sha256: str) -> Body:
    return {"properties": {"codeUri": uri, "isAnonymous": True, "properties": {"hash_sha256": sha256}}}


def _capacity(made: OnlineDeployment) -> int | None:
    """None: the number is the scaling's own, and a PUT must not set it back."""
    scaled = (made.settings.get("scale_settings") or {}).get("type") == "target_utilization"
    return made.instance_count or (None if scaled else 1)


def _identity(said: Mapping[str, Any]) -> Body:
    users: Body = {one["resource_id"]: {} for one in said.get("user_assigned_identities", ())}
    return {"type": IDENTITY[said["type"]], **({"userAssignedIdentities": users} if users else {})}


def _request(said: Mapping[str, int] | None) -> Body | None:
    if said is None:
        return None
    names = {"request_timeout_ms": "requestTimeout", "max_queue_wait_ms": "maxQueueWait"}
    return {
        names.get(key, _camel(key)): _seconds(value / 1000) if key in names else value for key, value in said.items()
    }


def _scale(said: Mapping[str, Any] | None) -> Body | None:
    if said is None:
        return None
    return {"scaleType": SCALE[said["type"]], **_named({key: said[key] for key in said if key != "type"})}


def _collector(said: Mapping[str, Any] | None) -> Body | None:
    """Azure ML, "managed online deployment YAML schema", data_collector: one sampling rate stands for all."""
    if said is None:
        return None
    collections = {}
    for name, one in (said.get("collections") or {}).items():
        on = str(one.get("enabled", "false")).lower() == "true"
        rate = one.get("sampling_rate", said.get("sampling_rate"))
        collections[name] = {
            "dataCollectionMode": "Enabled" if on else "Disabled",
            **_given(samplingRate=rate, clientId=one.get("client_id")),
        }
    headers = (said.get("request_logging") or {}).get("capture_headers")
    logged = {"captureHeaders": list(headers)} if headers else None
    return {
        "collections": collections,
        **_given(rollingRate=_capital(said.get("rolling_rate")), requestLogging=logged),
    }


def _named(said: Mapping[str, Any]) -> Body:
    return {_camel(key): _seconds(value) if key in DURATIONS else value for key, value in said.items()}


def _resources(said: Mapping[str, str]) -> Body:
    return {"gpu" if key == "nvidia.com/gpu" else key: value for key, value in said.items()}


def _route(route: Route) -> Body:
    return {"port": route.port, "path": route.path}


def _seconds(value: float) -> str:
    return f"PT{value:g}S"


def _os(said: str | None) -> str | None:
    return said.capitalize() if said else None


def _capital(said: str | None) -> str | None:
    return said.capitalize() if said else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _given(**values: Any) -> Body:
    return {key: value for key, value in values.items() if value is not None}
