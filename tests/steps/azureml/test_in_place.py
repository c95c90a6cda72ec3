"""What Azure changes in a deployment that serves is changed there; the rest is another deployment."""

from __future__ import annotations

import pytest
import yaml

from bedplate.clients.azure import operations
from bedplate.errors import StepError
from tests.azure.standin import StandIn
from tests.oracles import judge
from tests.steps.azureml.project import Project, held, of_kind, sent, traffic

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SIZE = "instance_type: Standard_DS3_v2"


def only(azure: StandIn) -> dict[str, object]:
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    found: dict[str, object] = document
    return found


def test_more_instances_are_given_to_the_deployment_that_serves(project: Project, azure: StandIn) -> None:
    first = project.deploy().name
    made = sent(azure, "PUT", "/deployments/")
    project.edit(SIZE, f"{SIZE}, instance_count: 3, tags: {{team: iris}}")
    assert project.deploy().name == first
    assert (sent(azure, "PATCH", "/deployments/"), sent(azure, "PUT", "/deployments/")) == (1, made)
    document = only(azure)
    assert document["sku"] == {"name": "Default", "capacity": 3}
    assert document["tags"] == {"team": "iris", "dev.bedplate.project": "flowers", "bedplate.service": "iris"}
    assert any(note.endswith("instance_count 1 -> 3") for note in project.log.notes)
    assert sent(azure, "POST", "/endpoints/iris/score") == 1  # nothing new is to be tried


def test_other_scaling_is_put_to_the_deployment_that_serves(project: Project, azure: StandIn) -> None:
    held(azure).computes["k8s"] = "Kubernetes"
    project.edit(SIZE, "compute: k8s, scale_settings: {type: target_utilization, max_instances: 2}")
    first = project.deploy().name
    project.edit("max_instances: 2", "max_instances: 5, polling_interval: 90")
    assert project.deploy().name == first
    properties = only(azure)["properties"]
    assert isinstance(properties, dict)
    assert properties["scaleSettings"]["maxInstances"] == 5
    # as long, in another unit: nothing to change
    properties["scaleSettings"]["pollingInterval"] = "PT1M30S"
    before = sent(azure, "PUT", "/deployments/")
    project.deploy()
    assert sent(azure, "PUT", "/deployments/") == before


def test_a_tag_that_somebody_else_has_set_stays(project: Project, azure: StandIn) -> None:
    project.deploy()
    tags = only(azure)["tags"]
    assert isinstance(tags, dict)
    tags["cost"] = "42"
    project.edit(SIZE, f"{SIZE}, instance_count: 2")
    project.deploy()
    assert only(azure)["tags"] == {"cost": "42", "dev.bedplate.project": "flowers", "bedplate.service": "iris"}


def test_another_size_of_machine_is_another_deployment(project: Project, azure: StandIn) -> None:
    first = project.deploy().name
    project.edit("Standard_DS3_v2", "Standard_F4s_v2")
    assert project.deploy().name != first
    assert sent(azure, "PATCH", "/deployments/") == 0


def test_what_somebody_changed_in_azure_is_set_back_by_the_next_deploy(project: Project, azure: StandIn) -> None:
    deployed = project.deploy()
    properties = only(azure)["properties"]
    assert isinstance(properties, dict)
    properties["environmentVariables"]["GREETING"] = "bye"
    assert project.deploy() == deployed
    properties = only(azure)["properties"]
    assert isinstance(properties, dict)
    assert properties["environmentVariables"] == {"GREETING": "hello"}


def test_an_endpoint_of_this_project_follows_the_spec_and_keeps_its_traffic(project: Project, azure: StandIn) -> None:
    name = project.deploy().name.partition("/")[2]
    project.edit(SIZE, f"{SIZE}, public_network_access: disabled, description: flowers")
    held_before = held(azure).documents["onlineEndpoints/iris"]["properties"]["publicNetworkAccess"]
    project.deploy()
    properties = held(azure).documents["onlineEndpoints/iris"]["properties"]
    assert (held_before, properties["publicNetworkAccess"]) == ("Enabled", "Disabled")
    assert sum(traffic(azure).values()) == 100
    assert name not in traffic(azure)  # `description` is the deployment's too, and makes it another one


def test_an_endpoint_of_somebody_else_is_taken_as_it_is(project: Project, azure: StandIn) -> None:
    project.deploy()
    held(azure).documents["onlineEndpoints/iris"]["tags"] = {}
    project.edit(SIZE, f"{SIZE}, public_network_access: disabled")
    project.deploy()
    assert held(azure).documents["onlineEndpoints/iris"]["properties"]["publicNetworkAccess"] == "Enabled"
    assert any("endpoint iris was made elsewhere, and is left as it is" in note for note in project.log.notes)


def test_a_change_that_azure_refuses_leaves_what_serves(project: Project, azure: StandIn) -> None:
    first = project.deploy().name.partition("/")[2]
    project.edit(SIZE, f"{SIZE}, instance_count: 99")
    azure.faults.refuse("/deployments/", 400, "OutOfQuota", "Not enough quota available", method="PATCH")
    with pytest.raises(StepError, match="OutOfQuota: Not enough quota available"):
        project.deploy()
    assert traffic(azure) == {first: 100}


def test_what_az_takes_stands_in_the_build_folder(project: Project, azure: StandIn) -> None:
    deployed = project.deploy()
    folder = project.root / "build/azure/services/iris"
    endpoint = yaml.safe_load((folder / "endpoint.yml").read_bytes())
    deployment = yaml.safe_load((folder / "deployment.yml").read_bytes())
    assert f"{deployment['endpoint_name']}/{deployment['name']}" == deployed.name
    assert (endpoint["name"], endpoint["auth_mode"]) == ("iris", "key")
    assert (folder / deployment["code_configuration"]["code"] / "score.py").is_file()
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    name, version = deployment["model"].removeprefix("azureml:").split(":")
    assert document["properties"]["model"].endswith(f"/models/{name}/versions/{version}")
    for noun in ("endpoint", "deployment"):
        verdict = judge.v2(noun, folder / f"{noun}.yml")
        assert verdict.accepted, verdict.said


def test_while_azure_works_it_is_known_what_goes_on_and_what_shows_it(
    project: Project, azure: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    sleep = operations.time.sleep

    def asleep(seconds: float) -> None:
        seen.append(project.azure.under_way.goes_on())
        sleep(seconds)

    monkeypatch.setattr(operations.time, "sleep", asleep)
    name = project.deploy().name.partition("/")[2]
    making = next(line for said in seen for line in said if line.startswith("goes on in Azure: creating deployment"))
    where = "--workspace-name demo --resource-group rg --subscription"
    assert making.startswith(
        f"goes on in Azure: creating deployment {name} of endpoint iris\n"
        f"  shown by: `az ml online-deployment show --name {name} --endpoint-name iris {where} "
    )
    assert any(
        line.startswith(
            f"goes on in Azure: moving the traffic of endpoint iris to {name}\n  shown by: `az ml online-endpoint show"
        )
        for said in seen
        for line in said
    )
    assert project.azure.under_way.goes_on() == []
