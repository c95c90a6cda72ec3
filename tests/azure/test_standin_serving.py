"""The stand-in by itself: endpoints and deployments follow the service's rules, runs build."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.azure.client import TASKS, Client, deployment, ended, endpoint, scheduled
from tests.azure.standin import DeploymentFailed, Workspace
from tests.azure.standin.building import scripted

# ---- endpoints


def test_an_endpoint_serves_what_its_deployment_runs(client: Client, workspace: Workspace, echo: str) -> None:
    path = endpoint(client, workspace)
    client.standin.serve("iris", "blue", echo)
    assert deployment(client, path)["status"] == "Succeeded"
    key = client.ask("POST", f"{path}/listKeys").json()["primaryKey"]
    url = client.ask("GET", path).json()["properties"]["scoringUri"]

    def score(**headers: str) -> Any:
        return requests.post(url, json=[1], headers=headers, verify=client.standin.ca)

    assert score(Authorization="Bearer wrong").status_code == 401
    assert score(Authorization=f"Bearer {key}").status_code == 404  # no traffic yet
    by_header = {"Authorization": f"Bearer {key}", "azureml-model-deployment": "blue"}
    assert score(**by_header).json() == [1]
    body = {"location": "westeurope", "properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    assert client.done(client.ask("PUT", path, body))["status"] == "Succeeded"
    answer = score(Authorization=f"Bearer {key}")
    assert (answer.json(), answer.headers["azureml-model-deployment"]) == ([1], "blue")


def test_a_deployment_with_traffic_is_not_deleted(client: Client, workspace: Workspace) -> None:
    path = endpoint(client, workspace)
    deployment(client, path)
    body = {"location": "westeurope", "properties": {"authMode": "Key", "traffic": {"blue": 100}}}
    client.done(client.ask("PUT", path, body))
    assert client.ask("DELETE", f"{path}/deployments/blue").json()["error"]["code"] == "UserError"
    client.done(client.ask("PUT", path, {**body, "properties": {"authMode": "Key", "traffic": {}}}))
    assert client.done(client.ask("DELETE", f"{path}/deployments/blue"))["status"] == "Succeeded"
    assert client.ask("GET", f"{path}/deployments/blue").status_code == 404


def test_traffic_must_name_deployments_and_sum_up(client: Client, workspace: Workspace) -> None:
    path = endpoint(client, workspace)
    deployment(client, path)
    for traffic in ({"blue": 50}, {"green": 100}):
        body = {"location": "westeurope", "properties": {"authMode": "Key", "traffic": traffic}}
        assert client.ask("PUT", path, body).status_code == 400


@pytest.mark.parametrize("ending", ["Failed", "Canceled"])
def test_an_operation_ends_badly_on_demand(client: Client, workspace: Workspace, ending: str) -> None:
    path = endpoint(client, workspace)
    client.standin.operations.end_next("deployments/blue", ending, "ImageBuildFailure", "conda said no")
    ended = deployment(client, path)
    assert (ended["status"], ended["error"]["code"]) == (ending, "ImageBuildFailure")
    found = client.ask("GET", f"{path}/deployments/blue").json()
    assert found["properties"]["provisioningState"] == ending


def test_a_container_that_does_not_come_up_fails_its_deployment(client: Client, workspace: Workspace) -> None:
    def serve(*_: object) -> str:
        raise DeploymentFailed("User container has crashed: init() raised")

    path = endpoint(client, workspace)
    client.standin.azure.serve = serve
    ended = deployment(client, path)
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "ResourceOperationFailure")
    told = client.ask("POST", f"{path}/deployments/blue/getLogs", {"tail": 5}).json()
    assert "init() raised" in told["content"]


def test_a_second_change_while_one_runs_is_a_conflict(client: Client, workspace: Workspace) -> None:
    path = endpoint(client, workspace)
    client.standin.operations.hold("deployments/blue")
    deployment(client, path, wait=False)
    again = deployment(client, path, wait=False)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ResourceNotReady")


# ---- building


def test_a_run_writes_its_log_and_says_what_it_pushed(client: Client) -> None:
    registry = client.standin.add_registry("standinacr")
    client.standin.azure.builds = scripted(["Step 1/1 : FROM scratch"], digest="sha256:" + "a" * 64)
    run = scheduled(client, registry)
    found = ended(client, registry, run)
    assert found["status"] == "Succeeded"
    assert [i["digest"] for i in found["outputImages"]] == ["sha256:" + "a" * 64]
    link = client.ask("POST", f"{registry.id}/runs/{run}/listLogSasUrl", version=TASKS).json()["logLink"]
    log = requests.get(link, headers={"x-ms-range": "bytes=0-99999"}, verify=client.standin.ca)
    assert (log.status_code, log.headers["x-ms-meta-Complete"]) == (206, "successful")
    assert log.text.startswith("Step 1/1 : FROM scratch\r\n")


def test_a_run_is_cancelled(client: Client) -> None:
    registry = client.standin.add_registry("standinacr")
    client.standin.azure.builds = scripted(["one", "two", "three"], pause=5)
    run = scheduled(client, registry)
    assert client.ask("POST", f"{registry.id}/runs/{run}/cancel", version=TASKS).status_code == 202
    assert ended(client, registry, run)["status"] == "Canceled"


def test_an_upload_url_that_has_expired_is_refused(client: Client) -> None:
    registry = client.standin.add_registry("standinacr")
    client.standin.azure.blobs.lifetime = -5
    place = client.ask("POST", f"{registry.id}/listBuildSourceUploadUrl", version=TASKS).json()
    sent = requests.put(place["uploadUrl"], b"tar", headers={"x-ms-blob-type": "BlockBlob"}, verify=client.standin.ca)
    assert (sent.status_code, sent.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
