"""azureml.rules: the keys of Azure ML's v2 YAML, as `az ml` takes them (azure-ai-ml 1.35, its schemas)."""

from __future__ import annotations

from collections.abc import Mapping

from bedplate.specfile.rules import Rule

# what `az ml ... show` prints and `az ml ... create` passes over
READ_ONLY = ("$schema", "id", "creation_context", "latest_version", "provisioning_state")
MANAGED_ONLY = ("egress_public_network_access", "private_network_connection")
KUBERNETES_ONLY = ("resources",)

_ANY = Rule((), "")
_TEXT = Rule(("string",), "")
_WHOLE = Rule(("integer",), "")
_TRUTH = Rule(("boolean",), "")
_NAME = Rule(
    ("string",),
    "letters, digits, '.', '_' and '-', beginning with a letter or digit, 255 at most",
    pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z",
)
_ENDPOINT = Rule(
    ("string",),
    "3 to 32 letters, digits and '-', beginning with a letter and not ending with '-'",
    pattern=r"^[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]\Z",
)
_IMAGE = Rule(
    ("string",),
    "an image such as mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest",
    pattern=r"^(?!azureml:)[^\s${}]+\Z",
)
_MAP = Rule(("object",), "", others=_ANY)
_SWITCH = Rule(("string",), "", enum=("enabled", "disabled"))


def _closed(properties: Mapping[str, Rule], *required: str) -> Rule:
    return Rule(("object",), "", properties=properties, required=required)


_ROUTE = _closed({"port": Rule(("integer",), "", minimum=1, maximum=65535), "path": _TEXT}, "port", "path")
_ROUTES = _closed(
    {"liveness_route": _ROUTE, "readiness_route": _ROUTE, "scoring_route": _ROUTE},
    *("liveness_route", "readiness_route", "scoring_route"),
)
_SHOWN = dict.fromkeys(READ_ONLY, _ANY)
_ASSET = {**_SHOWN, "name": _NAME, "version": _ANY, "description": _TEXT, "tags": _MAP}
_ENVIRONMENT = {
    **_ASSET,
    "image": _IMAGE,
    "build": _closed({"path": _TEXT, "dockerfile_path": _TEXT}),
    "conda_file": _ANY,  # a path, or what would stand in that file
    "inference_config": _ROUTES,
    "os_type": Rule(("string",), "", enum=("linux", "windows", "Linux", "Windows")),
    "datastore": _TEXT,
}
ENVIRONMENT = _closed(_ENVIRONMENT, "name")
ENVIRONMENT_INLINE = _closed(_ENVIRONMENT)
MODEL = _closed(
    {
        **_ASSET,
        "properties": _MAP,
        "type": Rule(("string",), "", enum=("custom_model", "mlflow_model", "triton_model")),
        "path": _TEXT,
        "stage": _TEXT,
        "flavors": Rule(("object",), "", others=_ANY),
        "datastore": _TEXT,
    }
)

_PROBE = _closed(
    dict.fromkeys(("period", "initial_delay", "timeout", "success_threshold", "failure_threshold"), _WHOLE)
)
_AMOUNTS = _closed(dict.fromkeys(("cpu", "memory", "nvidia.com/gpu"), _TEXT))
DEPLOYMENT = _closed(
    {
        **_SHOWN,
        "name": _NAME,
        "endpoint_name": _ENDPOINT,
        "type": Rule(("string",), "", enum=("managed", "kubernetes")),
        "description": _TEXT,
        "tags": _MAP,
        "properties": _MAP,
        "model": _ANY,  # a reference, or the thing itself, which is held against its own rule
        "model_mount_path": _TEXT,
        "code_configuration": _closed({"code": _TEXT, "scoring_script": _TEXT}),
        "environment": _ANY,
        "environment_variables": _MAP,
        "app_insights_enabled": _TRUTH,
        "scale_settings": _closed(
            {
                "type": Rule(("string",), "", enum=("default", "target_utilization")),
                **dict.fromkeys(
                    ("polling_interval", "target_utilization_percentage", "min_instances", "max_instances"), _WHOLE
                ),
            },
            "type",
        ),
        "request_settings": _closed(
            dict.fromkeys(("request_timeout_ms", "max_concurrent_requests_per_instance", "max_queue_wait_ms"), _WHOLE)
        ),
        "liveness_probe": _PROBE,
        "readiness_probe": _PROBE,
        "instance_type": _TEXT,
        "instance_count": Rule(("integer",), "", minimum=1),
        "data_collector": Rule(("object",), "", others=_ANY),
        "egress_public_network_access": _SWITCH,
        "private_network_connection": _TRUTH,
        "resources": _closed({"requests": _AMOUNTS, "limits": _AMOUNTS}),
    },
    *("name", "endpoint_name"),
)
