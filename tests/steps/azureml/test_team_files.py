"""Files as teams have them, used in place: Azure is told what azure-ai-ml tells it for the same file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from bedplate.errors import SpecError, StepError
from steps import deploy
from tests.azure.client import Client
from tests.azure.conftest import standin  # noqa: F401  # a fixture
from tests.azure.standin import StandIn
from tests.steps.azureml.project import Project, held, sent

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

TEAM = Path(__file__).parent / "team"
JUDGE = Path(__file__).parents[2] / "azure/judges/team_files.py"
MODEL = "model-1/model"
SAMPLE = "endpoints/online/managed/sample/blue-deployment.yml"
FULL = "endpoints/online/managed/sample/green-deployment-full.yml"
FILES = {
    path: f"team-{number}"
    for number, path in enumerate(
        sorted(
            file.relative_to(TEAM).as_posix()
            for file in TEAM.rglob("*.yml")
            if "deployment" in file.name or file.parent.name == "environment"
        )
    )
}
SPEC = """\
version: 1
project: flowers
environments:
  team: {environment}
services:
  {service}: {{environment: team}}
targets:
  azure:
    workspace: {{resource_group: rg, name: demo}}
    registry: {{kind: workspace}}
    environment: {{kind: azureml}}
    deploy: {deploy}
"""


class Told:
    """What Azure was told and sent, without the names that each client makes up in its own way."""

    def __init__(self, azure: StandIn) -> None:
        self.documents: dict[str, Any] = {}
        self.blobs: list[str] = []
        for one in azure.recorder:
            if one.method != "PUT":
                continue
            if "/workspaces/demo/" in one.path:
                self.documents[one.path.partition("/workspaces/demo/")[2]] = json.loads(one.body)
            elif "comp=metadata" not in one.target:
                self.blobs.append(one.path)

    def environment(self, name: str) -> Any:
        """By its name; the version is a number for one and a hash for the other."""
        found = [self.documents[path] for path in self.documents if path.startswith(f"environments/{name}/")]
        return self._environment(found[-1])

    def deployment(self, endpoint: str) -> Any:
        (body,) = [
            b for path, b in self.documents.items() if path.startswith(f"onlineEndpoints/{endpoint}/deployments/")
        ]
        told = {key: value for key, value in body["properties"].items() if value not in ({}, None)}
        if "environmentId" in told:
            place = told["environmentId"]
            told["environmentId"] = _registered(place) or self._environment(self._of(place))
        if "model" in told:
            told["model"] = _registered(told["model"]) or self._model(told["model"])
        if "codeConfiguration" in told:
            place = self._of(told["codeConfiguration"]["codeId"])["properties"]["codeUri"]
            told["codeConfiguration"] = [self._files(place), told["codeConfiguration"]["scoringScript"]]
        # numbers and truth as the document has them: texts
        variables = told.get("environmentVariables", {})
        told["environmentVariables"] = {name: _text(value) for name, value in variables.items()}
        if "egressPublicNetworkAccess" in told:
            told["egressPublicNetworkAccess"] = told["egressPublicNetworkAccess"].lower()
        if "dataCollector" in told:
            self._collector(told["dataCollector"])
        tags = {name: str(value) for name, value in body["tags"].items() if "bedplate." not in name}
        return {"properties": told, "sku": body["sku"], "tags": tags, "location": body["location"]}

    def _collector(self, told: Any) -> None:
        """A deployment has another name with each; `az` writes words as YAML has them."""
        told["rollingRate"] = told["rollingRate"].lower()
        for one in told["collections"].values():
            one["dataCollectionMode"] = one["dataCollectionMode"].lower()
            asset, place = self._of(one["dataId"])["properties"], one["dataId"].partition("/data/")[2]
            made_up = re.compile(r"(?<=[-/])(blue|v-[0-9a-f]{16})(?=[-/])|(team-\d+|my-endpoint)(?=[-/])")
            one["dataId"] = [made_up.sub("NAME", text) for text in (place, asset["dataUri"], asset["dataType"])]

    def _of(self, place: str) -> Any:
        return self.documents[place.partition("/workspaces/demo/")[2]]

    def _environment(self, body: Any) -> Any:
        told = {key: value for key, value in body["properties"].items() if value not in ({}, None)}
        del told["isAnonymous"]  # az gives what has no name one of its own
        if "condaFile" in told:
            told["condaFile"] = yaml.safe_load(told["condaFile"])
        if "build" in told:
            place = told["build"]["contextUri"]
            assert place.endswith("/")
            told["build"] = [self._files(place), told["build"].get("dockerfilePath", "Dockerfile")]
        if "osType" in told:
            told["osType"] = told["osType"].lower()
        return told

    def _model(self, place: str) -> Any:
        name, version = re.findall(r"/models/([^/]+)/versions/([^/]+)$", place)[0]
        told = dict(self._of(place)["properties"])
        if told.pop("isAnonymous") or name.startswith("team-"):
            name = version = ""  # nobody has named it
        files = self._files(told.pop("modelUri"))
        properties = {key: value for key, value in told.pop("properties", {}).items() if "bedplate." not in key}
        return {**told, "name": name, "version": version, "files": files, "properties": properties}

    def _files(self, uri: str) -> Sequence[str]:
        """The files at a URI of storage, by their paths below its last folder; that folder's name is part of them."""
        path = uri.rstrip("/").split("/paths/")[-1].partition("://")[2] or uri.split("/paths/")[-1]
        tail = "/".join(path.rstrip("/").split("/")[-2:])
        found = {blob.partition(tail)[2] for blob in self.blobs if f"/{tail}/" in f"{blob}/"}
        assert found, f"nothing stands at {uri}"
        return [tail.rpartition("/")[2], *sorted(found)]


def _registered(place: str) -> str:
    """Of what Azure had before."""
    return place.partition("/workspaces/demo/")[2] if "/registered-" in place else ""


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def team(project: Project, azure: StandIn) -> Project:
    """A project whose repository is a team's; its workspace has a model and an environment already."""
    shutil.copytree(TEAM, project.root, dirs_exist_ok=True)
    workspace, client = held(azure), Client(azure)
    workspace.computes["k8s"] = "Kubernetes"
    client.ask("PUT", f"{workspace.id}/environments/registered-env/versions/1", {"properties": {"image": "r.io/a:1"}})
    model = {"modelUri": "azureml://x/paths/m", "modelType": "custom_model"}
    client.ask("PUT", f"{workspace.id}/models/registered-model/versions/1", {"properties": model})
    return project


def place(team: Project, file: str, service: str = "my-endpoint", environment: str = "{user_managed: true}") -> None:
    more = ", compute: k8s" if "kubernetes" in file else ""
    deploy = f"{{kind: online_endpoint, from: {file}{more}}}"
    team.write("pipeline.yaml", SPEC.format(environment=environment, deploy=deploy, service=service))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """What azure-ai-ml tells for all files, in one process."""
    from tests.oracles import judge

    python, folder = judge.python(*judge.V2), tmp_path_factory.mktemp("team")
    shutil.copytree(TEAM, folder, dirs_exist_ok=True)
    with StandIn() as azure:
        azure.add_workspace("demo", azure.add_registry("standinacr"), computes={"k8s": "Kubernetes"})
        azure.operations.lasts = 0
        asked = {
            "authority": azure.url,
            "tenant": azure.tenant,
            "client": azure.client,
            "secret": azure.tokens.secret,
            "subscription": azure.subscription,
            "group": azure.group,
            "workspace": "demo",
            "folder": str(folder),
            "model": MODEL,
            "files": FILES,
        }
        environ = {**os.environ, **azure.environ(), "AZURE_ML_CLI_PRIVATE_FEATURES_ENABLED": "false"}
        ran = subprocess.run(
            [python, JUDGE, json.dumps(asked)], env=environ, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr[-4000:]
        assert json.loads(ran.stdout.strip().splitlines()[-1]) == {}, "what is here are files that az takes"
        yield Told(azure)


@pytest.mark.parametrize("file", FILES)
def test_azure_is_told_what_az_ml_tells_it(team: Project, azure: StandIn, theirs: Told, file: str) -> None:
    if "/environment/" in file:
        team.write("pipeline.yaml", SPEC.format(environment=f"{{from: {file}}}", deploy="null", service="s"))
        text = (team.root / "pipeline.yaml").read_text(encoding="utf-8")
        team.write("pipeline.yaml", text.replace("    deploy: null\n", ""))
        team.environment()
        name = yaml.safe_load((TEAM / file).read_bytes())["name"]
        assert Told(azure).environment(name) == theirs.environment(name)
    else:
        place(team, file, FILES[file])
        team.deploy()
        ours = Told(azure)
        assert ours.deployment("my-endpoint") == theirs.deployment(FILES[file])


def test_what_a_file_of_a_team_names_is_an_input_wherever_it_stands(team: Project) -> None:
    place(team, FULL)

    def parts() -> set[str]:
        task = team._task(deploy)
        return {name for some in team._reads().parts(task) for name in some}

    named = {
        f"file {FULL}",
        "file model-1/environment/conda.yaml",
        "file model-1/model/sklearn_regression_model.pkl",
        "file model-1/onlinescoring/.amlignore",
        "file model-1/onlinescoring/helper/__init__.py",
        "file model-1/onlinescoring/keep.log",
        "file model-1/onlinescoring/score.py",
    }
    assert {one for one in parts() if one.startswith("file ")} == named
    team.write("endpoints/online/managed/sample/README.md", "of no interest")
    assert {one for one in parts() if one.startswith("file ")} == named


def test_an_edit_of_what_it_names_is_another_deployment(team: Project, azure: StandIn) -> None:
    place(team, SAMPLE)
    first = team.deploy().name
    team.write("model-1/onlinescoring/notes.txt", "left out by .amlignore")
    assert team.deploy().name == first
    team.write("model-1/onlinescoring/helper/__init__.py", "x = 1\n")
    assert team.deploy().name != first


def test_a_version_that_a_file_names_cannot_become_another_model(team: Project, azure: StandIn) -> None:
    place(team, FULL)
    team.deploy()
    team.deploy()
    assert any(note == "model regression:3 is in the workspace: nothing is sent" for note in team.log.notes)
    team.write("model-1/model/sklearn_regression_model.pkl", "another")
    with pytest.raises(
        StepError, match=f"model regression:3 is in the workspace, and what lies at {MODEL}/"
    ) as refused:
        team.deploy()
    assert refused.value.hint == "raise its `version`, or leave that out: its content then names it"
    team.edit("version: 3", "version: 4", FULL)
    team.deploy()
    assert "models/regression/versions/4" in held(azure).documents


def test_a_version_that_another_has_registered_is_taken_as_it_stands(team: Project, azure: StandIn) -> None:
    body = {"properties": {"modelUri": "azureml://x/paths/m", "modelType": "custom_model"}}
    Client(azure).ask("PUT", f"{held(azure).id}/models/regression/versions/3", body)
    place(team, FULL)
    team.deploy()
    assert any("model regression:3 was registered by another: it is taken as it stands" in n for n in team.log.notes)


def test_both_files_of_a_team_fit_together(team: Project, azure: StandIn) -> None:
    """The deployment names the environment's version, which here is made under another: its content."""
    for reference in ("inline-conda:1.0", "inline-conda@latest"):
        text = (TEAM / "endpoints/online/managed/registered/deployment.yml").read_text(encoding="utf-8")
        team.write(
            "endpoints/online/managed/d.yml",
            text.replace("registered-env:1", reference).replace("../../../../", "../../../"),
        )
        place(team, "endpoints/online/managed/d.yml", environment="{from: assets/environment/inline-conda.yml}")
        team.deploy()
        ((_, deployed),) = [(p, d) for p, d in held(azure).documents.items() if "/deployments/" in p]
        assert "/environments/inline-conda/versions/" in deployed["properties"]["environmentId"]


def test_a_build_context_is_sent_once_and_again_when_it_is_another(team: Project, azure: StandIn) -> None:
    file = "assets/environment/docker-context.yml"
    text = SPEC.format(environment=f"{{from: {file}}}", deploy="X", service="s").replace("    deploy: X\n", "")
    team.write("pipeline.yaml", text)
    first = team.environment()
    assert team.environment() == first
    assert sent(azure, "PUT", "python-and-pip/Dockerfile") == 1
    assert team.drift_of_environment() == []
    team.write("assets/environment/docker-contexts/python-and-pip/requirements.txt", "numpy==2\n")
    assert team.environment().reference != first.reference
    assert sent(azure, "PUT", "python-and-pip/Dockerfile") == 2


def test_a_build_context_without_a_dockerfile_is_told_before_anything_is_sent(team: Project, azure: StandIn) -> None:
    (team.root / "assets/environment/docker-contexts/python-and-pip/Dockerfile").unlink()
    file = "assets/environment/docker-context.yml"
    text = SPEC.format(environment=f"{{from: {file}}}", deploy="X", service="s").replace("    deploy: X\n", "")
    team.write("pipeline.yaml", text)
    with pytest.raises(SpecError, match=f"{file}:4:9: build.path: there is no file .*python-and-pip/Dockerfile"):
        team.environment()
