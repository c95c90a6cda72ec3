"""Every setting of a target, from pipeline.yaml to the wire: what azure-ai-ml would send for the same names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.azure.standin import StandIn
from tests.oracles import judge
from tests.steps.azureml.project import Project, held

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/pipeline.schema.json").read_bytes())
PROBE = {"initial_delay": 11, "period": 12, "timeout": 3, "success_threshold": 1, "failure_threshold": 5}
BOTH: dict[str, Any] = {
    "request_settings": {
        "request_timeout_ms": 5500,
        "max_concurrent_requests_per_instance": 2,
        "max_queue_wait_ms": 250,
    },
    "liveness_probe": PROBE,
    "readiness_probe": {**PROBE, "period": 7},
    "app_insights_enabled": True,
    "environment_variables": {"WORKER_COUNT": "2"},
    "tags": {"team": "iris"},
    "description": "flowers",
    "auth_mode": "aad_token",
    "model_mount_path": "/var/models",
    "instance_count": 2,
}
READER = (
    "/subscriptions/34b6d3b4-0b8c-4f0e-9d4e-6b1c5a1f0001/resourceGroups/rg/providers"
    "/Microsoft.ManagedIdentity/userAssignedIdentities/reader"
)
MANAGED = {
    **BOTH,
    "instance_type": "Standard_DS3_v2",
    "egress_public_network_access": "disabled",
    "public_network_access": "disabled",
    "scale_settings": {"type": "default"},
    "identity": {"type": "user_assigned", "user_assigned_identities": [{"resource_id": READER}]},
}
AMOUNTS = {"cpu": "0.5", "memory": "1Gi", "nvidia.com/gpu": "1"}
KUBERNETES = {
    **BOTH,
    "compute": "k8s",
    "instance_type": "defaultinstancetype",
    "scale_settings": {
        "type": "target_utilization",
        "min_instances": 1,
        "max_instances": 4,
        "polling_interval": 15,
        "target_utilization_percentage": 65,
    },
    "identity": {"type": "system_assigned"},
    "resources": {"requests": AMOUNTS, "limits": AMOUNTS},
}
OWN = {"kind", "endpoint", "keep_previous", "from"}  # not Azure ML's


def put(azure: StandIn, end: str) -> Any:
    """The body of the first PUT to an address that ends so."""
    return next(
        json.loads(one.body) for one in azure.recorder if one.method == "PUT" and re.search(f"{end}$", one.path)
    )


def theirs(noun: str, file: Path) -> Any:
    verdict = judge.v2(noun, file)
    assert verdict.accepted, verdict.said
    return json.loads(verdict.said.partition("\n")[2])


def plain(value: Any) -> Any:
    """Without what is empty; the spellings of a switch are one to Azure."""
    if isinstance(value, dict):
        cleaned = {key: plain(one) for key, one in value.items()}
        return {key: one for key, one in cleaned.items() if one not in (None, "", {}, [])}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.lower() if isinstance(value, str) else value


def test_no_setting_is_left_out_here() -> None:
    assert set(SCHEMA["$defs"]["onlineEndpoint"]["properties"]) - OWN == set(MANAGED) | set(KUBERNETES)


@pytest.mark.parametrize("settings", [MANAGED, KUBERNETES], ids=["managed", "kubernetes"])
def test_each_setting_is_sent_as_azure_ai_ml_sends_it(project: Project, azure: StandIn, settings: Any) -> None:
    held(azure).computes["k8s"] = "Kubernetes"
    project.edit(
        "{kind: online_endpoint, instance_type: Standard_DS3_v2}",
        json.dumps({"kind": "online_endpoint", **settings}),
    )
    project.deploy()
    folder = project.root / "build/azure/services/iris"

    ours, other = put(azure, "/onlineEndpoints/iris"), theirs("endpoint", folder / "endpoint.yml")
    ours["properties"]["compute"] = ours["properties"].get("compute", "").rpartition("/")[2]
    assert plain(ours) == plain(other)

    ours, other = put(azure, "/deployments/[^/]+"), theirs("deployment", folder / "deployment.yml")
    for body in (ours, other):  # offline their client has made-up ids
        for key in ("environmentId", "model"):
            assert body["properties"].pop(key)
        assert body["properties"]["codeConfiguration"].pop("codeId")
    assert plain(ours) == plain(other)
