"""Assets that a team's deployment file names: the version that is meant is found, and told where it is not there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bedplate.errors import StepError
from tests.azure.client import Client
from tests.azure.standin import StandIn
from tests.steps.azureml.project import Project, held, of_kind

pytestmark = pytest.mark.judges
FILE = (
    "name: blue\nendpoint_name: theirs\ninstance_type: Standard_F2s_v2\nenvironment: {environment}\nmodel: {model}\n"
    "code_configuration: {{code: ../code, scoring_script: score.py}}\n"
)
REGISTRY = "azureml://registries/azureml/environments/sklearn-1.5"


@pytest.fixture
def theirs(project: Project, azure: StandIn) -> Project:
    project.edit("instance_type: Standard_DS3_v2", "from: az/deployment.yml")
    for version in ("1", "2"):
        add(azure, "environments/theirs", version, {"image": f"r.io/theirs:{version}"})
    add(azure, "models/flowers", "4", {"modelUri": "azureml://x", "modelType": "custom_model"})
    return project


def add(azure: StandIn, place: str, version: str, properties: dict[str, Any]) -> None:
    answer = Client(azure).ask("PUT", f"{held(azure).id}/{place}/versions/{version}", {"properties": properties})
    assert answer.status_code == 201, answer.text


def deployed(project: Project, azure: StandIn, environment: str, model: str = "azureml:flowers:4") -> dict[str, Any]:
    """The deployment's properties in Azure; its name is the project's last note of one."""
    project.write("az/deployment.yml", FILE.format(environment=environment, model=model))
    name = project.deploy().name.partition("/")[2]
    found: dict[str, Any] = held(azure).documents[f"onlineEndpoints/theirs/deployments/{name}"]["properties"]
    return found


def test_a_version_is_taken_as_it_is(theirs: Project, azure: StandIn) -> None:
    made = deployed(theirs, azure, "azureml:theirs:1")
    assert made["environmentId"].endswith("/environments/theirs/versions/1")
    assert made["model"].endswith("/models/flowers/versions/4")


def test_latest_is_the_version_that_was_made_last_and_stands_in_what_is_deployed(
    theirs: Project, azure: StandIn
) -> None:
    made = deployed(theirs, azure, "azureml:theirs@latest", "azureml:flowers@latest")
    assert made["environmentId"].endswith("/environments/theirs/versions/2")
    assert made["model"].endswith("/models/flowers/versions/4")
    assert "environment azureml:theirs@latest is version 2" in theirs.log.notes
    kept = yaml.safe_load((theirs.root / "build/azure/services/iris/deployment.yml").read_bytes())
    assert (kept["environment"], kept["model"]) == ("azureml:theirs:2", "azureml:flowers:4")
    assert theirs.drift() == []


def test_a_label_that_has_moved_is_a_difference_and_the_next_deploy_follows_it(theirs: Project, azure: StandIn) -> None:
    deployed(theirs, azure, "azureml:theirs@latest")
    add(azure, "environments/theirs", "3", {"image": "r.io/theirs:3"})
    assert any(one.endswith("environment: theirs:2 in Azure, theirs:3 in the spec") for one in theirs.drift())
    made = deployed(theirs, azure, "azureml:theirs@latest")
    assert made["environmentId"].endswith("/environments/theirs/versions/3")


@pytest.mark.parametrize("tail", ["versions/3", "labels/latest"])
def test_what_stands_in_a_registry_is_handed_on(theirs: Project, azure: StandIn, tail: str) -> None:
    assert deployed(theirs, azure, f"{REGISTRY}/{tail}")["environmentId"] == f"{REGISTRY}/{tail}"
    noted = any("Azure ML decides when it deploys" in note for note in theirs.log.notes)
    assert noted == tail.startswith("labels")


def test_an_environment_of_microsofts_is_handed_on_by_its_short_name(theirs: Project, azure: StandIn) -> None:
    short = "azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest"
    assert deployed(theirs, azure, short)["environmentId"] == short


@pytest.mark.parametrize(
    ("environment", "said", "hint"),
    [
        ("azureml:theirs:7", "the workspace has no environment theirs:7", "its latest version is 2"),
        ("azureml:gone:1", "the workspace has no environment gone:1", "`az ml environment list` shows what there is"),
        ("azureml:gone@latest", "the workspace has no environment gone", "`az ml environment list`"),
        ("azureml:theirs@stable", "azureml:theirs@stable: of labels, a workspace knows @latest alone", ":VERSION, or"),
        ("azureml:theirs", "azureml:theirs names no version", "write azureml:theirs:VERSION, or azureml:theirs@latest"),
        (REGISTRY, f"{REGISTRY} names no version", "name its version: .../versions/VERSION"),
    ],
)
def test_what_names_nothing_is_told_before_anything_is_made(
    theirs: Project, azure: StandIn, environment: str, said: str, hint: str
) -> None:
    with pytest.raises(StepError) as refused:
        deployed(theirs, azure, environment)
    assert refused.value.message == said
    assert hint in refused.value.hint
    assert not of_kind(azure, "onlineEndpoints/")
