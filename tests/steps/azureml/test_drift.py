"""What `doit plan --remote` finds where somebody changed something in Azure, and that asking changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from bedplate.errors import StepError
from tests.azure.standin import StandIn
from tests.steps.azureml.project import DIGEST, Project, held, of_kind

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def name(project: Project) -> str:
    """Of the deployment that serves."""
    return project.deploy().name.partition("/")[2]


def serving(azure: StandIn) -> Any:
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    return document


def test_where_all_is_as_the_spec_says_nothing_differs_and_nothing_is_written(
    project: Project, azure: StandIn, name: str
) -> None:
    before = len(list(azure.recorder))
    assert project.drift() == []
    assert {one.method for one in list(azure.recorder)[before:]} == {"GET"}


@pytest.mark.usefixtures("name")
def test_every_way_in_which_a_deployment_differs_is_named_as_the_spec_names_it(
    project: Project, azure: StandIn
) -> None:
    project.edit(
        "instance_type: Standard_DS3_v2",
        "instance_type: Standard_DS3_v2, request_settings: {request_timeout_ms: 5500}, tags: {team: iris},"
        " liveness_probe: {initial_delay: 10}, app_insights_enabled: true",
    )
    name = project.deploy().name.partition("/")[2]
    document = serving(azure)
    document["sku"]["capacity"] = 3
    document["tags"] = {"team": "others"}
    properties = document["properties"]
    properties["environmentVariables"] = {"GREETING": "bye", "DEBUG": "1"}
    properties["requestSettings"] = {"requestTimeout": "PT1M"}
    properties["livenessProbe"] = {"initialDelay": "PT0M10S"}  # the same time
    properties["appInsightsEnabled"] = False
    properties["environmentId"] = properties["environmentId"].rpartition("/")[0] + "/other"
    properties["codeConfiguration"]["scoringScript"] = "main.py"
    where = f"deployment {name} of endpoint iris"
    ours = project.environment_output.reference or ""
    assert sorted(project.drift()) == sorted(
        [
            f"{where}: app_insights_enabled: false in Azure, true in the spec",
            f"{where}: entry_script: main.py in Azure, score.py in the spec",
            f"{where}: environment: iris:other in Azure, iris:{ours.rpartition('/')[2]} in the spec",
            f"{where}: environment_variables.DEBUG: 1 in Azure, nothing in the spec",
            f"{where}: environment_variables.GREETING: bye in Azure, hello in the spec",
            f"{where}: instance_count: 3 in Azure, 1 in the spec",
            f"{where}: request_settings.request_timeout_ms: 60000 in Azure, 5500 in the spec",
            f"{where}: tags.bedplate.service: nothing in Azure, iris in the spec",
            f"{where}: tags.dev.bedplate.project: nothing in Azure, flowers in the spec",
            f"{where}: tags.team: others in Azure, iris in the spec",
        ]
    )
    project.deploy()
    assert project.drift() == []


def test_a_deployment_whose_last_change_failed_is_told_and_mended(project: Project, azure: StandIn, name: str) -> None:
    serving(azure)["properties"]["provisioningState"] = "Failed"
    assert project.drift() == [f"deployment {name} of endpoint iris: state: Failed in Azure, Succeeded in the spec"]
    assert project.deploy().name == f"iris/{name}"
    assert project.drift() == []


def test_traffic_that_was_moved_is_told(project: Project, azure: StandIn, name: str) -> None:
    documents = held(azure).documents
    documents["onlineEndpoints/iris/deployments/blue"] = documents[f"onlineEndpoints/iris/deployments/{name}"]
    documents["onlineEndpoints/iris"]["properties"]["traffic"] = {"blue": 90, name: 10}
    assert project.drift() == [f"endpoint iris: traffic: blue 90 %, {name} 10 % in Azure, {name} 100 % in the spec"]


def test_traffic_that_is_mirrored_is_told_and_taken_back(project: Project, azure: StandIn, name: str) -> None:
    held(azure).documents["onlineEndpoints/iris"]["properties"]["mirrorTraffic"] = {"shadow": 10, "blue": 0}
    assert project.drift() == ["endpoint iris: mirror_traffic.shadow: 10 in Azure, nothing in the spec"]
    assert project.deploy().name == f"iris/{name}"
    assert project.drift() == []


@pytest.mark.usefixtures("name")
def test_traffic_that_others_mirror_on_their_endpoint_stays(project: Project, azure: StandIn) -> None:
    endpoint = held(azure).documents["onlineEndpoints/iris"]
    endpoint["tags"] = {}
    endpoint["properties"]["mirrorTraffic"] = {"shadow": 10}
    project.write("code/score.py", "def init(): return 2\n")
    project.deploy()
    assert held(azure).documents["onlineEndpoints/iris"]["properties"]["mirrorTraffic"] == {"shadow": 10}


def test_code_and_model_that_are_not_deployed_yet_are_compared_with_what_serves(
    project: Project, azure: StandIn, name: str
) -> None:
    project.write("code/score.py", "def init(): return 2\n")
    project.write("model/a.bin", "other weights")
    before = len(list(azure.recorder))
    traffic, *rest = project.drift()
    assert traffic.startswith(f"endpoint iris: traffic: {name} 100 % in Azure, v-")
    where = f"deployment {name} of endpoint iris"
    assert sorted(line.rpartition(": ")[0] for line in rest) == [f"{where}: code", f"{where}: model"]
    assert {one.method for one in list(azure.recorder)[before:]} == {"GET"}  # neither is sent


@pytest.mark.usefixtures("name")
def test_an_endpoint_that_is_gone_or_another_is_told(project: Project, azure: StandIn) -> None:
    endpoint = held(azure).documents["onlineEndpoints/iris"]
    endpoint["properties"]["authMode"] = "AADToken"
    assert project.drift() == ["endpoint iris: auth_mode: aad_token in Azure, key in the spec"]
    del held(azure).documents["onlineEndpoints/iris"]
    assert project.drift() == ["endpoint iris: endpoint: nothing in Azure, iris in the spec"]


@pytest.mark.usefixtures("name")
def test_a_deployment_that_is_gone_is_told(project: Project, azure: StandIn) -> None:
    (path,) = of_kind(azure, "onlineEndpoints/")
    del held(azure).documents[path]
    held(azure).documents["onlineEndpoints/iris"]["properties"]["traffic"] = {}
    traffic, deployment = project.drift()
    assert "traffic: nothing in Azure" in traffic
    assert deployment == f"endpoint iris: deployment: nothing in Azure, {path.rpartition('/')[2]} in the spec"


def test_an_environment_that_is_gone_archived_or_of_another_image_is_told(
    project: Project, azure: StandIn, name: str
) -> None:
    ((path, document),) = of_kind(azure, "environments/").items()
    version = path.rpartition("/")[2]
    document["properties"]["image"] = "r.io/base:latest"
    assert project.drift() == [
        f"environment iris: image: r.io/base:latest in Azure, r.io/base@{DIGEST} in the spec",
    ]
    document["properties"] |= {"image": f"r.io/base@{DIGEST}", "isArchived": True}
    assert project.drift() == [f"environment iris: version: archived in Azure, {version} in the spec"]
    project.environment()
    assert any("was archived: restored" in note for note in project.log.notes)
    assert project.drift() == []
    del held(azure).documents[path]
    assert project.drift() == [f"environment iris: version: nothing in Azure, {version} in the spec"]


@pytest.mark.usefixtures("name")
def test_instances_are_not_compared_where_something_scales_them(project: Project, azure: StandIn) -> None:
    project.edit("instance_type: Standard_DS3_v2", "instance_type: Standard_DS3_v2, scale_settings: {type: default}")
    project.deploy()
    serving(azure)["sku"]["capacity"] = 4
    assert len(project.drift()) == 1
    project.edit("type: default", "type: target_utilization, max_instances: 5")
    project.deploy()
    serving(azure)["sku"]["capacity"] = 5
    assert project.drift() == []


@pytest.mark.usefixtures("name")
def test_azure_that_cannot_be_asked_is_an_error(project: Project, azure: StandIn) -> None:
    azure.faults.forbidden("/onlineEndpoints/iris", "Microsoft.MachineLearningServices/read", "/subscriptions/s")
    with pytest.raises(StepError, match="AuthorizationFailed"):
        project.drift()
