"""`protect: true`: what serves is not changed in place unasked; what an ended run has moved is not asked about."""

from __future__ import annotations

import io

import pytest

from bedplate.errors import StepError
from tests.azure.standin import StandIn
from tests.steps.azureml.project import Project, held, of_kind, sent, traffic

pytestmark = [pytest.mark.judges, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SIZE = "instance_type: Standard_DS3_v2"
CHANGES = {
    "instance_count": "change instance_count of v-",
    "auth_mode": "change auth_mode while v-",
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def protected(project: Project) -> Project:
    """With a deployment that serves."""
    project.edit("deploy: {kind", "protect: true\n    deploy: {kind")
    project.deploy()
    return project


def change(project: Project, setting: str) -> None:
    project.edit(SIZE, f"{SIZE}, {setting}: {'2' if setting == 'instance_count' else 'aml_token'}")


def writes(azure: StandIn) -> int:
    return sum(sent(azure, method, "/onlineEndpoints/") for method in ("PUT", "PATCH", "DELETE"))


@pytest.mark.parametrize("setting", CHANGES)
def test_where_nobody_can_be_asked_nothing_is_changed_in_place(
    protected: Project, azure: StandIn, setting: str
) -> None:
    change(protected, setting)
    before = writes(azure)
    with pytest.raises(StepError, match="protected, and nobody can be asked here") as refused:
        protected.deploy()
    assert refused.value.option == "--yes"
    assert writes(azure) == before
    protected.yes = True
    protected.deploy()
    assert writes(azure) == before + 1


@pytest.mark.parametrize("setting", CHANGES)
@pytest.mark.parametrize("said", ["y", "n"])
def test_whoever_is_asked_decides_whether_what_serves_is_changed_in_place(
    protected: Project, azure: StandIn, monkeypatch: pytest.MonkeyPatch, setting: str, said: str
) -> None:
    change(protected, setting)
    before = writes(azure)
    monkeypatch.setattr("sys.stdin", Terminal(f"{said}\n"))
    if said == "y":
        protected.deploy()
    else:
        with pytest.raises(StepError, match=f"endpoint iris: not done: {CHANGES[setting]}"):
            protected.deploy()
    assert any(note.startswith(f"endpoint iris: {CHANGES[setting]}") for note in protected.log.notes)
    assert writes(azure) == before + (said == "y")
    assert len(of_kind(azure, "onlineEndpoints/")) == 1  # what serves is never removed for an answer


def test_traffic_that_an_ended_run_has_moved_is_not_asked_about_again(protected: Project, azure: StandIn) -> None:
    protected.write("code/score.py", "def init(): return 2\n")
    protected.yes = True
    second = protected.deploy().name.partition("/")[2]
    # as a run leaves it that ends between moving traffic and removing the version before
    documents = held(azure).documents
    documents["onlineEndpoints/iris/deployments/v-0123456789abcdef"] = {
        **documents[f"onlineEndpoints/iris/deployments/{second}"]
    }
    protected.yes = False
    protected.deploy()
    assert traffic(azure) == {second: 100}
    assert len(of_kind(azure, "onlineEndpoints/")) == 1
