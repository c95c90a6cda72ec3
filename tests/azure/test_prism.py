"""Prism on Microsoft's documents judges the stand-in, and will judge what the product asks of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.azure.client import ACR, ML, TASKS, Client, deployment, ended, endpoint, scheduled
from tests.azure.judges.prism import Prism
from tests.azure.standin import StandIn
from tests.azure.standin.building import scripted

pytestmark = pytest.mark.judges

PROBE = {"failureThreshold": 30, "initialDelay": "PT10S", "period": "PT10S", "successThreshold": 1, "timeout": "PT2S"}
ROUTE = {"path": "/", "port": 5001}


def everything(client: Client) -> None:
    """Each operation that the product needs, with bodies as full as it sends them."""
    standin = client.standin
    registry = standin.add_registry("standinacr", admin_enabled=True)
    workspace = standin.add_workspace("demo", registry, computes={"k8s": "Kubernetes"})
    for path in (workspace.id, f"{workspace.id}/computes/k8s"):
        client.ask("GET", path)
    registries_and_runs(client)
    datastore = f"{workspace.id}/datastores/workspaceblobstore"
    client.ask("GET", f"{workspace.id}/datastores")
    client.ask("GET", datastore)
    client.ask("POST", f"{datastore}/listSecrets")
    image = {"image": "r/base@sha256:1", "condaFile": "name: x", "osType": "Linux", "tags": {"a": "b"}}
    inference = {"livenessRoute": ROUTE, "readinessRoute": ROUTE, "scoringRoute": {"path": "/score", "port": 5001}}
    asset = {"description": "d", "isAnonymous": False, "properties": {"fingerprint": "f"}}
    for kind, properties in (
        ("environments", {**image, **asset, "inferenceConfig": inference}),
        (
            "models",
            {**asset, "modelType": "custom_model", "modelUri": "azureml://datastores/workspaceblobstore/paths/m"},
        ),
        ("codes", {**asset, "codeUri": "https://account/container/code"}),
    ):
        if kind == "codes":
            client.ask(
                "POST",
                f"{workspace.id}/codes/iris/versions/1/startPendingUpload",
                {"pendingUploadType": "TemporaryBlobReference"},
            )
        for _ in range(2):
            client.ask("PUT", f"{workspace.id}/{kind}/iris/versions/1", {"properties": properties})
        for path in ("iris/versions/1", "iris/versions", "iris", "iris/versions/2"):
            client.ask("GET", f"{workspace.id}/{kind}/{path}")
    endpoints(client, workspace.id)


def registries_and_runs(client: Client) -> None:
    registry = client.standin.azure.registry("standinacr")
    client.standin.azure.builds = scripted(["Step 1/1 : FROM scratch"])
    client.ask("GET", registry.id, version=ACR)
    client.ask("GET", registry.id + "5", version=ACR)
    client.ask("GET", registry.id.rsplit("/", 1)[0], version=ACR)
    client.ask("POST", f"{registry.id}/listCredentials", version=ACR)
    source = {"registryUri": "127.0.0.1:1", "sourceImage": "a:1", "credentials": {"username": "u", "password": "p"}}
    asked = {"source": source, "targetTags": ["a:1"], "mode": "Force"}
    place = client.ask("POST", f"{registry.id}/importImage", asked, ACR).headers["Location"]
    while (told := client.ask("GET", place)).status_code == 202:
        time.sleep(0.05)
    assert told.json()["error"]["code"] == "InvalidParameters"
    run = scheduled(client, registry)
    ended(client, registry, run)
    client.ask("GET", f"{registry.id}/runs", version=TASKS)
    client.ask("POST", f"{registry.id}/runs/{run}/listLogSasUrl", version=TASKS)
    client.ask("POST", f"{registry.id}/runs/{run}/cancel", version=TASKS)
    client.ask("GET", f"{registry.id}/runs/none", version=TASKS)
    client.standin.azure.builds = scripted(["one", "two"], pause=5)
    run = scheduled(client, registry)
    client.ask("POST", f"{registry.id}/runs/{run}/cancel", version=TASKS)
    login(client)


def login(client: Client) -> None:
    server = f"https://{client.standin.azure.registry('standinacr').login_server}"
    verify = client.standin.ca
    assert requests.get(f"{server}/v2/", verify=verify).status_code == 401
    form = {
        "grant_type": "access_token",
        "service": server[8:],
        "tenant": client.standin.tenant,
        "access_token": client.token,
    }
    refresh = requests.post(f"{server}/oauth2/exchange", form, verify=verify).json()["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "service": server[8:],
        "scope": "repository:a:pull",
        "refresh_token": refresh,
    }
    token = requests.post(f"{server}/oauth2/token", form, verify=verify).json()["access_token"]
    assert requests.get(f"{server}/v2/", headers={"Authorization": f"Bearer {token}"}, verify=verify).status_code == 200
    query = urlencode({"service": server[8:], "scope": "repository:a:pull"})
    assert requests.get(f"{server}/oauth2/token?{query}", auth=("nobody", "no"), verify=verify).status_code == 401


def endpoints(client: Client, workspace: str) -> None:
    standin = client.standin
    path = endpoint(client, standin.azure.workspaces["demo"])
    full: dict[str, Any] = {
        "environmentId": f"{workspace}/environments/iris/versions/1",
        "model": f"{workspace}/models/iris/versions/1",
        "codeConfiguration": {"codeId": f"{workspace}/codes/iris/versions/1", "scoringScript": "score.py"},
        "environmentVariables": {"A": "b"},
        "instanceType": "Standard_DS3_v2",
        "requestSettings": {"maxConcurrentRequestsPerInstance": 1, "requestTimeout": "PT5S", "maxQueueWait": "PT0.5S"},
        "livenessProbe": PROBE,
        "readinessProbe": PROBE,
        "scaleSettings": {"scaleType": "Default"},
        "egressPublicNetworkAccess": "Enabled",
        "appInsightsEnabled": False,
    }
    deployment(client, path, **full)
    scale = {"scaleType": "TargetUtilization", "minInstances": 1, "maxInstances": 2, "targetUtilizationPercentage": 70}
    deployment(client, path, "green", endpointComputeType="Kubernetes", scaleSettings=scale)
    client.ask("PATCH", f"{path}/deployments/green", {"sku": {"capacity": 2}})
    standin.operations.end_next("deployments/red", "Failed", "ImageBuildFailure", "no")
    deployment(client, path, "red")
    for below in ("", "/deployments", "/deployments/blue", "/deployments/none"):
        client.ask("GET", path + below)
    client.ask("GET", f"{workspace}/onlineEndpoints")
    client.ask("POST", f"{path}/deployments/blue/getLogs", {"containerType": "InferenceServer", "tail": 10})
    client.ask("POST", f"{path}/listKeys")
    client.ask("POST", f"{path}/token")
    body = {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "traffic": {"blue": 100}},
    }
    client.done(client.ask("PUT", path, body))
    standin.operations.retry_after = 10
    client.done(client.ask("DELETE", f"{path}/deployments/red"))
    client.ask("DELETE", f"{path}/deployments/red")
    client.done(client.ask("DELETE", path))


def test_everything_that_the_stand_in_answers_is_as_microsofts_documents_say(prism: Prism, standin: StandIn) -> None:
    everything(Client(standin))
    judged, wrong = prism.judge(standin.recorder)
    assert wrong == [], "\n".join(map(str, wrong))
    assert judged > 55


def test_the_documents_as_they_are_object_to_the_subtypes_of_a_datastore_alone(prism: Prism, standin: StandIn) -> None:
    everything(Client(standin))
    plain = Prism(as_they_are=True)
    try:
        _, wrong = plain.judge(standin.recorder)
    finally:
        plain.end()
    assert [str(v) for v in wrong if "/datastores" not in v.exchange.path] == []


MISSPELT = {
    "scheduleRun": ("POST", {"type": "DockerBuildRequest", "dockerFile": "x", "platform": {"os": "Linux"}}),
    "deployments/blue$": (
        "PUT",
        {"location": "x", "properties": {"endpointComputeType": "Managed", "instanceTyp": "x"}},
    ),
}


@pytest.mark.parametrize("path", MISSPELT)
def test_a_misspelt_property_is_found(prism: Prism, standin: StandIn, path: str) -> None:
    method, said = MISSPELT[path]
    client = Client(standin)
    registry, workspace = standin.add_registry("standinacr"), standin.add_workspace("demo")
    standin.azure.builds = scripted([])
    ended(client, registry, scheduled(client, registry))
    deployment(client, endpoint(client, workspace))
    (right,) = standin.recorder.matching(method, path)
    assert prism.judge([right])[1] == []
    _, wrong = prism.judge([replace(right, body=json.dumps(said).encode())])
    assert wrong
    assert all(v.where.startswith("request.body") for v in wrong)


def test_another_api_version_than_the_documents_is_found(prism: Prism, standin: StandIn) -> None:
    client, workspace = Client(standin), standin.add_workspace("demo")
    client.ask("GET", workspace.id, version={"api-version": "2030-01-01"})
    _, wrong = prism.judge(standin.recorder)
    assert [v.where for v in wrong] == ["request.query.api-version"]


def test_a_status_that_the_document_does_not_name_is_found(prism: Prism, standin: StandIn) -> None:
    client, registry = Client(standin), standin.add_registry("standinacr", admin_enabled=True)
    client.ask("POST", f"{registry.id}/listCredentials", version=ACR)
    (right,) = standin.recorder.matching("POST", "listCredentials")
    assert prism.judge([right])[1] == []
    assert "returned status code" in str(prism.judge([replace(right, status=203)])[1])


def test_a_request_that_no_document_describes_is_found(prism: Prism, standin: StandIn) -> None:
    client, workspace = Client(standin), standin.add_workspace("demo")
    client.ask("GET", f"{workspace.id}/onlineEndpointz", version=ML)
    _, wrong = prism.judge(standin.recorder)
    assert [v.message for v in wrong] == ["no document describes it"]


def test_a_test_that_keeps_to_the_documents_passes_its_judge(judged_azure: StandIn) -> None:
    client = Client(judged_azure)
    workspace = judged_azure.add_workspace("demo")
    judged_azure.faults.unavailable("/workspaces/demo$")
    assert [client.ask("GET", workspace.id).status_code for _ in range(2)] == [503, 200]
