"""v2 YAML that Bedplate writes, and that it reads, put to azure-ai-ml."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml import read as azureml_read
from bedplate.azureml.documents import EnvironmentVersion, ModelVersion, OnlineDeployment, OnlineEndpoint
from bedplate.azureml.refs import AssetRef
from bedplate.errors import SpecError
from bedplate.model import InferenceConfig, OnlineEndpointDeploy, Route
from tests.oracles import judge

pytestmark = pytest.mark.judges

IMAGE = "ws0123.azurecr.io/iris/base@sha256:" + "a" * 64
ROUTE = Route(5001, "/")
ENVIRONMENT = EnvironmentVersion("iris", "0123456789abcdef", IMAGE, tags={"dev.bedplate.project": "iris"})
DEPLOYMENT = OnlineDeployment(
    name="v-01234567",
    endpoint="iris",
    kubernetes=False,
    environment=AssetRef("", "environments", "iris", "0123456789abcdef", None),
    model=AssetRef("", "models", "iris", "1", None),
    code="services/iris",
    scoring_script="score.py",
    variables={"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
    instance_type="Standard_DS3_v2",
    instance_count=1,
)
EVERYTHING: dict[str, Any] = {
    "request_settings": {"request_timeout_ms": 5000, "max_queue_wait_ms": 500},
    "liveness_probe": {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 3},
    "readiness_probe": {"initial_delay": 10},
    "egress_public_network_access": "disabled",
    "scale_settings": {"type": "default"},
    "app_insights_enabled": True,
    "tags": {"team": "ml"},
    "description": "irises",
    "model_mount_path": "/var/models",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "services/iris/score.py": "",
        "services/iris/conda.yml": "dependencies: [pip, {pip: [azureml-inference-server-http]}]\n",
        "services/iris/model/weights": "x",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def body(project: Path, noun: str, text: str) -> dict[str, Any]:
    """What the SDK would send for this file in build/azure."""
    file = project / "build/azure/file.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    verdict = judge.v2(noun, file)
    assert verdict.accepted, verdict.said + text
    sent: dict[str, Any] = json.loads(verdict.said.partition("\n")[2])
    return sent


@pytest.mark.parametrize(
    "environment",
    [
        ENVIRONMENT,
        replace(ENVIRONMENT, conda_file="services/iris/conda.yml", description="irises"),
        replace(ENVIRONMENT, inference_config=InferenceConfig(ROUTE, ROUTE, Route(5001, "/score"))),
        replace(ENVIRONMENT, image=None, build=azureml_yaml.Build("services/iris", "Dockerfile")),
    ],
)
def test_environments(project: Path, environment: EnvironmentVersion) -> None:
    sent = body(project, "environment", azureml_yaml.environment_yaml(environment, "../../"))["properties"]
    assert sent.get("image") == environment.image
    assert ("condaFile" in sent) == (environment.conda_file is not None)
    if environment.inference_config:
        assert sent["inferenceConfig"]["scoringRoute"] == {"port": 5001, "path": "/score"}


def test_a_managed_endpoint(project: Path) -> None:
    settings = {
        "auth_mode": "aad_token",
        "identity": {"type": "system_assigned"},
        "public_network_access": "disabled",
        "tags": {"team": "ml"},
        "description": "irises",
    }
    entry = OnlineEndpointDeploy(None, None, "Standard_DS3_v2", 1, False, None, {**EVERYTHING, **settings})
    sent = body(project, "endpoint", azureml_yaml.endpoint_yaml(azureml_yaml.endpoint("iris", entry)))
    assert sent["properties"]["authMode"].lower() == "aadtoken"
    assert sent["properties"]["publicNetworkAccess"].lower() == "disabled"


def test_a_kubernetes_endpoint(project: Path) -> None:
    sent = body(project, "endpoint", azureml_yaml.endpoint_yaml(OnlineEndpoint("iris", "akscomputetarget")))
    assert sent["properties"]["compute"] == "akscomputetarget"


@pytest.mark.parametrize(
    "deployment",
    [
        DEPLOYMENT,
        replace(DEPLOYMENT, settings=EVERYTHING),
        replace(DEPLOYMENT, environment=replace(ENVIRONMENT, conda_file="services/iris/conda.yml")),
        replace(DEPLOYMENT, model=ModelVersion("services/iris/model", "iris", "1", "custom_model")),
        replace(DEPLOYMENT, model=None),
        replace(DEPLOYMENT, environment=AssetRef("registries/shared", "environments", "iris", "1", None)),
        replace(DEPLOYMENT, environment=AssetRef("", "environments", "iris", None, "latest")),
        replace(
            DEPLOYMENT,
            kubernetes=True,
            instance_type="defaultinstancetype",
            settings={
                "scale_settings": {"type": "target_utilization", "min_instances": 1, "max_instances": 3},
                "resources": {"requests": {"cpu": "0.5", "memory": "1Gi"}},
            },
        ),
    ],
)
def test_deployments(project: Path, deployment: OnlineDeployment) -> None:
    sent = body(project, "deployment", azureml_yaml.deployment_yaml(deployment, "../../"))
    assert sent["properties"]["environmentVariables"] == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert sent["properties"]["endpointComputeType"] == ("Kubernetes" if deployment.kubernetes else "Managed")
    assert sent["properties"]["codeConfiguration"]["scoringScript"] == "score.py"


@pytest.mark.parametrize(
    ("noun", "file"),
    [
        ("environment", "v2_env.yml"),
        ("environment", "v2_env_byoc.yml"),
        ("environment", "bad_v2_env_key.yml"),
        ("environment", "bad_v2_env_both.yml"),
        ("deployment", "v2_deployment.yml"),
        ("deployment", "v2_k8s_deployment.yml"),
        ("deployment", "bad_v2_deployment_key.yml"),
        ("deployment", "bad_v2_deployment_type.yml"),
    ],
)
def test_a_file_is_read_where_it_stands_if_az_takes_it_and_refused_if_not(noun: str, file: str) -> None:
    verdict = judge.v2(noun, judge.EXAMPLES / file)
    assert verdict.accepted == (not file.startswith("bad_")), verdict.said
    assert read(noun, file, judge.EXAMPLES) == verdict.accepted


REFERENCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/environments/e"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("environment: azureml:e:1", ""),
        ("environment: azureml:e@latest", ""),
        ("environment: azureml:e", ""),
        ("environment: e:1", ""),
        (f"environment: azureml:{REFERENCE}/versions/1", ""),
        (f"environment: {REFERENCE}/versions/1", ""),
        ("environment: azureml://registries/r/environments/e/versions/1", ""),
        ("environment: file:e.yml", ""),
        ("environment: file:gone.yml", ""),
        ("environment: {image: a, conda_file: services/iris/conda.yml}", ""),
        ("environment: {image: a, conda_file: gone.yml}", ""),
        ("environment: {image: a, conda_file: 'file:services/iris/conda.yml'}", ""),
        ("environment: {image: a, conda_file: {dependencies: [pip]}}", ""),
        ("environment: {name: e, version: 1.5, image: a, tags: {a: b}}", ""),
        ("environment: [a]", ""),
        ("environment: {name: e, image: a, properties: {a: b}}", ""),
        ("environment: {name: e, build: {path: services/iris, dockerfile_path: conda.yml}}", ""),
        ("environment: {name: e, build: {path: services/iris, dockerfile: conda.yml}}", ""),
        ("environment_variables: {A: 1, B: true}", ""),
        ("environment_variables: [A]", ""),
        ("startup_probe: {period: 1}", ""),
        ("liveness_probe: {periods: 1}", ""),
        ("resources: {requests: {cpu: '1'}}", ""),
        ("resources: {requests: {cpu: '1'}}", "kubernetes"),
        ("resources: {requests: {cpu: 1}}", "kubernetes"),
        ("egress_public_network_access: disabled", ""),
        ("egress_public_network_access: disabled", "kubernetes"),
        ("provisioning_state: Succeeded", ""),
        ("tags: {a: b}\nproperties: {c: d}\nid: x", ""),
        ("traffic: 100", ""),
    ],
)
def test_a_line_is_taken_where_az_takes_it_and_refused_where_not(project: Path, line: str, kind: str) -> None:
    (project / "e.yml").write_text("name: e\nimage: a\n", encoding="utf-8")
    text = (
        "name: blue\nendpoint_name: iris\nmodel: azureml:m:1\ninstance_type: x\ninstance_count: 1\n"
        "code_configuration: {code: services/iris, scoring_script: score.py}\n"
        + ("" if line.startswith("environment:") else "environment: azureml:e:1\n")
        + (f"type: {kind}\n" if kind else "")
        + f"{line}\n"
    )
    (project / "d.yml").write_text(text, encoding="utf-8")
    verdict = judge.v2("deployment", project / "d.yml")
    assert read("deployment", "d.yml", project) == verdict.accepted, verdict.said


def read(noun: str, file: str, root: Path) -> bool:
    try:
        {"environment": azureml_read.environment, "deployment": azureml_read.deployment}[noun](file, root)
    except SpecError:
        return False
    return True
