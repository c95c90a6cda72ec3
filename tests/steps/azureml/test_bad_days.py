"""What goes wrong in Azure while a service is deployed: what is said, what is left, and that a second run goes on."""

from __future__ import annotations

import pytest

from bedplate.clients.azure import operations
from bedplate.errors import StepError
from tests.azure.conftest import echo, standin  # noqa: F401  # fixtures
from tests.azure.standin import Answer, Fault, StandIn
from tests.steps.azureml.project import Project, held, of_kind, sent, traffic

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def azure(standin: StandIn, echo: str) -> StandIn:  # noqa: F811
    """No judge: what is said here on bad days stands in no document."""
    standin.azure.serve = lambda *_: echo
    return standin


def deployments(azure: StandIn) -> set[str]:
    return {path.rpartition("/")[2] for path in of_kind(azure, "onlineEndpoints/")}


@pytest.fixture
def first(project: Project) -> str:
    """The deployment that serves; the code has been edited since."""
    name = project.deploy().name.partition("/")[2]
    project.write("code/score.py", "def init(): return 2\n")
    return name


@pytest.mark.parametrize("what", ["code", "model"])
def test_an_upload_whose_address_has_expired_goes_on_with_another(project: Project, azure: StandIn, what: str) -> None:
    project.write("code/second.py", "")
    project.write("model/b.bin", "more")
    azure.faults.add(Fault(rf"/{what}/", _expired(), "PUT", times=2, skip=1))
    assert project.deploy().url
    told = [note for note in project.log.notes if note == "the address to upload to had expired: asked for another"]
    assert len(told) == 2
    assert not [one for one in project.log.notes if "sig=" in one]


def test_an_upload_whose_addresses_all_have_expired_ends_and_leaves_nothing(project: Project, azure: StandIn) -> None:
    azure.faults.expired_upload(times=None)
    with pytest.raises(StepError, match="403 AuthenticationFailed") as refused:
        project.deploy()
    assert "expired" in refused.value.hint and "sig=" not in str(refused.value)
    assert not of_kind(azure, "codes/") and not of_kind(azure, "models/")
    azure.faults.clear()
    assert project.deploy().url


def test_a_storage_account_that_lets_nobody_in_is_not_asked_again(project: Project, azure: StandIn) -> None:
    said = b"<Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation."
    refusal = Answer(403, said + b"</Message></Error>", {"Content-Type": "application/xml"})
    fault = azure.faults.add(Fault("/code/", refusal, "PUT", None))
    with pytest.raises(StepError, match="403 AuthorizationFailure") as refused:
        project.deploy()
    assert "its firewall does not let this machine in" in refused.value.hint
    assert fault.hits == 1


def test_a_missing_role_is_told_once(project: Project, azure: StandIn, first: str) -> None:
    action = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/write"
    azure.faults.forbidden("/deployments/", action, "/subscriptions/x")
    with pytest.raises(StepError) as refused:
        project.deploy()
    assert str(refused.value).count("AuthorizationFailed") == 1
    assert f"traffic is untouched: {first} still serves" in refused.value.message
    azure.faults.clear()
    assert traffic(azure) == {first: 100} and deployments(azure) == {first}
    second = project.deploy().name.partition("/")[2]
    assert traffic(azure) == {second: 100}


def test_a_deployment_that_is_not_done_in_time_is_left_to_azure_and_taken_up(
    project: Project, azure: StandIn, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.operations.hold("/deployments/")
    wait = operations.wait
    with monkeypatch.context() as patch:
        patch.setattr(operations, "wait", lambda *given: wait(*given[:4], 0.2))
        with pytest.raises(StepError, match=f"Azure goes on with it; .*{first} still serves"):
            project.deploy()
    assert sent(azure, "DELETE", "/deployments/") == 0
    azure.operations.let_go()
    second = project.deploy().name.partition("/")[2]
    assert sent(azure, "PUT", f"/deployments/{second}") == 1
    assert traffic(azure) == {second: 100}


def test_traffic_that_cannot_be_moved_says_what_waits_and_the_next_run_moves_it(
    project: Project, azure: StandIn, first: str
) -> None:
    azure.operations.end_next("onlineEndpoints/iris$", "Failed", "BadRequest", "traffic rule is not ok")
    with pytest.raises(StepError, match="traffic rule is not ok; deployment v-.* waits for the next run") as refused:
        project.deploy()
    (serves,) = traffic(azure)
    assert f"{serves} has traffic" in refused.value.message and "az monitor activity-log" in refused.value.hint
    second = project.deploy().name.partition("/")[2]
    assert sent(azure, "PUT", f"/deployments/{second}") == 1
    assert traffic(azure) == {second: 100}


def test_an_endpoint_whose_last_change_failed_keeps_its_traffic(project: Project, azure: StandIn, first: str) -> None:
    held(azure).documents["onlineEndpoints/iris"]["properties"]["provisioningState"] = "Failed"
    azure.operations.end_next("/deployments/", "Failed", "OutOfQuota", "Not enough cores.")
    with pytest.raises(StepError, match=f"traffic is untouched: {first} still serves"):
        project.deploy()
    assert traffic(azure) == {first: 100}


def _expired() -> Answer:
    from tests.azure.standin.faults import expired_signature

    return expired_signature()
