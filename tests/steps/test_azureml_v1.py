"""Targets of kind azureml_v1: what they write, and what they refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bedplate.azureml.v1 import DEFAULT_IMAGE
from bedplate.errors import SpecError, StepError
from bedplate.questions import AskFile
from steps import create_environment, deploy
from tests.azureml.project import DIGEST, EXAMPLES, Project

SERVICE = "azure_v1/services/myservice"
PRIVATE = "v1_private_registry"
PUBLIC = "v1_public_image"


@pytest.fixture
def private(tmp_path: Path) -> Project:
    return Project(tmp_path / "private", PRIVATE)


@pytest.fixture
def public(tmp_path: Path) -> Project:
    return Project(tmp_path / "public", PUBLIC)


def refused(project: Project) -> list[str]:
    with pytest.raises(SpecError) as caught:
        project.tasks()
    return [mistake.message for mistake in caught.value.mistakes]


def test_a_private_registry_gives_a_program_for_the_sdk_and_says_why(private: Project) -> None:
    private.deploy()
    assert set(private.files()) == {
        "azure_v1/environments/myenv/azureml_environment.json",
        "azure_v1/environments/myenv/conda_dependencies.yml",
        f"{SERVICE}/deploy.py",
        f"{SERVICE}/source/score.py",
    }
    assert any("the v1 CLI cannot pull from myregistry.azurecr.io" in note for note in private.log.notes)


def test_a_public_image_gives_the_files_and_the_line_of_the_cli(public: Project) -> None:
    public.deploy()
    files = public.files()
    assert f"{SERVICE}/deploy.py" not in files
    assert json.loads(files[f"{SERVICE}/deploymentconfig.json"])["computeType"] == "aks"
    inference = json.loads(files[f"{SERVICE}/inferenceconfig.json"])
    assert (inference["entryScript"], inference["sourceDirectory"]) == ("score.py", "source")
    docker = inference["environment"]["docker"]
    assert docker["baseImage"] == f"mcr.microsoft.com/azureml/o16n-sample-user-base/ubuntu-miniconda@{DIGEST}"
    assert docker["baseImageRegistry"]["address"] is None
    assert inference["environment"]["python"]["condaDependencies"]["dependencies"][0] == "python=3.8.13"


def test_the_image_is_named_by_digest_where_it_was_pushed(private: Project) -> None:
    assert private.environment().image == f"myregistry.azurecr.io/myproject/myimage@{DIGEST}"


def test_no_secret_is_written(private: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SP_APP_ID", "app-4711")
    monkeypatch.setenv("SP_SECRET", "hunter-4711")
    output = private.deploy()
    assert "4711" not in "".join(private.files().values()) + str(output) + "".join(private.log.notes)


def test_what_is_written_is_the_same_each_time_and_anywhere(tmp_path: Path) -> None:
    one, other = Project(tmp_path / "one", PUBLIC), Project(tmp_path / "elsewhere/other", PUBLIC)
    for project in (one, one, other):
        project.deploy()
    assert one.files() == other.files()


def test_what_was_written_before_is_gone(private: Project) -> None:
    private.deploy()
    (private.root / "service/score.py").rename(private.root / "service/other.py")
    private.edit("pipeline.yaml", "score.py", "other.py")
    private.deploy()
    assert f"{SERVICE}/source/score.py" not in private.files()
    assert f"{SERVICE}/source/other.py" in private.files()
    assert [path.name for path in (private.root / "build/azure_v1/services").iterdir()] == ["myservice"]


def test_the_script_of_the_cli_can_be_run(public: Project, tmp_path: Path) -> None:
    public.deploy()
    az = tmp_path / "bin/az"
    az.parent.mkdir()
    az.write_text('#!/bin/sh\necho "$PWD" "$@"\n', encoding="utf-8")
    az.chmod(0o755)
    folder = public.root / "build" / SERVICE
    said = subprocess.run(
        [folder / "deploy.sh", "--overwrite"],
        env={"PATH": f"{az.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert said == (
        f"{folder} ml model deploy -n myservice -m mymodel:1 --ic inferenceconfig.json --dc deploymentconfig.json "
        "--ct akscomputetarget -w iris-ws -g rg --subscription-id 00000000-0000-0000-0000-000000000000 --overwrite"
    )


def test_an_environment_without_an_image_takes_azures_and_says_which(public: Project) -> None:
    public.edit("pipeline.yaml", "    image: miniconda\n", "")
    assert public.environment().image.startswith("mcr.microsoft.com/azureml/openmpi")
    assert any("no image is named: Azure ML's default" in note for note in public.log.notes)
    public.lock(DEFAULT_IMAGE)
    assert public.environment().image == f"mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04@{DIGEST}"


def test_the_server_is_added_to_a_file_without_it_and_said(public: Project) -> None:
    public.edit("service/conda.yml", "      - azureml-defaults>=1.0.45\n", "")
    public.environment()
    conda = public.files("build/azure_v1/environments/my-deploy-env")["conda_dependencies.yml"]
    assert "  - azureml-defaults>=1.0.45\n" in conda
    assert "added azureml-defaults>=1.0.45: v1 serves with it" in public.log.notes


def test_a_server_that_is_too_old_is_an_error_with_its_line(public: Project) -> None:
    public.edit("service/conda.yml", "azureml-defaults>=1.0.45", "azureml-defaults==1.0.33")
    with pytest.raises(SpecError, match=r"service/conda.yml:6: .*is too old") as refused:
        public.environment()
    (told,) = (one for one in public.check() if one.code == "InferenceServerMissing")
    assert (told.weight, told.mistake) == ("error", refused.value.mistakes[0])


@pytest.mark.parametrize("line", ["      - azureml-defaults>=1.0.45\n", ""])
def test_a_server_that_serves_or_that_is_added_is_no_finding(public: Project, line: str) -> None:
    public.edit("service/conda.yml", "      - azureml-defaults>=1.0.45\n", line)
    assert [one for one in public.check() if one.code == "InferenceServerMissing"] == []


def test_a_pip_file_with_includes_stands_in_one_piece(public: Project) -> None:
    public.edit("pipeline.yaml", "conda: service/conda.yml", "pip: service/requirements.txt")
    (public.root / "service/requirements.txt").write_text("-r more.txt\nscipy\n", encoding="utf-8")
    (public.root / "service/more.txt").write_text("numpy==1.26.4\n", encoding="utf-8")
    public.environment()
    conda = public.files("build/azure_v1/environments/my-deploy-env")["conda_dependencies.yml"]
    assert "- pip:\n  - numpy==1.26.4\n  - scipy\n  - azureml-defaults>=1.0.45\n" in conda


def test_a_workspaces_registry_needs_nobody_who_pulls(public: Project) -> None:
    public.edit(
        "pipeline.yaml",
        'reference: "mcr.microsoft.com/azureml/o16n-sample-user-base/ubuntu-miniconda:latest"',
        "context: service",
    )
    assert public.environment().image.startswith("ws0123.azurecr.io/myproject/miniconda@sha256:")
    public.deploy()
    assert f"{SERVICE}/deploy.sh" in public.files()


def test_another_user_may_pull_and_then_the_password_is_asked_for(private: Project) -> None:
    private.edit("pipeline.yaml", "{kind: azureml_v1}", "{kind: azureml_v1, base_image_registry_username: reader}")
    private.deploy()
    files = private.files()
    registry = json.loads(files["azure_v1/environments/myenv/azureml_environment.json"])["docker"]["baseImageRegistry"]
    assert (registry["username"], registry["password"]) == ("reader", "${BASE_IMAGE_REGISTRY_PASSWORD}")
    assert "variable('BASE_IMAGE_REGISTRY_PASSWORD')" in files[f"{SERVICE}/deploy.py"]


def test_a_registry_that_nobody_signs_in_to_is_pulled_from_by_everyone(private: Project) -> None:
    private.edit("pipeline.yaml", "      username: {env: SP_APP_ID}\n      password: {env: SP_SECRET}\n", "")
    private.deploy()
    assert f"{SERVICE}/deploy.sh" in private.files()


def test_what_is_gone_is_noticed_and_clean_removes_it(public: Project) -> None:
    environment, output = public.environment(), public.deploy()
    file = AskFile("build/azure_v1/environments/my-deploy-env/azureml_environment.json")
    assert create_environment.asks(environment, Any) == [file]
    assert create_environment.present(environment, {file: True}) is None
    assert create_environment.present(environment, {file: False}) == f"{file.path} gone"
    folder = AskFile(f"build/{SERVICE}")
    assert deploy.asks(output, Any) == [folder]
    assert deploy.present(output, {folder: True}) is None
    assert deploy.present(output, {folder: False}) == f"build/{SERVICE} gone"
    clients: Any = SimpleNamespace(root=public.root)
    assert deploy.stop(output, clients) == f"removed build/{SERVICE}"
    assert deploy.stop(output, clients) is None


def test_routes_that_v1_cannot_have_are_named(public: Project) -> None:
    route = "{port: 5001, path: /}"
    routes = f"    inference_config: {{liveness_route: {route}, readiness_route: {route}, scoring_route: {route}}}\n"
    public.edit("pipeline.yaml", "    conda: service/conda.yml\n", f"    user_managed: true\n{routes}")
    public.environment()
    assert "inference_config is left out: v1 serves with a server of its own" in public.log.notes
    public.deploy()
    inline = json.loads(public.files()[f"{SERVICE}/inferenceconfig.json"])["environment"]
    assert (inline["python"]["userManagedDependencies"], "condaDependencies" in inline["python"]) == (True, False)


def test_a_service_may_have_no_model_or_one_that_is_registered_first(public: Project) -> None:
    public.edit("pipeline.yaml", "    model: mymodel\n", "")
    public.deploy()
    assert " -m " not in public.files()[f"{SERVICE}/deploy.sh"]
    public.edit("pipeline.yaml", "    code: service\n", "    model: mymodel\n    code: service\n")
    public.edit("pipeline.yaml", '{registered: "mymodel:1"}', '{path: service/score.py, version: "2"}')
    public.deploy()
    script = public.files()[f"{SERVICE}/deploy.sh"]
    assert "#   az ml model register -n mymodel -p ../../../../service/score.py -w iris-ws -g rg" in script
    assert "-m mymodel:2" in script


def test_a_service_that_cannot_be_written_is_named(public: Project) -> None:
    (public.root / "build/azure_v1").mkdir(parents=True)
    (public.root / "build/azure_v1/services").write_text("", encoding="utf-8")
    with pytest.raises(StepError, match="build/azure_v1/services/myservice: cannot be written"):
        public.deploy()


def test_an_equal_environment_is_the_same_one(public: Project) -> None:
    before = public.environment()
    public.edit("service/conda.yml", "dependencies:", "# what it needs\ndependencies:")
    assert public.environment().identity == before.identity
    public.edit("service/conda.yml", "scikit-learn", "scipy")
    assert public.environment().identity != before.identity


def test_an_environment_that_is_not_whole_is_named(public: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = public.environment()
    (public.root / "build/azure_v1/environments/my-deploy-env/conda_dependencies.yml").unlink()
    monkeypatch.setattr(public, "environment", lambda: broken)
    with pytest.raises(StepError, match="my-deploy-env is not whole") as caught:
        public.deploy()
    assert "doit create_environment:my-deploy-env" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_named(public: Project) -> None:
    (public.root / "build").write_text("", encoding="utf-8")
    with pytest.raises(StepError, match="build/azure_v1/environments/my-deploy-env: cannot be written"):
        public.environment()


@pytest.mark.parametrize(
    ("replace", "expected"),
    [
        (("score.py", "score.R"), "services.myservice.entry_script: Azure ML v1 runs Python only, not 'score.R'"),
        (("mymodel:1", "mymodel:one"), "models.mymodel: Azure ML v1 numbers versions; 'one' is none"),
        (("      compute_target: akscomputetarget\n", ""), "targets.azure_v1.deploy: 'compute_target' is missing"),
        (
            ("compute_type: aks", "compute_type: aci"),
            "targets.azure_v1.deploy.autoScaler.autoscaleEnabled: v1 ignores it for compute_type aci: "
            "it is for compute_type aks",
        ),
        (
            ("    environment: {kind: azureml_v1}\n", "    environment: {kind: local}\n"),
            "targets.azure_v1: deploy azureml_v1 needs an environment of its kind",
        ),
        (
            ("    code: service\n    entry_script: score.py\n", ""),
            "services.myservice: Azure ML v1 needs code and entry_script",
        ),
    ],
)
def test_what_v1_would_refuse_or_ignore_is_a_mistake_of_the_spec(
    public: Project, replace: tuple[str, str], expected: str
) -> None:
    public.edit("pipeline.yaml", *replace)
    if "kind: local" in replace[1]:
        public.edit("pipeline.yaml", "my-deploy-env", "my-env")
    assert refused(public)[0] == expected


def test_azure_cannot_pull_from_this_machine(private: Project) -> None:
    text = (private.root / "pipeline.yaml").read_text(encoding="utf-8")
    registry = text[text.index("    registry:") : text.index("    environment: {kind")]
    private.edit("pipeline.yaml", registry, "    registry: {kind: local}\n")
    assert refused(private) == ["targets.azure_v1.registry: Azure cannot pull from a registry of this machine"]


def test_a_file_of_version_2_is_no_environment_of_version_1(public: Project) -> None:
    public.edit("pipeline.yaml", "    image: miniconda\n    conda: service/conda.yml\n", "    from: environment.yml\n")
    assert refused(public) == ["environments.my-deploy-env.from: 'environment.yml' is a file of version 2"]


@pytest.mark.parametrize("example", [PRIVATE, PUBLIC])
def test_the_examples_have_the_lines_that_doit_needs(example: str) -> None:
    ours = (EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8")
    lines = ours[ours.index("[tool.doit]") :].split("\n\n")[0].strip()
    assert (EXAMPLES / example / "pyproject.toml").read_text(encoding="utf-8").strip() == lines
    assert (EXAMPLES / example / "dodo.py").read_bytes() == (EXAMPLES.parent / "dodo.py").read_bytes()
