"""What reruns after which edit, on a real engine and a real registry, naming exactly the tasks that ran."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import requests

from tests.conftest import Pipeline

pytestmark = pytest.mark.engine

ALL = [
    "resolve_registry",
    "build_base:os",
    "build_base:base",
    "push:os",
    "push:base",
    "create_environment:iris",
    "deploy:iris",
    "smoke_test:iris",
]
FROM_BASE = ["build_base:base", "push:base", "create_environment:iris", "deploy:iris", "smoke_test:iris"]


@pytest.fixture
def settled(pipeline: Pipeline) -> Pipeline:
    """The project with nothing left to do."""
    pipeline.run()
    assert pipeline.run() == []
    return pipeline


def ran(pipeline: Pipeline) -> list[str]:
    """What one `doit` ran; a second one must find nothing to do, and `doit plan` must have said it before."""
    planned = pipeline.doit("plan")
    said = {line.split()[0] for line in planned.stdout.splitlines()[1:-1] if not line.startswith(" ")}
    maybe = {line.split()[0] for line in planned.stdout.splitlines()[1:-1] if "maybe: after" in line}
    tasks = pipeline.run()
    assert said - maybe <= set(tasks) <= said, f"plan said {said}, maybe {maybe}; doit ran {tasks}"
    assert planned.returncode == (2 if said else 0)
    assert pipeline.run() == []
    return sorted(tasks, key=ALL.index)


def test_a_first_run_does_everything_and_the_model_answers(pipeline: Pipeline) -> None:
    assert sorted(pipeline.run(), key=ALL.index) == ALL
    answer = requests.post(f"{pipeline.url}/score", json={"data": [[5.1, 3.5, 1.4, 0.2]]}, timeout=5)
    assert answer.json()[0]["species"] == "setosa"


def test_a_second_run_executes_nothing(settled: Pipeline) -> None:
    assert ran(settled) == []


def test_a_comment_in_the_dockerfile_reruns_nothing(settled: Pipeline) -> None:
    settled.edit("images/base/Dockerfile", append="# a comment\n")
    assert ran(settled) == []


def test_a_file_that_copy_takes_rebuilds_the_image_and_all_that_is_built_on_it(settled: Pipeline) -> None:
    settled.edit("images/base/requirements.txt", append="# one line more\n")
    assert ran(settled) == FROM_BASE


def test_a_file_beside_it_that_no_copy_takes_reruns_nothing(settled: Pipeline) -> None:
    settled.edit("images/base/README.md", append="one line more\n")
    assert ran(settled) == []


def test_touching_every_file_reruns_nothing(settled: Pipeline) -> None:
    for file in settled.root.rglob("*"):
        if file.is_file() and ".bedplate" not in file.parts:
            file.touch()
    assert ran(settled) == []


def test_the_scoring_code_is_deployed_and_tested_again(settled: Pipeline) -> None:
    settled.edit("services/iris/score.py", append="\n# one line more\n")
    assert ran(settled) == ["deploy:iris", "smoke_test:iris"]


def test_the_model_is_deployed_and_tested_again(settled: Pipeline) -> None:
    (settled.root / "services/iris/model/NOTES").write_text("trained again\n", encoding="utf-8")
    assert ran(settled) == ["deploy:iris", "smoke_test:iris"]


def test_a_smoke_tests_expectation_is_only_tested(settled: Pipeline) -> None:
    settled.edit("pipeline.yaml", "within_ms: 500", "within_ms: 600")
    assert ran(settled) == ["smoke_test:iris"]


def test_a_build_argument_that_the_dockerfile_uses_rebuilds(settled: Pipeline) -> None:
    settled.edit("pipeline.yaml", "GREETING: hello", "GREETING: good morning")
    assert ran(settled) == FROM_BASE


def test_a_build_argument_that_it_does_not_use_reruns_nothing(settled: Pipeline) -> None:
    settled.edit("pipeline.yaml", "args: {", "args: {UNUSED: x, ")
    assert ran(settled) == []


def test_a_tag_is_only_pushed(settled: Pipeline) -> None:
    settled.edit("pipeline.yaml", "tags: [v1]", "tags: [v1, v2]")
    assert ran(settled) == ["push:base"]
    tags = requests.get(
        f"http://127.0.0.1:{settled.registry_port}/v2/{settled.project}/base/tags/list", timeout=5
    ).json()["tags"]
    assert {"v1", "v2"} <= set(tags)


def test_an_environment_variable_makes_another_environment(settled: Pipeline) -> None:
    settled.edit("pipeline.yaml", "EXAMPLE_ENV_VAR: EXAMPLE_VALUE", "EXAMPLE_ENV_VAR: another")
    assert ran(settled) == ["create_environment:iris", "deploy:iris", "smoke_test:iris"]


def test_a_service_that_was_removed_comes_back_and_nothing_else(settled: Pipeline) -> None:
    settled.docker("rm", "-f", *settled.containers())
    assert ran(settled) == ["deploy:iris"]
    assert requests.get(f"{settled.url}/", timeout=5).ok


def test_images_that_were_removed_from_the_engine_are_still_in_the_registry(settled: Pipeline) -> None:
    settled.untag(settled.project)
    assert ran(settled) == []
    settled.docker("rm", "-f", *settled.containers())
    tasks = settled.run()
    assert "build_base:os" not in tasks and "push:os" not in tasks and "deploy:iris" in tasks
    assert requests.get(f"{settled.url}/", timeout=5).ok


def test_an_image_that_is_gone_everywhere_is_built_again_and_what_stands_on_it_is_left_alone(
    settled: Pipeline,
) -> None:
    settled.untag(f"{settled.project}/os")
    shutil.rmtree(settled.home / f"bedplate/registry/{settled.registry_port}/data/docker/registry/v2/repositories"
                  / settled.project / "os")  # fmt: skip
    assert ran(settled) == ["build_base:os", "push:os"]


def test_without_its_state_folder_a_run_finds_everything_done(settled: Pipeline) -> None:
    shutil.rmtree(settled.root / ".bedplate")
    container = settled.docker("ps", "-q", "--filter", f"name={settled.project}-iris")
    assert sorted(settled.run(), key=ALL.index) == ALL
    assert "reused" in settled.output and "pushed" not in settled.output and "built" not in settled.output
    assert settled.docker("ps", "-q", "--filter", f"name={settled.project}-iris") == container, "it was adopted"


def test_another_address_of_the_registry_pushes_and_rebuilds_nothing(settled: Pipeline) -> None:
    before = Path(settled.root / "pipeline.yaml").read_text(encoding="utf-8")
    settled.edit("pipeline.yaml", "{kind: local,", f"{{kind: generic, address: 'localhost:{settled.registry_port}'}} #")
    tasks = ran(settled)
    assert tasks == ["resolve_registry", "push:os", "push:base", "create_environment:iris"]
    Path(settled.root / "pipeline.yaml").write_text(before, encoding="utf-8")


def test_clean_stops_what_was_started_and_a_run_brings_it_back(settled: Pipeline) -> None:
    settled.run("clean")
    assert settled.containers() == []
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{settled.registry_port}/v2/", timeout=1)
    tasks = settled.run()
    assert "resolve_registry" in tasks and "deploy:iris" in tasks and "build_base:os" not in tasks
