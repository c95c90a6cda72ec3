"""Deployments as real containers of this machine's engine: image, model and code where Azure ML puts them."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from .state import Azure, DeploymentFailed, Document, Workspace
from .tokens import CLIENT

APP = "/var/azureml-app"
MODELS = f"{APP}/azureml-models"
SERVER = {"port": 5001, "path": "/"}  # azureml-inference-server-http, where an environment says nothing
CRASHED = (
    "User container has crashed or terminated. Please see troubleshooting guide, available here: "
    "https://aka.ms/oe-tsg#error-resourcenotready"
)


class Containers:
    """From its making to `end`, each deployment of this stand-in runs in a container.

    `ready_within`: seconds until its readiness route must answer 200, or the deployment fails with its log."""

    def __init__(self, azure: Azure, ready_within: float = 60) -> None:
        self._azure, self._ready_within = azure, ready_within
        self._folder = Path(tempfile.mkdtemp(prefix="standin-served-"))
        self._names: dict[tuple[str, str], str] = {}
        self._pulled: set[str] = set()
        azure.serve, azure.unserve, azure.read_log = self._serve, self._unserve, self._log

    def end(self) -> None:
        for endpoint, deployment in list(self._names):
            self._unserve(endpoint, deployment)
        for image in self._pulled:
            subprocess.run(["docker", "rmi", image], capture_output=True, check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self, workspace: Workspace, endpoint: str, deployment: str, document: Document) -> str:
        self._unserve(endpoint, deployment)
        properties = document["properties"]
        environment = self._asset(workspace, properties["environmentId"])
        inference = environment.get("inferenceConfig") or {}
        ready = inference.get("readinessRoute") or SERVER
        scoring = inference.get("scoringRoute") or {"port": SERVER["port"], "path": "/score"}
        name = f"standin-{uuid.uuid4().hex[:12]}"
        command = ["run", "-d", "--name", name]
        for port in {ready["port"], scoring["port"]}:
            command += ["-p", f"127.0.0.1::{port}"]
        place = self._folder / name
        variables = {**self._model(workspace, properties, place / "model", command)}
        variables |= self._code(workspace, properties, place / "code", command)
        for key, value in {**variables, **(properties.get("environmentVariables") or {})}.items():
            command += ["-e", f"{key}={value}"]
        self._pull(environment["image"])
        self._docker(*command, environment["image"])
        self._names[(endpoint.lower(), deployment.lower())] = name
        self._wait(workspace, endpoint, deployment, name, ready)
        self._azure.scoring_paths[(endpoint.lower(), deployment.lower())] = scoring["path"]
        return f"http://{self._address(name, scoring['port'])}"

    def _pull(self, image: str) -> None:
        there = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
        self._docker("pull", image)
        if there.returncode:
            self._pulled.add(image)

    def _wait(self, workspace: Workspace, endpoint: str, deployment: str, name: str, ready: dict[str, Any]) -> None:
        until = time.time() + self._ready_within
        while time.time() < until:
            if self._docker("inspect", "-f", "{{.State.Running}}", name) != "true":
                break
            try:
                address = self._address(name, ready["port"])
            except DeploymentFailed:  # it ended just now
                break
            if _answers(address, ready["path"]):
                return
            time.sleep(0.1)
        workspace.logs[f"{endpoint}/{deployment}".lower()] = self._log(endpoint, deployment) or ""
        self._unserve(endpoint, deployment)
        raise DeploymentFailed(CRASHED, "ResourceNotReady")

    def _unserve(self, endpoint: str, deployment: str) -> None:
        name = self._names.pop((endpoint.lower(), deployment.lower()), None)
        if name is not None:
            subprocess.run(["docker", "rm", "-f", "-v", name], capture_output=True, check=False)

    def _log(self, endpoint: str, deployment: str) -> str | None:
        name = self._names.get((endpoint.lower(), deployment.lower()))
        if name is None:
            return None
        command = ["docker", "logs", name]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout

    def _model(self, workspace: Workspace, properties: Document, place: Path, command: list[str]) -> dict[str, str]:
        """The registered folder or file keeps its own name below AZUREML_MODEL_DIR."""
        if not properties.get("model"):
            return {}
        name, version = properties["model"].split("/")[-3::2]
        uri = self._asset(workspace, properties["model"])["modelUri"]
        self._fetch(workspace, workspace.container, uri.partition("/paths/")[2], place)
        inside = f"{MODELS}/{name}/{version}"
        command += ["-v", f"{place}:{inside}:ro"]
        return {"AZUREML_MODEL_DIR": inside}

    def _code(self, workspace: Workspace, properties: Document, place: Path, command: list[str]) -> dict[str, str]:
        code = properties.get("codeConfiguration") or {}
        if not code.get("codeId"):
            return {}
        uri = self._asset(workspace, code["codeId"])["codeUri"]
        container, _, path = uri.partition(f"/{self._azure.blobs.account_of(workspace.account)}/")[2].partition("/")
        self._fetch(workspace, container, path, place)
        root = f"{APP}/{path.rstrip('/').rsplit('/', 1)[-1]}" if path else APP
        command += ["-v", f"{place / Path(root).name if path else place}:{root}:ro"]
        script = Path(root) / code["scoringScript"]
        return {"AML_APP_ROOT": str(script.parent), "AZUREML_ENTRY_SCRIPT": script.name}

    def _fetch(self, workspace: Workspace, container: str, path: str, place: Path) -> None:
        """What lies at or below `path`, under its last name, into `place`."""
        path = path.strip("/")
        above = path.rpartition("/")[0]
        place.mkdir(parents=True)
        for name in self._azure.blobs.names(workspace.account, container, path):
            if name == path or name.startswith(f"{path}/") or not path:
                file = place / name[len(above) :].lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self._azure.blobs.read(workspace.account, container, name) or b"")

    def _asset(self, workspace: Workspace, id: str) -> Document:
        found: Document = workspace.documents[id[len(workspace.id) + 1 :]]["properties"]
        return found

    def _address(self, name: str, port: int) -> str:
        return self._docker("port", name, f"{port}/tcp").splitlines()[0]

    def _docker(self, *args: str) -> str:
        """With the rights of the endpoint's identity: it may pull from every registry of this stand-in."""
        config = self._folder / "docker"
        config.mkdir(exist_ok=True)
        secret = base64.b64encode(f"{CLIENT}:{self._azure.tokens.secret}".encode()).decode()
        found = {registry.login_server: {"auth": secret} for registry in self._azure.registries.values()}
        (config / "config.json").write_text(json.dumps({"auths": found}), encoding="utf-8")
        environ = {**os.environ, "DOCKER_CONFIG": str(config)}
        ran = subprocess.run(["docker", *args], capture_output=True, text=True, env=environ, check=False)
        if ran.returncode:
            raise DeploymentFailed(ran.stderr.strip(), "ImagePullFailure" if args[0] == "pull" else "BadArgument")
        return ran.stdout.strip()


def _answers(address: str, path: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
