"""v2 YAML as values, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.azureml import documents as azureml_yaml
from bedplate.azureml import read as azureml_read
from bedplate.azureml.documents import EnvironmentVersion, ModelVersion, OnlineDeployment
from bedplate.azureml.refs import COLLECTIONS, AssetRef
from bedplate.model import EnvironmentEntry, InferenceConfig, OnlineEndpointDeploy, Route, ServiceEntry
from bedplate.yamlfile.written import written

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=("Cc", "Cs")), max_size=20)
MAPS = st.dictionaries(NAMES, TEXTS, max_size=3)
ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


def refs(collection: str) -> st.SearchStrategy[AssetRef]:
    tails = st.one_of(st.tuples(NAMES, st.none()), st.tuples(st.none(), NAMES), st.tuples(st.none(), st.none()))
    scopes = st.sampled_from(["", "registries/shared", ARM])
    return st.builds(lambda scope, name, tail: AssetRef(scope, collection, name, *tail), scopes, NAMES, tails)


ROUTES = st.builds(Route, st.integers(1, 65535), st.from_regex("/[a-z]{0,9}", fullmatch=True))
ENVIRONMENTS = st.builds(
    EnvironmentVersion,
    name=NAMES,
    version=st.none() | NAMES,
    image=NAMES,
    conda_file=st.sampled_from([None, "azure/conda.yml"]),
    inference_config=st.none() | st.builds(InferenceConfig, ROUTES, ROUTES, ROUTES),
    description=st.none() | TEXTS,
    tags=MAPS,
)
DEPLOYMENTS = st.builds(
    OnlineDeployment,
    name=NAMES,
    endpoint=st.from_regex(r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]", fullmatch=True),
    kubernetes=st.just(False),
    environment=refs("environments") | ENVIRONMENTS,
    model=st.none() | refs("models") | st.builds(ModelVersion, st.just("azure/conda.yml"), name=NAMES, tags=MAPS),
    code=st.just("azure"),
    scoring_script=st.just("score.py"),
    variables=MAPS,
    instance_type=NAMES,
    instance_count=st.none() | st.integers(1, 100),
    settings=st.fixed_dictionaries({}, optional={"tags": MAPS, "description": TEXTS}),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "azure").mkdir()
    (folder / "build/azure").mkdir(parents=True)
    for name in ("conda.yml", "score.py"):
        (folder / "azure" / name).write_text("", encoding="utf-8")
    return folder


@given(st.sampled_from(COLLECTIONS).flatmap(refs))
def test_a_reference_is_read_as_it_was_written(ref: AssetRef) -> None:
    assert AssetRef.parse(str(ref), ref.collection) == ref


@pytest.mark.parametrize(
    "text", ["iris:1", "azureml:", "azureml:a:b:c", "azureml:a@b:c", ARM + "/models/m", "azureml:x/y"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        AssetRef.parse(text, "models")


@settings(deadline=None)
@given(environment=ENVIRONMENTS)
def test_an_environment_is_read_as_it_was_written(project: Path, environment: EnvironmentVersion) -> None:
    (project / "build/azure/e.yml").write_text(azureml_yaml.environment_yaml(environment, "../../"), encoding="utf-8")
    assert azureml_read.environment("build/azure/e.yml", project) == environment


@settings(deadline=None)
@given(deployment=DEPLOYMENTS)
def test_a_deployment_is_read_as_it_was_written(project: Path, deployment: OnlineDeployment) -> None:
    (project / "build/azure/d.yml").write_text(azureml_yaml.deployment_yaml(deployment, "../../"), encoding="utf-8")
    assert azureml_read.deployment("build/azure/d.yml", project) == deployment


def entry(**given: object) -> OnlineEndpointDeploy:
    compute = given.pop("compute", None)
    return OnlineEndpointDeploy(None, str(compute) if compute else None, "Standard_DS3_v2", 1, False, None, given)


def test_the_settings_of_a_target_go_to_the_endpoint_or_the_deployment() -> None:
    told = entry(
        auth_mode="aad_token", identity={"type": "system_assigned"}, app_insights_enabled=True, tags={"a": "b"}
    )
    endpoint = azureml_yaml.endpoint("iris", told)
    assert endpoint.settings == {
        "auth_mode": "aad_token",
        "identity": {"type": "system_assigned"},
        "tags": {"a": "b"},
    }
    assert azureml_yaml.deployment_settings(told) == {"app_insights_enabled": True, "tags": {"a": "b"}}


def test_a_kubernetes_endpoint_names_its_compute() -> None:
    endpoint = azureml_yaml.endpoint("iris", entry(compute="akscomputetarget", public_network_access="disabled"))
    document = yaml.safe_load(azureml_yaml.endpoint_yaml(endpoint))
    assert document["compute"] == "azureml:akscomputetarget"
    assert "public_network_access" not in document


def test_a_managed_endpoint_says_who_may_call_it() -> None:
    document = yaml.safe_load(azureml_yaml.endpoint_yaml(azureml_yaml.endpoint("iris", entry())))
    assert (document["name"], document["auth_mode"]) == ("iris", "key")
    assert "compute" not in document


def test_a_deployment_on_kubernetes_says_so() -> None:
    told = OnlineDeployment("b", "e", True, None, None, None, None)
    assert yaml.safe_load(azureml_yaml.deployment_yaml(told))["type"] == "kubernetes"


def test_a_service_of_the_spec_becomes_a_deployment() -> None:
    service = ServiceEntry("iris", "iris", None, "services/iris", "score.py", ())
    told = entry(environment_variables={"B": "2"}, auth_mode="key", app_insights_enabled=True)
    environment = AssetRef("", "environments", "iris", "0123", None)
    made = azureml_yaml.deployment("v-0123", "iris", service, told, environment, None, {"A": "1", "B": "1"})
    assert yaml.safe_load(azureml_yaml.deployment_yaml(made, "../../")) == {
        "$schema": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
        "name": "v-0123",
        "endpoint_name": "iris",
        "code_configuration": {"code": "../../services/iris", "scoring_script": "score.py"},
        "environment": "azureml:iris:0123",
        "environment_variables": {"A": "1", "B": "2"},
        "instance_type": "Standard_DS3_v2",
        "instance_count": 1,
        "app_insights_enabled": True,
    }


def test_an_environment_of_the_spec_becomes_a_version() -> None:
    told = EnvironmentEntry("iris", "base", None, "conda.yml", False, "1.5.1", None, {}, ("latest",), None, {})
    assert yaml.safe_load(azureml_yaml.environment_yaml(azureml_yaml.environment(told, "0123", "r/i@sha256:0"))) == {
        "$schema": "https://azuremlschemas.azureedge.net/latest/environment.schema.json",
        "name": "iris",
        "version": "0123",
        "image": "r/i@sha256:0",
        "conda_file": "./conda.yml",
    }


@pytest.mark.parametrize("value", ["0E0", "1e3", "no", "12:30", "2026-01-02", "0o7", "null", ""])
def test_a_text_that_a_reader_could_take_for_something_else_has_quotes(value: str) -> None:
    assert written({"a": [value], value or "b": {"c": value}}).count(f"'{value}'") >= 2
    assert "'" not in written({"a": "plain text", "b": 1, "c": 1.5, "d": True})
