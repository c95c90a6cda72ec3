"""Ctrl-C and kill -9 at every stage on Azure: what is said, what serves meanwhile, and that the next run finishes."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from registries import real_registry

from tests.azure.conftest import echoing
from tests.azure.cut_off import CutOff, once
from tests.azure.stages import BEFORE, STAGES, Stage
from tests.azure.standin import StandIn, docker_registry
from tests.azure.standin.building import with_the_engine

pytestmark = [
    pytest.mark.engine,  # the stand-in's builds
    pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed"),
]
ARGUMENTS = {"azure": ("--yes",), "pushing": ("-t", "pushing", "push:other")}
SIGNS = {"Ctrl-C": signal.SIGINT, "kill -9": signal.SIGKILL}
QUICK = {("creating a deployment", "kill -9"), ("moving traffic", "Ctrl-C")}  # these are cut in every run of the tests


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CutOff]:
    folder = tmp_path_factory.mktemp("cut")
    (folder / "elsewhere").mkdir()
    with StandIn() as azure, real_registry(folder / "elsewhere") as elsewhere, echoing() as serving:
        made = CutOff(folder, azure, elsewhere, serving)
        try:
            made.doit("--yes")
            yield made
        finally:
            label = f"label=dev.bedplate.project={made.project}"
            listed = ["docker", "images", "--quiet", "--no-trunc", "--filter", label]
            for image in set(subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()):
                subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


@pytest.fixture
def cut(project: CutOff) -> Iterator[Callable[[Stage, int], str]]:
    """A run that is cut at a stage. Afterwards nothing holds Azure up."""
    azure = project.azure

    def run(stage: Stage, sign: int) -> str:
        _edit(project, stage.edit)
        if stage.held:
            azure.operations.hold(project.deployments[0] if stage.held == BEFORE else stage.held)
        gate = azure.faults.gate(stage.path, method=stage.method, skip=stage.skip, done=stage.done)
        try:
            return project.cut(sign, gate.reached, *ARGUMENTS[stage.target], then=gate.opened.set)
        finally:
            gate.opened.set()

    yield run
    azure.faults.clear()
    azure.operations.let_go()
    azure.azure.builds = None
    project.doit("--yes")


def _edit(project: CutOff, what: str) -> None:
    if what in ("all", "sign-in", "registry"):
        project.edit_all()
    if what in ("code", "endpoint"):
        project.edit_code()
    if what == "endpoint":
        project.new_endpoint()
    if what == "sign-in":
        project.sign_out()
    if what == "registry":
        project.doit("forget", "resolve_registry")


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param(name, how, marks=[] if (name, how) in QUICK else [pytest.mark.long])
        for name in STAGES
        for how in SIGNS
    ],
)
def test_what_served_serves_on_and_the_next_run_finishes(
    project: CutOff, cut: Callable[[Stage, int], str], name: str, how: str
) -> None:
    stage, sign = STAGES[name], SIGNS[how]
    before = [project.sent(method, path) for method, path, _ in stage.sent]
    said = cut(stage, sign)
    assert "Traceback" not in said
    if sign == signal.SIGINT:
        *_, last = said.splitlines()
        command = "doit -t pushing push:other" if stage.target == "pushing" else "doit"
        assert last == f"interrupted: what had finished is kept; `{command}` goes on from there"
        assert not [one for one in stage.said if one not in said], said
        assert said.count("interrupted") == 1
    assert project.answer() == (0 if stage.edit == "endpoint" else 200)

    threading.Timer(2, project.azure.operations.let_go).start()  # it is still under way when the next run looks
    again = project.doit(*ARGUMENTS[stage.target])
    assert "Traceback" not in again
    sent = [project.sent(method, path) for method, path, _ in stage.sent]
    assert [now - then for now, then in zip(sent, before, strict=True)] == [many for _, _, many in stage.sent], again
    project.doit("--yes")
    (serves,) = project.deployments
    assert project.traffic == {serves: 100} and project.answer() == 200
    assert "10 tasks up to date" in project.doit()


def held_builds(project: CutOff, go_on: threading.Event) -> Callable[[], bool]:
    """Builds stand still once they have begun; whether the run has seen two of them begin."""
    before = project.sent("POST", "/listLogSasUrl")

    def build(build: Any) -> Any:
        build.log("Waiting for a machine")
        while not go_on.wait(0.05) and not build.cancelled.is_set():
            pass
        return with_the_engine(build)

    project.azure.azure.builds = build
    return lambda: project.sent("POST", "/listLogSasUrl") >= before + 2


def test_two_builds_at_once_are_cancelled_and_begun_again(project: CutOff, cut: Any) -> None:
    go_on, before = threading.Event(), len(project.runs)
    project.edit_all()
    said = project.cut(signal.SIGINT, once(held_builds(project, go_on)), "--yes")
    first, second = (f"run {name} of standinacr" for name in list(project.registry.runs)[before:])
    for run in (first, second):
        assert f"cancelled in Azure: {run}" in said
    assert "Traceback" not in said
    go_on.set()
    again = project.doit("--yes")  # at once: Azure may need a moment to end what is cancelled
    assert "begun by an earlier doit" not in again
    assert project.runs[before:] == ["Canceled", "Canceled", "Succeeded", "Succeeded"]


@pytest.mark.long
def test_two_builds_that_outlive_a_kill_are_taken_up(project: CutOff, cut: Any) -> None:
    go_on, before = threading.Event(), len(project.runs)
    project.edit_all()
    project.cut(signal.SIGKILL, once(held_builds(project, go_on)), "--yes")
    threading.Timer(2, go_on.set).start()
    again = project.doit("--yes")
    assert again.count("begun by an earlier doit") == 2
    assert project.runs[before:] == ["Succeeded", "Succeeded"]


@pytest.mark.long
def test_a_build_that_ended_after_a_kill_is_found(project: CutOff, cut: Any) -> None:
    go_on, before = threading.Event(), len(project.runs)
    project.edit_all()
    project.cut(signal.SIGKILL, once(held_builds(project, go_on)), "--yes")
    go_on.set()
    assert once(lambda: project.runs[before:] == ["Succeeded", "Succeeded"]).wait(60)
    assert project.doit("--yes").count("reused ") >= 2
    assert len(project.runs) == before + 2


@pytest.mark.long
def test_a_build_that_azure_accepted_and_nobody_was_told_of_is_found_once_it_has_ended(
    project: CutOff, cut: Any
) -> None:
    before = len(project.runs)
    project.write("other/round", f"{project.project}: its answer never comes")
    gate = project.azure.faults.gate("/scheduleRun", method="POST", done=True)
    project.cut(signal.SIGKILL, gate.reached, "--yes", then=gate.opened.set)
    assert once(lambda: project.runs[before:] == ["Succeeded"]).wait(60)
    assert "reused " in project.doit("--yes")
    assert len(project.runs) == before + 1


@pytest.mark.parametrize("done", [pytest.param(False, marks=pytest.mark.long), True], ids=["before", "after"])
def test_a_build_that_is_just_beginning_is_cancelled_once_azure_names_it(project: CutOff, cut: Any, done: bool) -> None:
    held_builds(project, threading.Event())
    before = len(project.runs)
    project.edit_all()
    gate = project.azure.faults.gate("/scheduleRun", method="POST", done=done)
    said = project.cut(signal.SIGINT, gate.reached, "--yes", then=gate.opened.set)
    for name in list(project.registry.runs)[before:]:
        assert f"cancelled in Azure: run {name} of standinacr" in said
    assert len(project.runs) > before
    assert once(lambda: set(project.runs[before:]) == {"Canceled"}).wait(60)


@pytest.mark.long
def test_a_build_that_azure_does_not_cancel_is_told_with_the_command(project: CutOff, cut: Any) -> None:
    go_on = threading.Event()
    project.edit_all()
    project.azure.faults.refuse("/cancel$", 403, "AuthorizationFailed", "no", times=None)
    said = project.cut(signal.SIGINT, once(held_builds(project, go_on)), "--yes")
    run = list(project.registry.runs)[-1]
    assert f"not cancelled in Azure: run {run} of standinacr: POST " in said
    assert f"  cancelled by: `az acr task cancel-run --registry standinacr --run-id {run}`" in said
    threading.Timer(2, go_on.set).start()
    assert project.doit("--yes").count("begun by an earlier doit") == 2
