"""The stand-in by itself: it fails as it is told to, and no longer than that."""

from __future__ import annotations

import time

import pytest
import requests

from tests.azure.client import TASKS, Client, deployment, ended, endpoint, scheduled
from tests.azure.standin import Workspace
from tests.azure.standin.building import scripted

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


def test_an_answer_comes_late(client: Client, workspace: Workspace) -> None:
    client.standin.faults.slow("/workspaces/demo$", 0.3)
    began = time.monotonic()
    assert client.ask("GET", workspace.id).status_code == 200
    assert time.monotonic() - began > 0.3
