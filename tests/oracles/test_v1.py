"""What Bedplate writes for version 1 of Azure ML's SDK and CLI, put to azureml-core."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bedplate.azureml import v1 as azureml_v1
from tests.azureml.project import Project
from tests.oracles import judge

pytestmark = pytest.mark.judges

BUILD = "build/azure_v1"
SERVICE = f"{BUILD}/services/myservice"
CONFIGURATIONS: list[tuple[str, dict[str, Any]]] = [
    ("local", {"port": 8890}),
    ("local", {}),
    ("aci", {"containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1.0}, "authEnabled": True}),
    ("aci", {"dnsNameLabel": "iris", "location": "westeurope", "vnetName": "v", "subnetName": "s"}),
    ("aks", {"numReplicas": 2, "gpuCores": 1, "namespace": "ml", "tokenAuthEnabled": True}),
    (
        "aks",
        {
            "autoScaler": {
                "autoscaleEnabled": True,
                "minReplicas": 1,
                "maxReplicas": 3,
                "refreshPeriodInSeconds": 1,
                "targetUtilization": 70,
            },
            "dataCollection": {"storageEnabled": True},
            "scoringTimeoutMs": 60000,
            "maxConcurrentRequestsPerContainer": 2,
            "maxQueueWaitMs": 500,
            "livenessProbeRequirements": {"periodSeconds": 10, "failureThreshold": 3},
        },
    ),
]
# what stands in for the cloud when deploy.py runs: the service would be made of what it prints
STAND_IN = """
import json, runpy, sys, warnings
warnings.simplefilter("ignore")
import azureml.core.webservice, azureml.core.model
from azureml.core import Environment, Workspace
from azureml.core.compute import AksCompute
from azureml.core.model import Model
class Answer:
    state = "Healthy"
    def wait_for_deployment(self, show_output): pass
def deploy(ws, name, models, inference, deployment, deployment_target=None, overwrite=False):
    inference.validate_configuration()
    deployment.validate_configuration()
    docker = inference.environment.docker
    print(json.dumps({
        "workspace": ws, "name": name, "models": models, "overwrite": overwrite, "target": deployment_target,
        "image": docker.base_image, "username": docker.base_image_registry.username,
        "password": docker.base_image_registry.password, "type": type(deployment).__name__,
        "deployment": {key: value for key, value in vars(deployment).items() if value is not None},
        "environment": Environment._serialize_to_dict(inference.environment),
    }, default=str))
    return Answer()
Model.deploy = staticmethod(deploy)
Model.__new__ = lambda cls, ws, name=None, version=None: f"{name}:{version}"
AksCompute.__new__ = lambda cls, ws, name: name
Workspace.get = staticmethod(lambda name, subscription_id=None, resource_group=None: f"{resource_group}/{name}")
program = sys.argv.pop(1)
runpy.run_path(program, run_name="__main__")
"""


def accepted(verdict: judge.Verdict) -> None:
    assert verdict.accepted, verdict.said


@pytest.fixture
def public(tmp_path: Path) -> Project:
    project = Project(tmp_path / "public", "v1_public_image")
    project.deploy()
    return project


@pytest.fixture
def private(tmp_path: Path) -> Project:
    project = Project(tmp_path / "private", "v1_private_registry")
    project.deploy()
    return project


def test_the_environments_of_the_examples(public: Project, private: Project) -> None:
    accepted(judge.v1("environment", public.root / BUILD / "environments/my-deploy-env"))
    accepted(judge.v1("environment", private.root / BUILD / "environments/myenv"))


def test_a_user_managed_environment(public: Project) -> None:
    public.edit("pipeline.yaml", "    conda: service/conda.yml\n", "    user_managed: true\n")
    public.deploy()
    folder = public.root / BUILD / "environments/my-deploy-env"
    accepted(judge.v1("environment", folder / "azureml_environment.json"))
    accepted(judge.v1("inferenceconfig", public.root / SERVICE / "inferenceconfig.json"))


def test_an_environment_without_image_and_packages(public: Project) -> None:
    public.edit("pipeline.yaml", "    image: miniconda\n    conda: service/conda.yml\n", "")
    public.deploy()
    accepted(judge.v1("environment", public.root / BUILD / "environments/my-deploy-env"))
    accepted(judge.v1("inferenceconfig", public.root / SERVICE / "inferenceconfig.json"))


def test_what_is_written_is_what_azureml_core_writes_itself(private: Project, tmp_path: Path) -> None:
    """To the byte, but for the comments that it puts in the packages' file."""
    folder = private.root / BUILD / "environments/myenv"
    program = (
        "import sys; from azureml.core.environment import Environment as E;"
        "E.load_from_directory(sys.argv[1]).save_to_directory(sys.argv[2], overwrite=True)"
    )
    copy = tmp_path / "copy"
    subprocess.run([judge.python(*judge.V1), "-W", "ignore", "-c", program, folder, copy], check=True)
    for name in ("azureml_environment.json", "conda_dependencies.yml"):
        theirs = (copy / name).read_text(encoding="utf-8").splitlines()
        ours = (folder / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in theirs if line.strip() and not line.lstrip().startswith("#")] == ours


def test_the_inference_configuration(public: Project) -> None:
    accepted(judge.v1("inferenceconfig", public.root / SERVICE / "inferenceconfig.json"))


@pytest.mark.parametrize(("compute_type", "settings"), CONFIGURATIONS)
def test_deployment_configurations(tmp_path: Path, compute_type: str, settings: dict[str, Any]) -> None:
    assert azureml_v1.wrong_settings(compute_type, settings) == []
    file = tmp_path / "deploymentconfig.json"
    file.write_text(azureml_v1.text(azureml_v1.deployment_config(compute_type, settings)), encoding="utf-8")
    accepted(judge.v1("deploymentconfig", file))


def run(project: Project, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [judge.python(*judge.V1), "-c", STAND_IN, project.root / SERVICE / "deploy.py", *args]
    return subprocess.run(
        command, capture_output=True, text=True, env={"HOME": str(project.root), **environ}, timeout=120
    )


def test_the_program_deploys_with_the_password_that_stands_in_no_file(private: Project) -> None:
    ran = run(private, SP_APP_ID="app", SP_SECRET="hunter")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[0])
    assert (told["workspace"], told["name"], told["models"]) == ("rg/iris-ws", "myservice", ["mymodel:1"])
    assert told["image"].startswith("myregistry.azurecr.io/myproject/myimage@sha256:")
    assert (told["username"], told["password"]) == ("app", "hunter")
    assert (told["type"], told["deployment"]["port"]) == ("LocalWebserviceDeploymentConfiguration", 8890)
    assert (told["target"], told["overwrite"]) == (None, False)
    assert told["environment"]["inferencingStackVersion"] == "latest"


def test_the_program_says_which_variable_is_missing(private: Project) -> None:
    ran = run(private, SP_APP_ID="app")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.strip().endswith("SP_SECRET is not set: the registry is pulled from with it")


@pytest.mark.parametrize(("compute_type", "settings"), CONFIGURATIONS)
def test_the_program_asks_for_the_same_as_the_file_of_the_cli(
    private: Project, compute_type: str, settings: dict[str, Any]
) -> None:
    target = ", compute_target: akscomputetarget" if compute_type == "aks" else ""
    deploy = f"{{kind: azureml_v1, compute_type: {compute_type}{target}, {json.dumps(settings)[1:-1]}}}"
    private.edit("pipeline.yaml", "{kind: azureml_v1, compute_type: local, port: 8890}", deploy)
    private.deploy()
    ran = run(private, "--overwrite", SP_APP_ID="app", SP_SECRET="hunter")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[0])
    assert told["overwrite"] is True
    assert told["target"] == ("akscomputetarget" if compute_type == "aks" else None)
    file = json.dumps(azureml_v1.deployment_config(compute_type, settings))
    program = (
        "import json, sys, azureml.core.webservice, azureml.core.model\n"
        "from azureml._model_management._util import deploy_config_dict_to_obj as read\n"
        "made = vars(read(json.loads(sys.argv[1]), None, None, None))\n"
        "print(json.dumps({key: value for key, value in made.items() if value is not None}, default=str))"
    )
    command = [str(judge.python(*judge.V1)), "-W", "ignore", "-c", program, file]
    assert told["deployment"] == json.loads(subprocess.check_output(command, text=True))


def test_the_default_image_is_the_sdks_own() -> None:
    program = "from azureml.core.runconfig import DEFAULT_CPU_IMAGE; print(DEFAULT_CPU_IMAGE)"
    said = subprocess.check_output([judge.python(*judge.V1), "-W", "ignore", "-c", program], text=True)
    assert said.strip() == azureml_v1.DEFAULT_IMAGE


@pytest.mark.parametrize(
    ("noun", "file"),
    [
        ("environment", "bad_env_key.json"),
        ("inferenceconfig", "bad_env_both.json"),
        ("inferenceconfig", "bad_ic_missing.json"),
        ("deploymentconfig", "bad_dc_conflict.json"),
        ("deploymentconfig", "bad_dc_misspelt.json"),
        ("deploymentconfig", "bad_dc_type.json"),
    ],
)
def test_the_judge_refuses_a_bad_file(noun: str, file: str) -> None:
    assert not judge.v1(noun, judge.EXAMPLES / file).accepted


@pytest.mark.parametrize(
    "change",
    [
        {"docker": {"baseImg": "x"}},
        {"enviromentVariables": {}},
        {"python": {"condaDependencyFile": None}},
    ],
)
def test_the_judge_refuses_a_file_of_ours_that_was_spoilt(public: Project, change: dict[str, Any]) -> None:
    file = public.root / BUILD / "environments/my-deploy-env/azureml_environment.json"
    document = json.loads(file.read_bytes())
    for key, value in change.items():
        document[key] = {**document[key], **value} if isinstance(value, dict) and key in document else value
    file.write_text(azureml_v1.text(document), encoding="utf-8")
    assert not judge.v1("environment", file).accepted
