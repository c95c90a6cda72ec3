"""A deployment runs as a real container, with its model and code where Azure ML puts them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.azure.client import Client, deployment, endpoint
from tests.azure.standin import Containers, Registry, StandIn, Workspace, docker_registry

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
# a server that is on every machine that runs these tests: docker-registry itself, which takes uploads by POST
CONFIG = """{version: 0.1, storage: {inmemory: {}}, http: {addr: ":5001"}}"""
ROUTES = {
    "livenessRoute": {"port": 5001, "path": "/v2/"},
    "readinessRoute": {"port": 5001, "path": "/v2/"},
    "scoringRoute": {"port": 5001, "path": "/v2/iris/blobs/uploads/"},
}


@pytest.fixture
def containers(standin: StandIn) -> Iterator[Containers]:
    running = Containers(standin.azure, ready_within=20)
    yield running
    running.end()


@pytest.fixture
def registry(standin: StandIn) -> Registry:
    return standin.add_registry("standinacr", program=True)


@pytest.fixture
def workspace(standin: StandIn, registry: Registry) -> Workspace:
    return standin.add_workspace("demo", registry)


@pytest.fixture
def image(standin: StandIn, registry: Registry, tmp_path: Path) -> Iterator[str]:
    """docker-registry with its libraries, pushed to the workspace's registry; its config is the model."""
    context = tmp_path / "context"
    context.mkdir()
    program = Path(str(shutil.which("docker-registry"))).resolve()
    libraries = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout)
    lines = ["FROM scratch", "COPY server /server"]
    shutil.copy(program, context / "server")
    for library in libraries:
        shutil.copy(library, context / Path(library).name)
        lines.append(f"COPY {Path(library).name} {library}")
    model = "/var/azureml-app/azureml-models/iris/1/model/config.yml"
    lines.append(f'ENTRYPOINT ["/server", "serve", "{model}"]')
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    name = f"{registry.login_server}/judge/server:v1"
    config = tmp_path / "docker"
    environ = {**os.environ, "DOCKER_CONFIG": str(config), "DOCKER_BUILDKIT": "0"}
    login = ["docker", "login", registry.login_server, "-u", standin.client, "--password-stdin"]
    subprocess.run(login, input=standin.tokens.secret, env=environ, text=True, check=True, capture_output=True)
    for command in (["build", "-t", name, str(context)], ["push", name], ["rmi", name]):
        subprocess.run(["docker", *command], env=environ, check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", name], capture_output=True, check=False)


def deploy(client: Client, workspace: Workspace, image: str, config: str) -> tuple[str, Any]:
    """The endpoint's path, and how the deployment's operation ended."""
    blobs = client.standin.azure.blobs
    url = blobs.signed(workspace.account, workspace.container, "up/model/config.yml", "rcw")
    headers = {"x-ms-blob-type": "BlockBlob"}
    assert requests.put(url, config.encode(), headers=headers, verify=client.standin.ca).status_code == 201
    uri = "azureml://datastores/workspaceblobstore/paths/up/model"
    client.ask("PUT", f"{workspace.id}/models/iris/versions/1", {"properties": {"modelUri": uri}})
    properties = {"image": image, "inferenceConfig": ROUTES}
    client.ask("PUT", f"{workspace.id}/environments/iris/versions/1", {"properties": properties})
    path = endpoint(client, workspace)
    model, environment = f"{workspace.id}/models/iris/versions/1", f"{workspace.id}/environments/iris/versions/1"
    return path, deployment(client, path, model=model, environmentId=environment)


def test_the_scoring_url_leads_into_the_container(
    standin: StandIn, containers: Containers, workspace: Workspace, image: str
) -> None:
    client = Client(standin)
    path, ended = deploy(client, workspace, image, CONFIG)
    assert ended["status"] == "Succeeded", ended
    key = client.ask("POST", f"{path}/listKeys").json()["primaryKey"]
    url = client.ask("GET", path).json()["properties"]["scoringUri"]
    headers = {"Authorization": f"Bearer {key}", "azureml-model-deployment": "blue"}
    answer = requests.post(url, headers=headers, verify=standin.ca)
    assert (answer.status_code, "Docker-Upload-Uuid" in answer.headers) == (202, True)
    log = client.ask("POST", f"{path}/deployments/blue/getLogs", {"tail": 100}).json()["content"]
    assert "listening on" in log
    name = next(iter(containers._names.values()))
    assert client.done(client.ask("DELETE", f"{path}/deployments/blue"))["status"] == "Succeeded"
    gone = subprocess.run(["docker", "inspect", name], capture_output=True, check=False)
    assert gone.returncode != 0


def test_a_container_that_crashes_fails_its_deployment_and_leaves_its_log(
    standin: StandIn, containers: Containers, workspace: Workspace, image: str
) -> None:
    client = Client(standin)
    path, ended = deploy(client, workspace, image, "no configuration")
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "ResourceNotReady")
    log = client.ask("POST", f"{path}/deployments/blue/getLogs", {"tail": 100}).json()["content"]
    assert "configuration error" in log
    assert containers._names == {}
