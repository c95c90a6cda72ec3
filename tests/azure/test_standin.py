"""The stand-in by itself: it keeps state, follows the service's rules, and fails as it is told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.azure.client import ACR, TASKS, Client, deployment, ended, endpoint, scheduled
from tests.azure.standin import DeploymentFailed, StandIn, Workspace
from tests.azure.standin.building import scripted


@pytest.fixture
def client(standin: StandIn) -> Client:
    return Client(standin)


@pytest.fixture
def workspace(standin: StandIn) -> Workspace:
    return standin.add_workspace("demo", standin.add_registry("standinacr"))


@pytest.fixture
def echo() -> Iterator[str]:
    """A container's stand-in: answers with what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# ---- signing in


def test_without_a_token_nothing_is_told(standin: StandIn, workspace: Workspace) -> None:
    answer = requests.get(standin.url + workspace.id, params={"api-version": "2024-04-01"}, verify=standin.ca)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")


def test_a_token_that_has_expired_is_refused_and_a_new_one_is_had(client: Client, workspace: Workspace) -> None:
    assert client.ask("GET", workspace.id).status_code == 200
    client.standin.tokens.expire()
    refused = client.ask("GET", workspace.id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")
    client.token = client.sign_in()
    assert client.ask("GET", workspace.id).status_code == 200


def test_a_wrong_secret_is_refused_in_the_words_of_the_sign_in_service(standin: StandIn) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": standin.client,
        "client_secret": "no",
        "scope": "x/.default",
    }
    answer = requests.post(f"{standin.url}/{standin.tenant}/oauth2/v2.0/token", form, verify=standin.ca)
    assert answer.status_code == 401
    assert answer.json()["error_description"].startswith("AADSTS7000215")


@pytest.mark.parametrize("how", ["service_principal", "user", "managed_identity", "nobody"])
def test_azure_cli_core_signs_in_with_the_config_folder_that_is_written(
    standin: StandIn, tmp_path: Path, how: str
) -> None:
    standin.add_registry("standinacr")
    code = (
        "from azure.cli.core import get_default_cli as cli\n"
        "from azure.cli.core.util import send_raw_request as ask\n"
        "r = ask(cli(), 'GET', '/subscriptions/{subscriptionId}/resources?api-version=2021-04-01')\n"
        "print(r.json()['value'][0]['name'])"
    )
    environ = {**os.environ, **standin.sign_in(tmp_path / "azure", how)}
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    if how == "nobody":
        assert "az login" in ran.stderr
    else:
        assert ran.stdout.strip() == "standinacr", ran.stderr


# ---- resources


def test_a_workspace_without_a_registry_says_null(client: Client) -> None:
    bare = client.standin.add_workspace("bare")
    properties = client.ask("GET", bare.id).json()["properties"]
    assert properties["containerRegistry"] is None


def test_what_is_not_there_is_told_apart(client: Client, workspace: Workspace) -> None:
    def code(path: str) -> str:
        answer = client.ask("GET", path)
        assert answer.status_code == 404
        return str(answer.json()["error"]["code"])

    assert code(workspace.id.replace("/demo", "/other")) == "ResourceNotFound"
    assert code(workspace.id.replace("resourceGroups/rg", "resourceGroups/none")) == "ResourceGroupNotFound"
    assert code(workspace.id.replace(workspace.subscription, "0" * 8)) == "SubscriptionNotFound"


def test_the_password_of_the_admin_user_is_told_only_where_it_is_enabled(client: Client) -> None:
    registry = client.standin.add_registry("standinacr")
    refused = client.ask("POST", f"{registry.id}/listCredentials", version=ACR)
    assert refused.json()["error"]["message"] == "Admin user is disabled. Enable Admin user feature and try again."
    registry.admin_enabled = True
    told = client.ask("POST", f"{registry.id}/listCredentials", version=ACR).json()
    assert told["username"] == "standinacr"
    assert len(told["passwords"]) == 2


def test_a_request_without_an_api_version_is_refused(client: Client, workspace: Workspace) -> None:
    answer = client.ask("GET", workspace.id, version={})
    assert answer.json()["error"]["code"] == "MissingApiVersionParameter"


def test_an_environment_version_is_kept_and_cannot_be_changed(client: Client, workspace: Workspace) -> None:
    path = f"{workspace.id}/environments/iris/versions/abc"
    body = {"properties": {"image": "r/base@sha256:1"}}
    assert client.ask("PUT", path, body).status_code == 201
    assert client.ask("PUT", path, body).status_code == 200
    other = client.ask("PUT", path, {"properties": {"image": "r/base@sha256:2"}})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "UserError")
    assert client.ask("GET", path).json()["properties"]["image"] == "r/base@sha256:1"


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
    assert found["properties"]["provisioningState"] == "Failed"


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
    client.standin.operations.polls = 3
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


# ---- faults


def test_the_next_requests_that_match_get_the_fault_and_later_ones_do_not(client: Client, workspace: Workspace) -> None:
    client.standin.faults.throttled("/workspaces/demo$", times=2, retry_after=3)
    first, second, third = (client.ask("GET", workspace.id) for _ in range(3))
    assert [a.status_code for a in (first, second, third)] == [429, 429, 200]
    assert first.headers["Retry-After"] == "3"


def test_a_missing_role_is_named(client: Client, workspace: Workspace) -> None:
    action = "Microsoft.MachineLearningServices/workspaces/read"
    client.standin.faults.forbidden("/workspaces/demo$", action, workspace.id)
    error = client.ask("GET", workspace.id).json()["error"]
    assert error["code"] == "AuthorizationFailed"
    assert f"perform action '{action}' over scope '{workspace.id}'" in error["message"]


def test_a_connection_is_cut(client: Client, workspace: Workspace) -> None:
    client.standin.faults.cut("/workspaces/demo$")
    with pytest.raises(requests.ConnectionError):
        client.ask("GET", workspace.id)
    assert client.ask("GET", workspace.id).status_code == 200


def test_a_log_breaks_off(client: Client) -> None:
    registry = client.standin.add_registry("standinacr")
    client.standin.azure.builds = scripted(["one"])
    run = scheduled(client, registry)
    ended(client, registry, run)
    link = client.ask("POST", f"{registry.id}/runs/{run}/listLogSasUrl", version=TASKS).json()["logLink"]
    client.standin.faults.broken_log()
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(link, verify=client.standin.ca)
    assert requests.get(link, verify=client.standin.ca).text.startswith("one")


def test_the_quota_error_stands_in_the_details(client: Client, workspace: Workspace) -> None:
    path = endpoint(client, workspace)
    client.standin.faults.quota()
    error = deployment(client, path, wait=False).json()["error"]
    assert "Not enough quota available" in error["details"][0]["message"]


def test_every_exchange_is_recorded(client: Client, workspace: Workspace) -> None:
    client.ask("GET", workspace.id)
    last = list(client.standin.recorder)[-1]
    assert (last.method, last.path, last.status) == ("GET", workspace.id, 200)
    assert json.loads(last.answer_body)["name"] == "demo"


def test_it_starts_from_the_command_line_and_ends_on_a_signal() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.azure.standin", "--without-registry"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("export SSL_CERT_FILE"):
                break
        assert any(line.startswith("export AZURE_CONFIG_DIR=") for line in lines)
        process.terminate()
        assert process.wait(20) == 0
