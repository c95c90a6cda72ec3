"""azureml.v1: the files that Azure ML's first SDK and CLI read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bedplate.conda_file import CondaFile
from bedplate.frozen import dataclass
from bedplate.model import EnvSecret, FileSecret, SecretSource
from bedplate.yamlfile.written import written

Document: TypeAlias = dict[str, Any]  # JSON as azureml-core has it

# azureml.core.runconfig.DEFAULT_CPU_IMAGE of azureml-core 1.61
DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251002.v1"
USERNAME = "BASE_IMAGE_REGISTRY_USERNAME"  # read when deploying, where the spec does not say who pulls
PASSWORD = "BASE_IMAGE_REGISTRY_PASSWORD"
ENVIRONMENT_FILE, CONDA_FILE = "azureml_environment.json", "conda_dependencies.yml"

# what `az ml model deploy --dc` reads, by compute type: the file's key, and the SDK's argument (azureml-core,
# deploy_config_dict_to_obj); all else it would ignore without a word
_COMMON = {
    "containerResourceRequirements.cpu": "cpu_cores",
    "containerResourceRequirements.memoryInGB": "memory_gb",
    "authEnabled": "auth_enabled",
    "appInsightsEnabled": "enable_app_insights",
}
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "local": {"port": "port"},
    "aci": {
        **_COMMON,
        "location": "location",
        "sslEnabled": "ssl_enabled",
        "sslCertificate": "ssl_cert_pem_file",
        "sslKey": "ssl_key_pem_file",
        "cname": "ssl_cname",
        "dnsNameLabel": "dns_name_label",
        "vnetName": "vnet_name",
        "subnetName": "subnet_name",
    },
    "aks": {
        **_COMMON,
        "containerResourceRequirements.cpuLimit": "cpu_cores_limit",
        "containerResourceRequirements.memoryInGBLimit": "memory_gb_limit",
        "autoScaler.autoscaleEnabled": "autoscale_enabled",
        "autoScaler.minReplicas": "autoscale_min_replicas",
        "autoScaler.maxReplicas": "autoscale_max_replicas",
        "autoScaler.refreshPeriodInSeconds": "autoscale_refresh_seconds",
        "autoScaler.targetUtilization": "autoscale_target_utilization",
        "dataCollection.storageEnabled": "collect_model_data",
        "scoringTimeoutMs": "scoring_timeout_ms",
        "maxConcurrentRequestsPerContainer": "replica_max_concurrent_requests",
        "maxQueueWaitMs": "max_request_wait_time",
        "numReplicas": "num_replicas",
        "gpuCores": "gpu_cores",
        "livenessProbeRequirements.periodSeconds": "period_seconds",
        "livenessProbeRequirements.initialDelaySeconds": "initial_delay_seconds",
        "livenessProbeRequirements.timeoutSeconds": "timeout_seconds",
        "livenessProbeRequirements.successThreshold": "success_threshold",
        "livenessProbeRequirements.failureThreshold": "failure_threshold",
        "namespace": "namespace",
        "tokenAuthEnabled": "token_auth_enabled",
    },
}


@dataclass(frozen=True)
class Pull:
    """Who pulls an image from a private registry. The password stands in no file: `password` says where it is.

    None: it is asked for in the environment variables USERNAME and PASSWORD."""

    address: str  # host[:port]
    username: SecretSource | str | None
    password: SecretSource | None


def environment_folder(target: str, name: str) -> str:
    """Where the files of an environment stand, below the project's root."""
    return f"build/{target}/environments/{name}"


def service_folder(target: str, name: str) -> str:
    return f"build/{target}/services/{name}"


def environment(
    name: str, image: str, variables: Mapping[str, str], conda: CondaFile | None, pull: Pull | None
) -> Document:
    """The environment as `az ml model deploy --ic` takes it inline. `conda` None: the image brings all it needs."""
    python: Document = {
        "userManagedDependencies": conda is None,
        "interpreterPath": "python",
        "condaDependenciesFile": None,
        "baseCondaEnvironment": None,
    }
    if conda is not None:
        python["condaDependencies"] = conda.document()
    return {
        "name": name,
        "version": None,
        "environmentVariables": dict(variables),
        "python": python,
        "docker": {
            "enabled": False,
            "baseImage": image,
            "baseDockerfile": None,
            "buildContext": None,
            "sharedVolumes": True,
            "shmSize": "2g",
            "arguments": [],
            "baseImageRegistry": {
                "address": pull.address if pull else None,
                "username": _username(pull) if pull else None,
                "password": placeholder(pull.password, PASSWORD) if pull else None,
                "registryIdentity": None,
            },
            "platform": {"os": "Linux", "architecture": "amd64"},
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True},
        "databricks": {
            "mavenLibraries": [],
            "pypiLibraries": [],
            "rcranLibraries": [],
            "jarLibraries": [],
            "eggLibraries": [],
        },
        "r": None,
        # the apt packages that Azure ML's web service needs
        "inferencingStackVersion": None if conda is None else "latest",
        "assetId": None,
    }


def environment_files(document: Document) -> dict[str, str]:
    """By name, as Environment.save_to_directory writes them: the packages stand in a file of their own."""
    python = {key: value for key, value in document["python"].items() if key != "condaDependencies"}
    files = {ENVIRONMENT_FILE: text({**document, "python": python})}
    if "condaDependencies" in document["python"]:
        files[CONDA_FILE] = written(document["python"]["condaDependencies"])
    return files


def inference_config(entry_script: str, source_directory: str, inline: Document) -> Document:
    """`entry_script` relative to `source_directory`, which is relative to where `az` is called."""
    return {"entryScript": entry_script, "sourceDirectory": source_directory, "environment": inline}


def deployment_config(compute_type: str, settings: Mapping[str, Any]) -> Document:
    return {"computeType": compute_type, **settings}


def wrong_settings(compute_type: str, settings: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Settings that v1 ignores for this compute type or refuses together: the key and what to do."""
    known, given = SETTINGS[compute_type], flat(settings)
    wrong = []
    for key in given:
        if key == "containerResourceRequirements.gpu" and compute_type == "aks":
            wrong.append((key, f"v1 ignores it: write gpuCores: {given[key]}"))
        elif key not in known:
            others = [other for other, keys in SETTINGS.items() if key in keys]
            where = f"it is for compute_type {' and '.join(others)}" if others else "take it out"
            wrong.append((key, f"v1 ignores it for compute_type {compute_type}: {where}"))
    scaled = [key for key in given if key.startswith("autoScaler.") and key != "autoScaler.autoscaleEnabled"]
    if given.get("autoScaler.autoscaleEnabled") and "numReplicas" in given:
        wrong.append(("numReplicas", "autoScaler is enabled: keep one of them"))
    elif scaled and compute_type == "aks" and not given.get("autoScaler.autoscaleEnabled"):
        wrong.append((scaled[0], "write autoscaleEnabled: true beside it"))
    elif given.get("autoScaler.autoscaleEnabled") is False and "numReplicas" not in given:
        wrong.append(("autoScaler.autoscaleEnabled", "without scaling, write numReplicas"))
    if given.get("autoScaler.minReplicas", 0) > given.get("autoScaler.maxReplicas", float("inf")):
        wrong.append(("autoScaler.minReplicas", "it is more than maxReplicas"))
    if given.get("authEnabled") and given.get("tokenAuthEnabled"):
        wrong.append(("tokenAuthEnabled", "authEnabled is true: keep one of them"))
    if ("vnetName" in given) != ("subnetName" in given):
        wrong.append(("vnetName" if "vnetName" in given else "subnetName", "write both vnetName and subnetName"))
    return wrong


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`{autoScaler: {minReplicas: 1}}` is `{"autoScaler.minReplicas": 1}`."""
    pairs: dict[str, Any] = {}
    for key, value in settings.items():
        pairs.update({f"{key}.{k}": v for k, v in value.items()} if isinstance(value, Mapping) else {key: value})
    return pairs


def placeholder(source: SecretSource | None, variable: str) -> str:
    """What stands in a file in place of a secret: `${NAME}`, which says where deploying takes it from."""
    if isinstance(source, FileSecret):
        return f"${{file:{source.file}}}"
    return f"${{{source.env if isinstance(source, EnvSecret) else variable}}}"


def text(document: Document) -> str:
    return json.dumps(document, indent=4)


def _username(pull: Pull) -> str:
    return pull.username if isinstance(pull.username, str) else placeholder(pull.username, USERNAME)
