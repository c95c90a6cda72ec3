"""What Azure ML is sent, as its document of 2024-04-01 names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bedplate.azureml import bodies
from bedplate.azureml.documents import EnvironmentVersion, ModelVersion, OnlineDeployment, OnlineEndpoint
from bedplate.model import InferenceConfig, Route

WS = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w"


def deployed(kubernetes: bool = False, **settings: Any) -> Any:
    made = OnlineDeployment("", "iris", kubernetes, None, None, None, "score.py", {"A": "b"}, "D2", 3, settings)
    return bodies.deployment(made, "westeurope", "E", "M", "C")


def test_a_managed_deployment() -> None:
    assert deployed() == {
        "location": "westeurope",
        "tags": {},
        "sku": {"name": "Default", "capacity": 3},
        "properties": {
            "endpointComputeType": "Managed",
            "environmentId": "E",
            "model": "M",
            "instanceType": "D2",
            "environmentVariables": {"A": "b"},
            "appInsightsEnabled": False,
            "codeConfiguration": {"codeId": "C", "scoringScript": "score.py"},
        },
    }


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"request_settings": {"request_timeout_ms": 5500}}, {"requestSettings": {"requestTimeout": "PT5.5S"}}),
        (
            {"request_settings": {"max_queue_wait_ms": 500, "max_concurrent_requests_per_instance": 2}},
            {"requestSettings": {"maxQueueWait": "PT0.5S", "maxConcurrentRequestsPerInstance": 2}},
        ),
        (
            {"readiness_probe": {"initial_delay": 10, "failure_threshold": 30}},
            {"readinessProbe": {"initialDelay": "PT10S", "failureThreshold": 30}},
        ),
        (
            {"scale_settings": {"type": "target_utilization", "max_instances": 3, "polling_interval": 1}},
            {"scaleSettings": {"scaleType": "TargetUtilization", "maxInstances": 3, "pollingInterval": "PT1S"}},
        ),
        ({"egress_public_network_access": "disabled"}, {"egressPublicNetworkAccess": "Disabled"}),
        ({"model_mount_path": "/m"}, {"modelMountPath": "/m"}),
        (
            {"resources": {"limits": {"nvidia.com/gpu": "1"}}},
            {"containerResourceRequirements": {"containerResourceLimits": {"gpu": "1"}}},
        ),
    ],
)
def test_settings_have_the_names_of_the_wire(settings: dict[str, Any], sent: dict[str, Any]) -> None:
    properties = deployed(**settings)["properties"]
    assert {key: properties[key] for key in sent} == sent


def test_an_endpoint_on_kubernetes_names_its_compute() -> None:
    made = OnlineEndpoint("iris", "k8s", {"auth_mode": "aml_token"})
    properties = bodies.endpoint(made, WS, "westeurope", {})["properties"]
    assert properties == {"authMode": "AMLToken", "compute": f"{WS}/computes/k8s", "traffic": {}, "mirrorTraffic": {}}


def test_traffic_changes_nothing_else_of_an_endpoint_that_others_made() -> None:
    user = {"principalId": "p", "clientId": "c"}
    found = {
        "id": "x",
        "location": "westeurope",
        "tags": {"team": "t"},
        "identity": {"type": "UserAssigned", "principalId": None, "userAssignedIdentities": {"/u": user}},
        "properties": {
            "authMode": "Key",
            "description": "d",
            "scoringUri": "https://x",
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Disabled",
            "traffic": {"blue": 100},
            "mirrorTraffic": {"shadow": 10, "green": 5},
        },
    }
    assert bodies.with_traffic(found, {"green": 100}) == {
        "location": "westeurope",
        "tags": {"team": "t"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/u": {}}},
        "properties": {
            "authMode": "Key",
            "description": "d",
            "publicNetworkAccess": "Disabled",
            "traffic": {"green": 100},
            "mirrorTraffic": {"shadow": 10},  # what serves is not mirrored to
        },
    }


def test_the_number_of_instances_is_the_scalings_own() -> None:
    """A PUT with a number would set the deployment back to it."""
    scale = {"scale_settings": {"type": "target_utilization", "min_instances": 2, "max_instances": 5}}
    counted = OnlineDeployment("b", "e", True, None, None, None, None, settings=scale)
    assert bodies.deployment(counted, "westeurope", None, None, None)["sku"] == {"name": "Default"}
    assert bodies.deployment(replace(counted, instance_count=3), "", None, None, None)["sku"]["capacity"] == 3
    assert bodies.deployment(replace(counted, settings={}), "", None, None, None)["sku"]["capacity"] == 1


def test_an_environment_with_routes() -> None:
    route = Route(8080, "/ready")
    wanted = EnvironmentVersion("e", None, "r@sha256:1", inference_config=InferenceConfig(route, route, route))
    sent = bodies.environment(wanted, None)["properties"]
    assert sent["inferenceConfig"]["scoringRoute"] == {"port": 8080, "path": "/ready"}
    assert "condaFile" not in sent


def test_a_model_is_named_as_the_clients_of_microsoft_name_it() -> None:
    told = ModelVersion("", type="mlflow_model", description="flowers", tags={"a": "b"}, properties={"c": "d"})
    sent = bodies.model(f"{WS}/datastores/workspaceblobstore", "LocalUpload/1/model", told, "0123")["properties"]
    assert (sent["modelType"], sent["description"], sent["tags"]) == ("mlflow_model", "flowers", {"a": "b"})
    assert sent["properties"] == {"c": "d", "dev.bedplate.content": "0123"}
    assert sent["modelUri"] == (
        "azureml://subscriptions/s/resourcegroups/rg/workspaces/w/datastores/workspaceblobstore/paths/"
        "LocalUpload/1/model"
    )


def test_the_content_of_a_body_does_not_depend_on_its_order() -> None:
    assert bodies.content({"a": 1, "b": 2}) == bodies.content({"b": 2, "a": 1}) != bodies.content({"a": 1, "b": 3})


def test_each_collection_names_the_data_asset_that_it_is_kept_in() -> None:
    made = deployed(data_collector={"collections": {"request": {"enabled": "true"}, "response": {"enabled": "false"}}})
    ids = {"request": "R", "response": "S"}
    told = bodies.with_collections(made, ids)["properties"]["dataCollector"]["collections"]
    assert told == {
        "request": {"dataCollectionMode": "Enabled", "dataId": "R"},
        "response": {"dataCollectionMode": "Disabled", "dataId": "S"},
    }
    assert "dataId" not in made["properties"]["dataCollector"]["collections"]["request"]
