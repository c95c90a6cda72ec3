"""A service on the real engine: what is put where, what takes the port, and what keeps it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate.answer import Answer, Message
from bedplate.clients.endpoint import Endpoint
from bedplate.errors import StepError
from bedplate.model import InferenceConfig, Route
from bedplate.questions import AskContainer, ContainerSeen, Unreachable
from steps.deploy import container
from tests.conftest import free_port
from tests.serving import Service, asked_all_the_time, case, gap, python_base, serving_image, version

pytestmark = pytest.mark.engine
CLASSIC = {**os.environ, "DOCKER_BUILDKIT": "0"}


@pytest.fixture(scope="module")
def image() -> str:
    return serving_image()


@pytest.fixture
def service(image: str, tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path, image, free_port())
    made.version("one")
    yield made
    made.remove()


def test_a_service_answers_once_it_is_deployed(service: Service) -> None:
    deployed = service.deploy()
    assert deployed.url == service.url
    assert service.ask([1, 2, 3]) == {"version": "one", "sum": 6}
    assert service.containers() == [service.name]


def test_code_and_model_are_where_azure_ml_puts_them(service: Service) -> None:
    service.write("weights", "services/iris-model/w/model.bin")
    (service.root / "services/iris-model/w/model.bin").chmod(0o600)
    service.write(
        "import os, json\n"
        "def init(): pass\n"
        "def run(raw):\n"
        "    names = ('AML_APP_ROOT', 'AZUREML_ENTRY_SCRIPT', 'AZUREML_MODEL_DIR', 'FROM_ENV')\n"
        "    walk = [os.path.join(d, f) for d, _, fs in os.walk(os.environ['AZUREML_MODEL_DIR']) for f in fs]\n"
        "    told = {n: os.environ.get(n) for n in names}\n"
        "    return {**told, 'cwd': os.getcwd(), 'files': walk, 'text': open(walk[0]).read(), 'version': 1}\n"
    )
    service.deploy()
    told = service.ask()
    assert told.pop("AZUREML_ENTRY_SCRIPT").endswith("score.py")
    assert told == {
        "AML_APP_ROOT": "/var/azureml-app/iris",
        "AZUREML_MODEL_DIR": "/var/azureml-app/azureml-models",
        "FROM_ENV": "yes",
        "cwd": "/var/azureml-app/iris",
        "files": ["/var/azureml-app/azureml-models/iris/1/iris-model/w/model.bin"],
        "text": "weights",
        "version": 1,
    }


def test_a_service_is_bound_to_loopback_and_comes_back_with_the_engine(service: Service) -> None:
    service.deploy()
    state = service.state()
    assert state is not None
    assert state["NetworkSettings"]["Ports"]["5001/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(service.port)}]
    assert state["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert not state["HostConfig"]["Binds"] and not state["Mounts"]


def test_a_new_version_takes_the_port_of_the_old_one(service: Service) -> None:
    service.deploy()
    service.version("two")
    with asked_all_the_time(lambda: version(service)) as seen:
        service.deploy()
    answers = [said for _, said in seen if said]
    assert answers[0] == "one" and answers[-1] == "two"
    assert answers == sorted(answers), "the old one answered after the new one"
    assert service.containers() == [service.name]
    print(f"gap {gap(seen):.3f} s")
    assert gap(seen) < 6


def test_a_bad_version_never_takes_the_port(service: Service) -> None:
    service.deploy()
    service.write("def init():\n    raise ValueError('no such model')\ndef run(raw): pass\n")
    with asked_all_the_time(lambda: version(service)) as seen, pytest.raises(StepError) as failed:
        service.deploy()
    assert len(seen) > 20 and {said for _, said in seen} == {"one"}
    assert "iris: the container ended with exit code 3" in failed.value.message
    assert f"the version before still serves at 127.0.0.1:{service.port}" in failed.value.message
    assert "ValueError: no such model" in failed.value.detail
    assert "init() of score.py" in failed.value.hint
    assert service.containers() == [service.name]


def test_a_version_that_answers_wrongly_never_takes_the_port(service: Service) -> None:
    service.cases = (case("adds", json={"version": "one", "sum": 3}),)
    service.deploy()
    service.version("two")
    with asked_all_the_time(lambda: version(service)) as seen, pytest.raises(StepError) as failed:
        service.deploy()
    assert {said for _, said in seen} == {"one"}
    assert 'smoke test \'adds\': $.version: "two", expected "one"' in failed.value.message


def test_a_running_container_of_this_version_is_kept(service: Service) -> None:
    service.deploy()
    before = service.state()
    service.deploy()
    after = service.state()
    assert before is not None and after is not None and before["Id"] == after["Id"]
    assert any("kept" in note for note in service.outside.log.notes)


@pytest.mark.parametrize("edited", [False, True])
def test_a_paused_container_goes_on_at_once(service: Service, edited: bool) -> None:
    service.deploy()
    subprocess.run(["docker", "pause", service.name], check=True, capture_output=True)
    if edited:
        service.version("two")
    service.deploy()
    assert version(service) == ("two" if edited else "one")
    assert f"container {service.name} is paused: it goes on" in service.outside.log.notes
    assert service.containers() == [service.name]


def test_asked_to_do_it_again_a_new_container_is_made(service: Service) -> None:
    service.deploy()
    before = service.state()
    service.outside.again = True
    service.deploy()
    after = service.state()
    assert before is not None and after is not None and before["Id"] != after["Id"]


def test_a_service_moves_to_another_port_without_a_gap(service: Service) -> None:
    service.deploy()
    old_url, service.port = service.port, free_port()
    with asked_all_the_time(lambda: version(service)) as seen:
        service.deploy()
    assert service.ask()["version"] == "one" and seen
    assert service.containers() == [service.name] and old_url != service.port


def test_presence_is_judged_by_state_and_fingerprint(service: Service) -> None:
    deployed = service.deploy()
    (question,) = container.asks(deployed, service.outside.spec)
    right = {"dev.bedplate.fingerprint": deployed.fingerprint}
    answers = [
        (ContainerSeen("running", right), None),
        (ContainerSeen("exited", right), "container exited"),
        (ContainerSeen("running", {}), "container runs another version"),
        (None, "container gone"),
    ]
    assert isinstance(question, AskContainer) and question.name == service.name
    for answer, told in answers:
        assert container.present(deployed, {question: answer}) == told
    assert "engine" in str(container.present(deployed, {question: Unreachable()}))


def test_what_was_deployed_is_removed_when_it_is_stopped(service: Service) -> None:
    deployed = service.deploy()
    service.outside.spec = type("Spec", (), {"project": service.project})()
    assert container.stop(deployed, service.outside) == f"removed container {service.name}"
    assert service.containers() == []
    assert container.stop(deployed, service.outside) is None


def test_an_image_with_a_server_of_its_own_runs_its_own_command_at_its_own_ports(image: str, tmp_path: Path) -> None:
    own = f"bedplate-test-own:{free_port()}"
    serve = "python3 -m http.server 8001 & exec python3 -m http.server 8000"
    text = f'FROM {python_base()}\nENTRYPOINT ["/bin/sh", "-c"]\nCMD ["echo $OWN > /said; cd /; {serve}"]\n'
    subprocess.run(["docker", "build", "-q", "-t", own, "-"], input=text, text=True, check=True, env=CLASSIC)
    service = Service(tmp_path, own, free_port(), cases=(case(status=501),))
    ports = InferenceConfig(Route(8001, "/"), Route(8001, "/said"), Route(8000, "/said"))
    service.changes = {"code": None, "entry_script": None, "inference_config": ports, "variables": {"OWN": "yes"}}
    try:
        deployed = service.deploy()
        assert deployed.url == f"http://127.0.0.1:{service.port}/said"
        service.changes["variables"] = {"OWN": "two"}
        service.deploy()
        with Endpoint(direct=True) as endpoint:
            said = endpoint.send(Message("GET", deployed.url, {}, None), 5)
        assert isinstance(said, Answer) and said.body == b"two\n"
    finally:
        service.remove()
        subprocess.run(["docker", "rmi", "-f", own], capture_output=True, check=False)
