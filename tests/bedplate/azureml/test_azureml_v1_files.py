"""The files of Azure ML's first version, as values."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
from typing import Any

import pytest

from bedplate import conda_file
from bedplate.azureml import v1 as azureml_v1
from bedplate.azureml import v1_scripts as azureml_v1_scripts
from bedplate.azureml.v1 import Pull
from bedplate.azureml.v1_scripts import RegisteredModel, Service
from bedplate.model import EnvSecret, FileSecret, Workspace

IMAGE = "registry.example.org/team/iris@sha256:" + "a" * 64


def conda() -> conda_file.CondaFile:
    return conda_file.with_defaults(conda_file.of_nothing())[0]


def service(**changes: Any) -> Service:
    given: dict[str, Any] = {
        "name": "iris",
        "model": RegisteredModel("iris", "1", None),
        "entry_script": "score.py",
        "source": "source",
        "environment": "../../environments/iris",
        "root": "../../../..",
        "compute_type": "aks",
        "compute_target": "akscomputetarget",
        "settings": {"numReplicas": 2},
        "workspace": Workspace(None, "rg", "iris-ws"),
    }
    return Service(**{**given, **changes})


def test_a_public_image_names_no_registry_and_nobody_who_pulls() -> None:
    registry = azureml_v1.environment("iris", IMAGE, {}, conda(), None)["docker"]["baseImageRegistry"]
    assert set(registry.values()) == {None}


def test_a_private_registry_is_named_and_the_password_is_not() -> None:
    pull = Pull("registry.example.org", "reader", EnvSecret("READER_PASSWORD"))
    registry = azureml_v1.environment("iris", IMAGE, {}, conda(), pull)["docker"]["baseImageRegistry"]
    assert registry == {
        "address": "registry.example.org",
        "username": "reader",
        "password": "${READER_PASSWORD}",
        "registryIdentity": None,
    }


def test_a_password_in_a_file_is_named_by_the_file() -> None:
    pull = Pull("registry.example.org", None, FileSecret("~/password"))
    registry = azureml_v1.environment("iris", IMAGE, {}, None, pull)["docker"]["baseImageRegistry"]
    assert (registry["username"], registry["password"]) == ("${BASE_IMAGE_REGISTRY_USERNAME}", "${file:~/password}")


def test_a_user_managed_environment_has_no_packages() -> None:
    document = azureml_v1.environment("iris", IMAGE, {}, None, None)
    assert document["python"]["userManagedDependencies"] is True
    assert list(azureml_v1.environment_files(document)) == ["azureml_environment.json"]


def test_the_packages_stand_in_a_file_of_their_own() -> None:
    files = azureml_v1.environment_files(azureml_v1.environment("iris", IMAGE, {"A": "1"}, conda(), None))
    assert "condaDependencies" not in json.loads(files["azureml_environment.json"])["python"]
    assert files["conda_dependencies.yml"] == (
        "name: project_environment\ndependencies:\n- python=3.10\n- pip:\n  - azureml-defaults>=1.0.45\n- pip\n"
        "channels:\n- conda-forge\n"
    )


@pytest.mark.parametrize(
    ("compute_type", "settings", "key"),
    [
        ("aci", {"autoScaler": {"autoscaleEnabled": True}}, "autoScaler.autoscaleEnabled"),
        ("local", {"port": 8890, "authEnabled": True}, "authEnabled"),
        ("aks", {"port": 8890}, "port"),
        ("aks", {"containerResourceRequirements": {"cpu": 1, "gpu": 1}}, "containerResourceRequirements.gpu"),
        ("aks", {"numReplicas": 1, "autoScaler": {"autoscaleEnabled": True}}, "numReplicas"),
        ("aks", {"autoScaler": {"minReplicas": 1}}, "autoScaler.minReplicas"),
        ("aks", {"autoScaler": {"autoscaleEnabled": False}}, "autoScaler.autoscaleEnabled"),
        (
            "aks",
            {"autoScaler": {"autoscaleEnabled": True, "minReplicas": 3, "maxReplicas": 1}},
            "autoScaler.minReplicas",
        ),
        ("aks", {"authEnabled": True, "tokenAuthEnabled": True}, "tokenAuthEnabled"),
        ("aci", {"vnetName": "v"}, "vnetName"),
        ("aks", {"unheardOf": 1}, "unheardOf"),
    ],
)
def test_a_setting_that_v1_would_ignore_or_refuse_is_named(
    compute_type: str, settings: dict[str, Any], key: str
) -> None:
    assert [found for found, _ in azureml_v1.wrong_settings(compute_type, settings)] == [key]


def test_settings_that_belong_together_are_accepted() -> None:
    scaled = {"autoScaler": {"autoscaleEnabled": True, "minReplicas": 1, "maxReplicas": 3}, "authEnabled": True}
    assert azureml_v1.wrong_settings("aks", scaled) == []
    assert azureml_v1.wrong_settings("aci", {"vnetName": "v", "subnetName": "s", "location": "westeurope"}) == []
    assert azureml_v1.wrong_settings("local", {"port": 8890}) == []


def test_the_cli_line_is_the_tutorials() -> None:
    last = azureml_v1_scripts.cli(
        service(name="myservice", model=RegisteredModel("mymodel", "1", None), workspace=None)
    )
    assert last.splitlines()[-1] == (
        "az ml model deploy -n myservice -m mymodel:1 --ic inferenceconfig.json --dc deploymentconfig.json"
        ' --ct akscomputetarget "$@"'
    )


def test_a_service_without_a_model_and_a_target_has_neither_in_its_line() -> None:
    line = azureml_v1_scripts.cli(service(model=None, compute_target=None)).splitlines()[-1]
    assert " -m " not in line
    assert " --ct " not in line


def test_a_name_with_a_space_stays_one_word_of_the_line() -> None:
    line = azureml_v1_scripts.cli(service(workspace=Workspace("My subscription", "rg", "iris-ws"))).splitlines()[-1]
    assert "My subscription" in shlex.split(line)


def test_the_cli_script_is_shell() -> None:
    script = azureml_v1_scripts.cli(service(model=RegisteredModel("iris", "1", "../../../../services/iris/model")))
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert "az ml model register -n iris -p ../../../../services/iris/model -w iris-ws -g rg" in script


@pytest.mark.parametrize("path", [None, "../../../../services/it's/model"])
def test_the_sdk_program_is_python_and_reads_the_password_when_it_runs(path: str | None) -> None:
    pull = Pull("registry.example.org", EnvSecret("READER"), FileSecret("~/reader's password"))
    program = azureml_v1_scripts.sdk(service(model=RegisteredModel("iris", "1", path)), pull)
    ast.parse(program)
    assert "registry.username = variable('READER')" in program
    assert "reader's password" in program
    assert "AksWebservice.deploy_configuration(num_replicas=2)" in program


def test_the_sdk_program_asks_the_environment_where_the_spec_says_nothing() -> None:
    program = azureml_v1_scripts.sdk(service(model=None, workspace=None), Pull("registry.example.org", None, None))
    assert "variable('BASE_IMAGE_REGISTRY_USERNAME')" in program
    assert "variable('BASE_IMAGE_REGISTRY_PASSWORD')" in program
    assert "Workspace.from_config()" in program
    assert "import AksCompute" in program
    assert "AksCompute" not in azureml_v1_scripts.sdk(service(compute_type="local", settings={}), None)
