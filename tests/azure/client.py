"""A small client of the tests' own, with which they speak to a stand-in."""

from __future__ import annotations

import time
from typing import Any

import requests

from tests.azure.standin import Registry, StandIn, Workspace

ML = {"api-version": "2024-04-01"}
ACR = {"api-version": "2023-07-01"}
TASKS = {"api-version": "2019-06-01-preview"}


class Client:
    """Speaks to a stand-in with a token that holds."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.token = self.sign_in()

    def sign_in(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.standin.client,
            "client_secret": self.standin.tokens.secret,
            "scope": f"{self.standin.url}/.default",
        }
        url = f"{self.standin.url}/{self.standin.tenant}/oauth2/v2.0/token"
        return str(requests.post(url, form, verify=self.standin.ca).json()["access_token"])

    def ask(self, method: str, path: str, body: Any = None, version: dict[str, str] = ML, **headers: str) -> Any:
        url = path if path.startswith("https:") else self.standin.url + path
        params = {} if "api-version" in url else version
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        return requests.request(method, url, params=params, json=body, headers=headers, verify=self.standin.ca)

    def done(self, answer: Any) -> Any:
        """The end of the long operation that this answer began."""
        place = answer.headers["Azure-AsyncOperation"]
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = self.ask("GET", place).json()
            if found["status"] != "InProgress":
                return found
            time.sleep(0.05)
        raise AssertionError("it does not end")


def endpoint(client: Client, workspace: Workspace, name: str = "iris") -> str:
    path = f"{workspace.id}/onlineEndpoints/{name}"
    made = client.ask("PUT", path, {"location": "westeurope", "properties": {"authMode": "Key"}})
    assert made.status_code == 201
    assert client.done(made)["status"] == "Succeeded"
    return path


def deployment(client: Client, path: str, name: str = "blue", wait: bool = True, **properties: Any) -> Any:
    body = {"location": "westeurope", "properties": {"endpointComputeType": "Managed", **properties}}
    made = client.ask("PUT", f"{path}/deployments/{name}", body)
    return client.done(made) if wait else made


def scheduled(client: Client, registry: Registry) -> str:
    place = client.ask("POST", f"{registry.id}/listBuildSourceUploadUrl", version=TASKS).json()
    sent = requests.put(place["uploadUrl"], b"tar", headers={"x-ms-blob-type": "BlockBlob"}, verify=client.standin.ca)
    assert sent.status_code == 201, sent.text
    body = {
        "type": "DockerBuildRequest",
        "dockerFilePath": "Dockerfile",
        "platform": {"os": "Linux"},
        "sourceLocation": place["relativePath"],
        "imageNames": ["a/b:1"],
    }
    return str(client.ask("POST", f"{registry.id}/scheduleRun", body, TASKS).json()["properties"]["runId"])


def ended(client: Client, registry: Registry, run: str) -> Any:
    for _ in range(200):
        found = client.ask("GET", f"{registry.id}/runs/{run}", version=TASKS).json()["properties"]
        if found["status"] not in ("Queued", "Running"):
            return found
        time.sleep(0.02)
    raise AssertionError("the run does not end")
