"""The stand-in by itself: signing in, resources, starting and recording."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.azure.client import ACR, Client
from tests.azure.standin import StandIn, Workspace

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
