"""Azure ML v2 YAML that is used where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bedplate.azureml import read as azureml_read
from bedplate.azureml.documents import Build, EnvironmentVersion, ModelVersion
from bedplate.azureml.refs import AssetRef
from bedplate.errors import SpecError
from bedplate.model import InferenceConfig, Route

DEPLOYMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: iris
model: azureml:iris:3
environment: azureml:iris@latest
code_configuration:
  code: ../src
  scoring_script: score.py
environment_variables: {WORKERS: 2, DEBUG: true, NAME: x}
instance_type: Standard_DS3_v2
instance_count: 2
request_settings: {request_timeout_ms: 5000}
liveness_probe: {initial_delay: 10}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "src/score.py": "",
        "azure/conda.yml": "dependencies: []\n",
        "azure/image/Dockerfile": "FROM scratch\n",
        "azure/model.pkl": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def environment(project: Path, text: str) -> EnvironmentVersion:
    (project / "azure/environment.yml").write_text(text, encoding="utf-8")
    return azureml_read.environment("azure/environment.yml", project)


def deployment(project: Path, *replace: str, append: str = "") -> azureml_read.OnlineDeployment:
    text = DEPLOYMENT
    for old, new in zip(replace[::2], replace[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    (project / "azure/deployment.yml").write_text(text + append, encoding="utf-8")
    return azureml_read.deployment("azure/deployment.yml", project)


def mistakes(project: Path, *replace: str, append: str = "") -> list[str]:
    with pytest.raises(SpecError) as caught:
        deployment(project, *replace, append=append)
    return [f"{m.line}:{m.column} {m.message}" for m in caught.value.mistakes]


def test_paths_are_relative_to_the_file_and_come_out_below_the_project(project: Path) -> None:
    read = deployment(project)
    assert (read.code, read.scoring_script) == ("src", "score.py")
    assert environment(project, "name: a\nimage: b\nconda_file: ./conda.yml\n").conda_file == "azure/conda.yml"
    assert environment(project, "name: a\nbuild: {path: image}\n").build == Build("azure/image", "Dockerfile")


def test_a_deployment_is_read_as_the_step_uses_it(project: Path) -> None:
    read = deployment(project)
    assert (read.name, read.endpoint, read.kubernetes) == ("blue", "iris", False)
    assert read.model == AssetRef("", "models", "iris", "3", None)
    assert read.environment == AssetRef("", "environments", "iris", None, "latest")
    assert read.variables == {"WORKERS": "2", "DEBUG": "true", "NAME": "x"}
    assert (read.instance_type, read.instance_count) == ("Standard_DS3_v2", 2)
    assert read.settings == {"request_settings": {"request_timeout_ms": 5000}, "liveness_probe": {"initial_delay": 10}}


def test_a_version_without_quotes_is_a_text_as_for_az(project: Path) -> None:
    assert environment(project, "name: a\nversion: 3\nimage: b\n").version == "3"


def test_routes_and_inline_packages_are_read(project: Path) -> None:
    routes = "{port: 5001, path: /}"
    text = f"inference_config: {{liveness_route: {routes}, readiness_route: {routes}, scoring_route: {routes}}}\n"
    read = environment(project, f"name: a\nimage: b\nconda_file: {{dependencies: [pip]}}\n{text}")
    assert read.inference_config == InferenceConfig(*[Route(5001, "/")] * 3)
    assert (read.conda, read.conda_file) == ({"dependencies": ["pip"]}, None)


def test_an_environment_and_a_model_may_stand_in_the_deployment(project: Path) -> None:
    read = deployment(
        project,
        *("azureml:iris@latest", "{image: b, conda_file: conda.yml}"),
        *("azureml:iris:3", "{path: model.pkl, type: custom_model}"),
    )
    assert read.environment == EnvironmentVersion(None, None, image="b", conda_file="azure/conda.yml")
    assert read.model == ModelVersion("azure/model.pkl", type="custom_model")


def test_another_file_can_be_named_and_has_its_own_folder(project: Path) -> None:
    (project / "azure/more").mkdir()
    (project / "azure/more/environment.yml").write_text("name: a\nimage: b\nconda_file: ../conda.yml\n")
    read = deployment(project, "azureml:iris@latest", "file:more/environment.yml")
    assert read.environment == EnvironmentVersion("a", None, image="b", conda_file="azure/conda.yml")


def test_mistakes_of_another_file_stand_at_their_place_there(project: Path) -> None:
    (project / "azure/e.yml").write_text("name: a\nimage: b\nimag: c\n")
    with pytest.raises(SpecError) as caught:
        deployment(project, "azureml:iris@latest", "file:e.yml", "instance_count: 2", "instance_count: none")
    assert [(m.file, m.line) for m in caught.value.mistakes] == [("azure/deployment.yml", 11), ("azure/e.yml", 3)]


@pytest.mark.parametrize(
    ("replace", "expected"),
    [
        (("instance_count:", "instance_cont:"), "11:1 unknown key 'instance_cont'"),
        (("instance_count: 2", "instance_count: many"), "11:17 instance_count: a whole number is wanted, not 'many'"),
        (("../src", "../gone"), "7:9 code_configuration.code: there is no gone"),
        (("../src", "../../src"), "7:9 code_configuration.code: '../../src' leaves the project"),
        (("../src", "/src"), "7:9 code_configuration.code: '/src' is not relative to the project"),
        (("score.py", "scores.py"), "8:19 code_configuration.scoring_script: there is no file src/scores.py"),
        (
            ("azureml:iris:3", "iris:3"),
            "4:8 model: 'iris:3' names no model: write azureml:iris:3, if it is in Azure ML",
        ),
        (("azureml:iris:3", "[a]"), "4:8 model: azureml:NAME:VERSION, or the model itself is wanted"),
        (
            ("azureml:iris:3", "azureml://registries/r/environments/e/versions/1"),
            "4:8 model: 'azureml://registries/r/environments/e/versions/1' names no model: "
            "it is one of environments; one of models is wanted",
        ),
        (("azureml:iris:3", "{name: x}"), "4:1 model: 'path' is missing"),
        (
            ("azureml:iris@latest", "{image: b, build: {path: image}}"),
            "5:25 environment: 'image' and 'build' exclude each other",
        ),
        (("azureml:iris@latest", "{image: b, imag: c}"), "5:25 unknown key 'imag'"),
        (("azureml:iris@latest", "file:gone.yml"), "5:14 environment: there is no azure/gone.yml"),
        (("instance_type: Standard_DS3_v2\n", ""), "1:1 'instance_type' is missing"),
        (("name: blue\n", ""), "1:1 'name' is missing"),
        (
            ("../src", "azureml:a:b:c"),
            "7:9 code_configuration.code: 'azureml:a:b:c' names no code: "
            "write azureml:NAME:VERSION or azureml:NAME@LABEL",
        ),
        (("azureml:iris@latest", "{image: b, version: [1]}"), "5:34 environment.version: a text is wanted"),
    ],
)
def test_a_mistake_is_named_where_it_stands(project: Path, replace: tuple[str, str], expected: str) -> None:
    assert mistakes(project, *replace) == [expected]


def test_keys_of_the_other_kind_of_deployment_are_refused(project: Path) -> None:
    assert mistakes(project, append="resources: {requests: {cpu: '1'}}\n") == [
        "14:1 'resources' is for type: kubernetes"
    ]
    changed = ("instance_type: Standard_DS3_v2\n", "type: kubernetes\n")
    assert mistakes(project, *changed, append="egress_public_network_access: disabled\n") == [
        "14:1 'egress_public_network_access' is for type: managed"
    ]
    assert deployment(project, *changed).kubernetes


def test_all_mistakes_are_named_at_once(project: Path) -> None:
    assert len(mistakes(project, "../src", "../gone", "azureml:iris:3", "iris", append="unknown: 1\n")) == 3


def test_a_file_that_is_not_there_is_named(project: Path) -> None:
    with pytest.raises(SpecError, match="azure/gone.yml: cannot be read"):
        azureml_read.environment("azure/gone.yml", project)


def test_code_and_a_model_may_be_in_azure_already(project: Path) -> None:
    read = deployment(project, "../src", "azureml:code:1", "azureml:iris:3", "{path: 'azureml://jobs/j/outputs/model'}")
    assert read.code == AssetRef("", "codes", "code", "1", None)
    assert read.model == ModelVersion("azureml://jobs/j/outputs/model")
    assert deployment(project, "  code: ../src\n", "").code is None


def test_a_file_that_is_no_mapping_is_refused(project: Path) -> None:
    with pytest.raises(SpecError, match="the file is no mapping"):
        environment(project, "- a\n")
    (project / "azure/e.yml").write_text("- a\n", encoding="utf-8")
    assert mistakes(project, "azureml:iris@latest", "file:e.yml") == ["1:1 the file is no mapping of keys to values"]
    (project / "azure/e.yml").write_text("{", encoding="utf-8")
    assert len(mistakes(project, "azureml:iris@latest", "file:e.yml")) == 1


def test_routes_with_something_missing_are_named(project: Path) -> None:
    with pytest.raises(SpecError) as caught:
        environment(project, "name: a\nimage: b\ninference_config: {liveness_route: {port: 1}}\n")
    assert [m.message for m in caught.value.mistakes] == [
        "inference_config: 'readiness_route' is missing",
        "inference_config: 'scoring_route' is missing",
        "inference_config.liveness_route: 'path' is missing",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: iris\nimage: azureml:iris@latest\n", ["image: 'azureml:iris@latest' does not fit"]),
        ("name: iris\nimage: ${{inputs.image}}\n", ["image: '${{inputs.image}}' does not fit"]),
        ("name: ${{parent.name}}\nimage: r.io/iris:1\n", ["name: '${{parent.name}}' does not fit"]),
        ("name: -iris\nimage: r.io/iris:1\n", ["name: '-iris' does not fit"]),
    ],
)
def test_what_azure_ml_would_not_take_as_a_name_or_an_image_is_told(project: Path, text: str, said: list[str]) -> None:
    (project / "azure/environment.yml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        azureml_read.environment("azure/environment.yml", project)
    assert [mistake.message for mistake in refused.value.mistakes] == said
    assert all(mistake.hint.startswith("wanted: ") for mistake in refused.value.mistakes)


def test_an_expression_of_a_job_is_told_as_such(project: Path) -> None:
    (said,) = mistakes(project, "azureml:iris@latest", "azureml:${{inputs.environment}}")
    assert "what stands in ${{ }} is filled in for jobs alone" in said
    assert len(mistakes(project, "endpoint_name: iris", "endpoint_name: my_iris")) == 1


@pytest.mark.parametrize(
    ("kind", "compute", "expected"),
    [
        (
            "type: kubernetes\n",
            None,
            "3:7 type: 'kubernetes' needs a compute of the workspace, and pipeline.yaml names none",
        ),
        (
            "type: managed\ninstance_type: D2\n",
            "k8s",
            "3:7 type: a managed deployment is not for compute 'k8s', which pipeline.yaml names",
        ),
        (
            "instance_type: D2\n",
            "k8s",
            "1:1 type: a managed deployment is not for compute 'k8s', which pipeline.yaml names",
        ),
        ("type: kubernetes\n", "k8s", ""),
        ("instance_type: D2\n", None, ""),
    ],
)
def test_the_kind_of_a_deployment_is_held_against_the_compute_of_the_spec(
    project: Path, kind: str, compute: str | None, expected: str
) -> None:
    (project / "azure/deployment.yml").write_text(f"name: blue\nendpoint_name: iris\n{kind}", encoding="utf-8")
    said = []
    try:
        azureml_read.with_files("azure/deployment.yml", project, deployment=True, compute=compute)
    except SpecError as error:
        said = [f"{m.line}:{m.column} {m.message}" for m in error.mistakes]
    assert said == ([expected] if expected else [])
