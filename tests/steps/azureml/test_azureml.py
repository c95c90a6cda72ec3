"""Azure ML's environments and online endpoints, asked of a stand-in with real requests."""

from __future__ import annotations

import io
import json
import re
import threading
import time

import pytest
import yaml

from bedplate import specfile
from bedplate.azureml.v1 import DEFAULT_IMAGE
from bedplate.errors import SpecError, StepError
from steps import create_environment
from tests.azure.standin import StandIn
from tests.oracles import judge
from tests.steps.azureml.project import DIGEST, Project, held, of_kind, sent, traffic

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


# ---- environments


def test_an_environment_is_a_version_with_the_image_by_digest(project: Project, azure: StandIn) -> None:
    made = project.environment()
    ((path, document),) = of_kind(azure, "environments/").items()
    assert made.reference == f"{project.azure.workspace_id}/{path}"
    assert document["properties"]["image"] == f"r.io/base@{DIGEST}"
    conda = yaml.safe_load(document["properties"]["condaFile"])
    assert {"pip": ["numpy==2.0", "azureml-inference-server-http==1.4.0"]} in conda["dependencies"]


def test_the_file_of_az_stands_beside_it(project: Project) -> None:
    made = project.environment()
    folder = project.root / "build/azure/environments/iris"
    written = yaml.safe_load((folder / "environment.yml").read_bytes())
    assert (made.reference or "").endswith(f"/environments/{written['name']}/versions/{written['version']}")
    assert (folder / written["conda_file"]).is_file()


def test_a_version_that_is_there_is_not_written_again(project: Project, azure: StandIn) -> None:
    first = project.environment()
    assert project.environment() == first
    assert sent(azure, "PUT", "/environments/") == 1
    project.edit("numpy==2.0", "numpy==2.1", "conda.yml")
    assert project.environment().reference != first.reference
    assert sent(azure, "PUT", "/environments/") == 2


def test_without_the_inference_server_the_line_to_add_is_named(project: Project, azure: StandIn) -> None:
    project.write("conda.yml", "dependencies: [python=3.11, pip, {pip: [numpy==2.0]}]\n")
    with pytest.raises(SpecError, match="conda.yml.*inference server is missing") as refused:
        project.environment()
    assert "add the line azureml-inference-server-http==" in str(refused.value)
    assert not of_kind(azure, "environments/")


def test_the_inference_server_may_be_in_the_image(project: Project) -> None:
    project.write("conda.yml", "dependencies: [python=3.11, pip, {pip: [numpy==2.0]}]\n")
    project.write("images/base/Dockerfile", "FROM scratch\nRUN pip install azureml-inference-server-http==1.5.1\n")
    assert project.environment().reference


def test_an_environment_in_which_no_script_is_run_needs_no_inference_server(project: Project) -> None:
    project.write("conda.yml", "dependencies: [python=3.11, pip, {pip: [numpy==2.0]}]\n")
    project.edit("    code: code\n    entry_script: score.py\n", "")
    assert project.environment().reference


def test_what_a_run_refuses_for_want_of_the_inference_server_is_an_error_of_check_in_the_same_words(
    project: Project,
) -> None:
    project.write("conda.yml", "dependencies: [python=3.11, pip, {pip: [numpy==2.0]}]\n")
    with pytest.raises(SpecError) as refused:
        project.environment()
    (told,) = (one for one in project.check() if one.code == "InferenceServerMissing")
    assert (told.weight, told.mistake) == ("error", refused.value.mistakes[0])
    project.write("images/base/Dockerfile", "FROM scratch\nRUN pip install azureml-inference-server-http==1.5.1\n")
    assert [one for one in project.check() if one.code == "InferenceServerMissing"] == []
    project.environment()


def test_an_environment_without_an_image_takes_the_default_and_says_which(project: Project, azure: StandIn) -> None:
    project.edit("image: base, ", "")
    image = project.environment().image
    assert image.startswith("mcr.microsoft.com/azureml/")
    said = f"no image is named: Azure ML's default, {image}, by its tag: {image} (linux/amd64) is not in pipeline.lock"
    assert said in project.log.notes


def test_the_default_is_taken_by_the_digest_that_the_lock_has(project: Project, azure: StandIn) -> None:
    project.edit("image: base, ", "")
    project.environment()
    digest = project.lock(DEFAULT_IMAGE)
    named = project.environment().image
    assert named == f"{DEFAULT_IMAGE.rpartition(':')[0]}@{digest}"
    assert f"no image is named: Azure ML's default, {DEFAULT_IMAGE}, by its digest {digest}" in project.log.notes
    assert {one["properties"]["image"] for one in of_kind(azure, "environments/").values()} == {DEFAULT_IMAGE, named}


def test_a_public_image_beside_the_workspaces_registry_is_taken_by_its_digest(project: Project) -> None:
    project.edit("{context: images/base}", '{reference: "mcr.microsoft.com/azureml/onnxruntime:latest"}')
    with pytest.raises(StepError, match=r"onnxruntime:latest \(linux/.*\) is not in pipeline.lock"):
        project.environment()
    digest = project.lock("mcr.microsoft.com/azureml/onnxruntime:latest")
    assert project.environment().image == f"mcr.microsoft.com/azureml/onnxruntime@{digest}"


def test_an_image_that_is_complete_says_where_it_answers(project: Project, azure: StandIn) -> None:
    project.edit("conda: conda.yml", "user_managed: true")
    project.environment()
    ((_, document),) = of_kind(azure, "environments/").items()
    assert "condaFile" not in document["properties"]
    assert document["properties"]["inferenceConfig"] == {
        "livenessRoute": {"port": 5001, "path": "/"},
        "readinessRoute": {"port": 5001, "path": "/"},
        "scoringRoute": {"port": 5001, "path": "/score"},
    }
    verdict = judge.v2("environment", project.root / "build/azure/environments/iris/environment.yml")
    assert verdict.accepted, verdict.said


def test_pip_packages_without_an_image_are_installed_by_azure_on_its_own(project: Project, azure: StandIn) -> None:
    project.write("requirements.txt", "numpy==2.0\nazureml-inference-server-http==1.4.0\n")
    project.edit("image: base, conda: conda.yml", "pip: requirements.txt")
    project.environment()
    ((_, document),) = of_kind(azure, "environments/").items()
    conda = yaml.safe_load(document["properties"]["condaFile"])
    assert {"pip": ["numpy==2.0", "azureml-inference-server-http==1.4.0"]} in conda["dependencies"]


def test_pip_packages_on_an_image_of_the_spec_need_that_image_and_no_push_of_it(project: Project) -> None:
    project.write("requirements.txt", "numpy==2.0\n")
    project.edit("conda: conda.yml", "pip: requirements.txt")
    (task,) = create_environment.tasks(specfile.load(project.root / "pipeline.yaml"))
    assert task.needs == ("build_base:base", "resolve_registry")


def test_an_environment_file_of_a_team_is_used_in_place(project: Project, azure: StandIn) -> None:
    project.write("az/environment.yml", "name: theirs\nimage: r.io/x:1\nconda_file: conda.yml\n")
    project.write("az/conda.yml", "dependencies: [python=3.10]\n")
    project.edit("{image: base, conda: conda.yml, variables: {GREETING: hello}}", "{from: az/environment.yml}")
    first = project.environment()
    ((path, document),) = of_kind(azure, "environments/").items()
    assert path.startswith("environments/theirs/versions/")
    assert document["properties"]["condaFile"] == "dependencies: [python=3.10]\n"
    project.write("az/conda.yml", "dependencies: [python=3.11]\n")
    assert project.environment().identity != first.identity


def test_azure_is_not_told_of_an_image_that_only_this_machine_has(project: Project) -> None:
    project.edit("registry: {kind: workspace}", "registry: {kind: local}")
    with pytest.raises(SpecError, match="Azure cannot pull from a registry of this machine"):
        project.environment()


# ---- deploying


def test_a_service_is_deployed_tried_and_given_all_traffic(project: Project, azure: StandIn) -> None:
    deployed = project.deploy()
    ((path, document),) = of_kind(azure, "onlineEndpoints/").items()
    name = path.rpartition("/")[2]
    assert (deployed.name, traffic(azure)) == (f"iris/{name}", {name: 100})
    assert document["properties"]["instanceType"] == "Standard_DS3_v2"
    assert document["properties"]["environmentVariables"] == {"GREETING": "hello"}
    tried = [one for one in azure.recorder if one.path == "/endpoints/iris/score"]
    assert [one.status for one in tried] == [200]
    assert project.smoke(deployed).passed == ("echo",)


def test_nothing_is_sent_or_moved_a_second_time(project: Project, azure: StandIn) -> None:
    first = project.deploy()
    before = [sent(azure, "PUT", part) for part in ("/codes/", "/models/", "/onlineEndpoints/", "a.bin", "score.py")]
    assert before[3:] == [1, 1]
    assert project.deploy() == first
    assert [
        sent(azure, "PUT", part) for part in ("/codes/", "/models/", "/onlineEndpoints/", "a.bin", "score.py")
    ] == before


@pytest.mark.parametrize("keep", [False, True])
def test_edited_code_becomes_a_second_deployment_and_the_first_goes_or_is_kept(
    project: Project, azure: StandIn, keep: bool
) -> None:
    if keep:
        project.edit("Standard_DS3_v2", "Standard_DS3_v2, keep_previous: true")
    first = project.deploy().name.partition("/")[2]
    project.write("code/score.py", "def init(): return 2\n")
    second = project.deploy().name.partition("/")[2]
    names = {path.rpartition("/")[2] for path in of_kind(azure, "onlineEndpoints/")}
    assert traffic(azure) == {second: 100}
    assert names == ({first, second} if keep else {second})
    assert sent(azure, "PUT", "a.bin") == 1


@pytest.mark.parametrize("tagged", [False, True], ids=["by hand", "by hand, from the YAML that is written here"])
def test_a_deployment_that_others_made_and_that_served_is_left(project: Project, azure: StandIn, tagged: bool) -> None:
    first = project.deploy().name.partition("/")[2]
    documents = held(azure).documents
    theirs = documents.pop(f"onlineEndpoints/iris/deployments/{first}")
    path = "onlineEndpoints/iris/deployments/blue"
    documents[path] = {**theirs, "tags": theirs["tags"] if tagged else {}}
    documents["onlineEndpoints/iris"]["properties"]["traffic"] = {"blue": 100}
    project.write("code/score.py", "def init(): return 2\n")
    second = project.deploy().name.partition("/")[2]
    assert traffic(azure) == {second: 100} and path in documents
    assert sent(azure, "DELETE", "/deployments/") == 0
    by_hand = "`az ml online-deployment delete --name blue --endpoint-name iris --workspace-name demo"
    assert f"deployment blue was made elsewhere: left at 0 %; {by_hand}" in "\n".join(project.log.notes)


def test_one_that_does_not_answer_right_is_removed_and_traffic_is_untouched(project: Project, azure: StandIn) -> None:
    first = project.deploy().name.partition("/")[2]
    project.edit("json: [1]}}", "json: [2]}}")
    project.write("code/score.py", "def init(): return 3\n")
    azure.azure.read_log = lambda *_: "Traceback: no such flower\n"
    with pytest.raises(StepError) as failed:
        project.deploy()
    assert f"traffic is untouched: {first} still serves" in failed.value.message
    assert "Traceback: no such flower" in failed.value.detail
    assert traffic(azure) == {first: 100}
    assert {path.rpartition("/")[2] for path in of_kind(azure, "onlineEndpoints/")} == {first}


def test_a_deployment_that_ends_failed_is_removed_and_can_be_made_again(project: Project, azure: StandIn) -> None:
    azure.operations.end_next("deployments/v-", "Failed", "ImageBuildFailure", "conda said no")
    with pytest.raises(StepError, match="ImageBuildFailure: conda said no"):
        project.deploy()
    assert (of_kind(azure, "onlineEndpoints/"), traffic(azure)) == ({}, {})
    assert project.deploy().url


def test_what_a_killed_run_began_is_taken_up(project: Project, azure: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("steps.deploy.endpoint_handover._Handover._tried", killed)
        with pytest.raises(Killed):
            project.deploy()
    made = sent(azure, "PUT", "/deployments/")
    name = project.deploy().name.partition("/")[2]
    assert sent(azure, "PUT", "/deployments/") == made == 1
    assert traffic(azure) == {name: 100}


def test_a_protected_target_is_not_changed_where_nobody_can_be_asked(project: Project, azure: StandIn) -> None:
    project.edit("deploy: {kind", "protect: true\n    deploy: {kind")
    first = project.deploy().name.partition("/")[2]  # nothing served before: nobody is asked
    project.write("code/score.py", "def init(): return 2\n")
    with pytest.raises(StepError, match="protected, and nobody can be asked here") as refused:
        project.deploy()
    assert refused.value.option == "--yes" and "--yes" in refused.value.hint
    assert traffic(azure) == {first: 100}
    project.yes = True
    project.deploy()
    assert first not in traffic(azure)


@pytest.mark.parametrize("said", ["y", "n", ""])
def test_whoever_is_asked_decides_whether_traffic_moves(
    project: Project, azure: StandIn, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    project.edit("deploy: {kind", "protect: true\n    deploy: {kind")
    first = project.deploy().name.partition("/")[2]
    project.write("code/score.py", "def init(): return 2\n")
    monkeypatch.setattr("sys.stdin", Terminal(f"{said}\n"))
    if said == "y":
        second = project.deploy().name.partition("/")[2]
        assert second != first
        assert traffic(azure) == {second: 100}
        return
    with pytest.raises(StepError, match=f"traffic was not moved; {first} still serves"):
        project.deploy()
    assert traffic(azure) == {first: 100}
    assert {path.rpartition("/")[2] for path in of_kind(azure, "onlineEndpoints/")} == {first}


@pytest.mark.parametrize("name", [".amlignore", ".gitignore"])
def test_what_az_would_leave_out_of_the_code_is_not_sent_and_makes_no_new_version(
    project: Project, azure: StandIn, name: str
) -> None:
    project.write(f"code/{name}", "notes/\n*.log\n!keep.log\n")
    for path in ("notes/a.txt", "run.log", "keep.log", "more/x.py"):
        project.write(f"code/{path}", "1")
    first = project.deploy().name
    sent_files = {
        one.path.partition("/code/")[2] for one in azure.recorder if one.method == "PUT" and "/code/" in one.path
    }
    assert sent_files == {name, "keep.log", "more/x.py", "score.py"}
    before = project.parts()
    project.write("code/notes/b/c.txt", "2")
    project.write("code/run.log", "2")
    assert project.parts() == before and project.deploy().name == first
    project.write(f"code/{name}", "notes/\n*.log\n")
    assert project.parts() != before
    assert project.deploy().name != first


def test_an_entry_script_that_would_be_left_out_is_named_before_anything_is_sent(
    project: Project, azure: StandIn
) -> None:
    project.write("code/.gitignore", "*.py\n")
    with pytest.raises(
        StepError, match=re.escape("code/.gitignore: it leaves out score.py, the entry_script")
    ) as refused:
        project.deploy()
    assert "`!score.py`" in refused.value.hint and sent(azure, "PUT", "/code") == 0


def test_a_registered_model_is_used_as_it_is(project: Project, azure: StandIn) -> None:
    project.edit('{path: model, version: "7"}', '{registered: "theirs:3"}')
    held(azure).documents["models/theirs/versions/3"] = {"properties": {"modelUri": "azureml://x"}}
    project.deploy()
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    assert document["properties"]["model"].endswith("/models/theirs/versions/3")
    assert sent(azure, "PUT", "/models/") == 0


def test_on_kubernetes_the_compute_and_the_resources_are_named(project: Project, azure: StandIn) -> None:
    held(azure).computes["k8s"] = "Kubernetes"
    project.edit(
        "instance_type: Standard_DS3_v2",
        "compute: k8s, resources: {requests: {cpu: '1', memory: 1Gi}}, request_settings: {request_timeout_ms: 5500},"
        " liveness_probe: {initial_delay: 10}",
    )
    project.deploy()
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    said = document["properties"]
    assert said["endpointComputeType"] == "Kubernetes"
    assert said["requestSettings"] == {"requestTimeout": "PT5.5S"}
    assert said["livenessProbe"] == {"initialDelay": "PT10S"}
    assert said["containerResourceRequirements"] == {"containerResourceRequests": {"cpu": "1", "memory": "1Gi"}}
    assert held(azure).documents["onlineEndpoints/iris"]["properties"]["compute"].endswith("/computes/k8s")


def test_what_a_team_collects_is_collected(project: Project, azure: StandIn) -> None:
    project.write(
        "az/deployment.yml",
        "name: blue\nendpoint_name: theirs\ninstance_type: Standard_F2s_v2\n"
        "code_configuration: {code: ../code, scoring_script: score.py}\n"
        "data_collector:\n  sampling_rate: 0.5\n  rolling_rate: day\n  request_logging: {capture_headers: [x-id]}\n"
        "  collections: {request: {enabled: 'True'}, response: {enabled: 'False', sampling_rate: 1.0}}\n",
    )
    project.edit("instance_type: Standard_DS3_v2", "from: az/deployment.yml")
    project.deploy()
    ((path, document),) = of_kind(azure, "onlineEndpoints/").items()
    own = f"theirs-{path.rpartition('/')[2]}"
    assets = {name: f"data/{own}-{name}/versions/1" for name in ("request", "response")}
    ids = {name: f"{held(azure).id}/{place}" for name, place in assets.items()}
    below = f"modelDataCollector/{own.replace('-', '/', 1)}"
    for name, place in assets.items():
        uri = held(azure).documents[place]["properties"]["dataUri"]
        assert uri == f"azureml://datastores/workspaceblobstore/paths/{below}/{name}"
    assert document["properties"]["dataCollector"] == {
        "rollingRate": "Day",
        "requestLogging": {"captureHeaders": ["x-id"]},
        "collections": {
            "request": {"dataCollectionMode": "Enabled", "samplingRate": 0.5, "dataId": ids["request"]},
            "response": {"dataCollectionMode": "Disabled", "samplingRate": 1.0, "dataId": ids["response"]},
        },
    }
    assert project.drift() == []


def test_no_key_of_the_endpoint_stands_in_what_is_said_or_kept(project: Project, azure: StandIn) -> None:
    deployed = project.deploy()
    report = project.smoke(deployed)
    keys = held(azure).keys["iris"]
    everything = json.dumps([project.log.notes, project.log.lines]) + repr(deployed) + repr(report)
    assert not any(key in everything for key in keys)
    assert "sig=" not in everything


def test_a_deployment_file_of_a_team_is_used_in_place(project: Project, azure: StandIn) -> None:
    project.write(
        "az/deployment.yml",
        "name: blue\nendpoint_name: theirs\ninstance_type: Standard_F2s_v2\n"
        "code_configuration: {code: ../code, scoring_script: score.py}\nmodel: {path: ../model}\n",
    )
    project.edit("instance_type: Standard_DS3_v2", "from: az/deployment.yml")
    deployed = project.deploy()
    assert deployed.name.startswith("theirs/v-")
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    assert document["properties"]["instanceType"] == "Standard_F2s_v2"
    assert project.smoke(deployed).passed == ("echo",)


def test_an_environment_that_stands_in_a_teams_deployment_file_is_the_one_that_is_deployed(
    project: Project, azure: StandIn
) -> None:
    project.write("az/conda.yaml", "dependencies: [python=3.11]\n")
    project.write(
        "az/deployment.yml",
        "name: blue\nendpoint_name: theirs\ninstance_type: Standard_F2s_v2\n"
        "environment: {image: their.io/base:1, conda_file: conda.yaml}\n",
    )
    project.edit("instance_type: Standard_DS3_v2", "from: az/deployment.yml")
    project.deploy()
    ((_, document),) = of_kind(azure, "onlineEndpoints/").items()
    place = document["properties"]["environmentId"].partition("/workspaces/demo/")[2]
    made = held(azure).documents[place]["properties"]
    assert (made["image"], made["condaFile"]) == ("their.io/base:1", "dependencies: [python=3.11]\n")
    assert document["properties"]["codeConfiguration"]["scoringScript"] == "score.py"  # the service's own
    assert project.drift() == []
    written = yaml.safe_load((project.root / "build/azure/services/iris/deployment.yml").read_bytes())
    assert written["environment"] == f"azureml:iris:{place.rpartition('/')[2]}"
    project.write("az/conda.yaml", "dependencies: [python=3.12]\n")
    project.deploy()
    ((_, other),) = of_kind(azure, "onlineEndpoints/").items()
    assert other["properties"]["environmentId"] != document["properties"]["environmentId"]


def test_a_deployment_that_a_killed_run_left_half_made_is_removed_once_azure_is_done_with_it(
    project: Project, azure: StandIn
) -> None:
    left = project.deploy().name.partition("/")[2]
    project.write("code/score.py", "def init(): return 2\n")
    serving = project.deploy().name.partition("/")[2]
    documents = held(azure).documents
    # as a run that was killed leaves it: Azure still works on a version that nobody wants any more
    half = documents[f"onlineEndpoints/iris/deployments/{left}"] = json.loads(
        json.dumps(documents[f"onlineEndpoints/iris/deployments/{serving}"])
    )
    half["properties"]["provisioningState"] = "Creating"
    azure.operations.hold(f"deployments/{left}")
    operation = azure.operations.begin(
        f"{held(azure).id}/onlineEndpoints/iris/deployments/{left}",
        lambda: None,
        lambda state: half["properties"].update(provisioningState=state),
    )

    def ends_once_it_is_asked_for() -> None:
        until = time.monotonic() + 30
        while sent(azure, "GET", f"deployments/{left}") == asked and time.monotonic() < until:
            time.sleep(0.02)
        azure.operations.let_go()

    asked = sent(azure, "GET", f"deployments/{left}")
    threading.Thread(target=ends_once_it_is_asked_for, daemon=True).start()
    project.write("code/score.py", "def init(): return 3\n")
    name = project.deploy().name.partition("/")[2]
    assert operation.status == "Succeeded"
    assert traffic(azure) == {name: 100}
    assert {path.rpartition("/")[2] for path in of_kind(azure, "onlineEndpoints/")} == {name}
