"""doit's own commands and options work on the pipeline's tasks."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys

import pytest
import requests

from tests.conftest import DOIT, Pipeline

pytestmark = pytest.mark.engine


def test_list_and_info_name_the_tasks_and_why_they_would_run(images: Pipeline) -> None:
    names = images.doit("list", "--all", "-q").stdout.split()
    assert {"resolve_registry", "build_base:one", "build_base:three", "push:two"} <= set(names)
    told = images.doit("info", "build_base:two")
    assert "run" in told.stdout and "never done here" in told.stdout and "build_base:one" in told.stdout


def test_a_task_that_is_named_runs_with_what_it_needs_and_no_more(images: Pipeline) -> None:
    assert images.run("build_base:two") == ["resolve_registry", "build_base:one", "build_base:two"]
    assert images.run("build_base:two") == []
    assert "-- build_base:two" in images.output


def test_a_group_or_a_pattern_selects_its_tasks(images: Pipeline) -> None:
    assert set(images.run("build_base")) == {"resolve_registry", "build_base:one", "build_base:two", "build_base:three"}
    assert set(images.run("push:t*")) == {"push:two", "push:three"}


def test_forget_makes_a_task_run_again_and_what_is_there_is_reused(images: Pipeline) -> None:
    images.run()
    images.doit("forget", "build_base:two")
    assert images.run() == ["build_base:two"]
    assert "reused" in images.output


def test_forget_without_a_name_forgets_all(images: Pipeline) -> None:
    images.run()
    said = images.doit("forget")
    assert said.returncode == 0 and "forgetting build_base:two" in said.stdout
    assert "build_base:two" in images.run()


def test_clean_waits_for_a_run_that_is_under_way(images: Pipeline) -> None:
    (images.root / ".bedplate").mkdir()
    with open(images.root / ".bedplate/local.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        clean = subprocess.Popen(
            [DOIT, "clean"], cwd=images.root, env=images.environ, stderr=subprocess.PIPE, text=True
        )
        assert clean.stderr and "waiting for it to end" in clean.stderr.readline()
        assert clean.poll() is None
    assert clean.wait(60) == 0
    clean.stderr.close()


def test_always_builds_although_everything_is_there(images: Pipeline) -> None:
    images.run()
    assert "build_base:one" in images.run("-a", "build_base:one")
    assert "reused" not in images.output
    assert images.run() == []


def test_a_failure_says_what_failed_where_its_log_is_and_how_to_go_on(images: Pipeline) -> None:
    images.run()
    images.edit("images/two/Dockerfile", append='RUN ["/no/such/program"]\n')
    images.run(code=1)
    said = images.output
    assert re.search(r"images/two/Dockerfile:\d+: ", said), said
    assert "failed:   build_base:two   log: .bedplate/logs/local/build_base.two.log" in said
    assert re.search(r"\n {10}images/two/Dockerfile:\d+: .*\nserving: ", said), said
    assert "go on with: doit" in said
    assert (images.root / ".bedplate/logs/local/build_base.two.log").read_text(encoding="utf-8")


def test_continue_does_what_does_not_depend_on_the_failure(images: Pipeline) -> None:
    images.edit("images/two/Dockerfile", append='RUN ["/no/such/program"]\n')
    ran = images.run("--continue", code=1)
    assert "push:one" in ran and "build_base:three" not in ran
    assert "not run:" in images.output


def test_continue_does_what_needs_no_digest_that_nobody_says(images: Pipeline) -> None:
    (images.root / "images/four").mkdir()
    (images.root / "images/four/Dockerfile").write_text("FROM 127.0.0.1:1/gone/base:1\n", encoding="utf-8")
    images.edit("pipeline.yaml", "targets:", "  four: {context: images/four}\ntargets:")
    assert images.run(code=1) == []
    assert "127.0.0.1:1/gone/base:1" in images.output

    ran = images.run("--continue", code=1)
    assert {"push:one", "push:three", "build_base:four"} <= set(ran) and "push:four" not in ran
    failed = images.output[images.output.index("FAILED  build_base:four") :]
    assert "127.0.0.1:1/gone/base:1" in failed and "Traceback" not in images.output
    assert images.run("--continue", code=1) == ["build_base:four"]


def test_clean_stops_the_registry_that_was_started_and_nothing_is_lost(images: Pipeline) -> None:
    images.run()
    images.doit("clean")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{images.registry_port}/v2/", timeout=1)
    assert images.run() == ["resolve_registry"]


def test_more_processes_and_another_reporter_are_doits_own(images: Pipeline) -> None:
    ran = images.doit("-n", "8", "-r", "json")
    assert ran.returncode == 0 and '"result": "success"' in ran.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["clean", "push:oen"], "did you mean 'push:one'?"),
        (["build_bse:one"], "did you mean 'build_base:one'?"),
        (["tagret=local"], "did you mean 'target'?"),
        (["target=locl"], "did you mean 'local'?"),
        (["-t", "locl"], "did you mean 'local'?"),
        (["--tagret", "local"], "did you mean '--target'?"),
        (["plan", "--jsn"], "did you mean '--json'?"),
    ],
)
def test_a_mistyped_word_is_refused_with_what_was_meant(images: Pipeline, words: list[str], told: str) -> None:
    assert images.doit(*words).returncode == 3
    assert told in images.output and "Traceback" not in images.output


def test_a_foreign_steps_package_is_named(images: Pipeline) -> None:
    (images.root / "steps").mkdir()
    (images.root / "steps/__init__.py").write_text("", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "doit"], cwd=images.root, env=images.environ, capture_output=True, text=True
    )
    assert ran.returncode == 3
    assert str(images.root / "steps") in ran.stderr and "Traceback" not in ran.stderr


def test_it_works_from_a_subfolder(images: Pipeline) -> None:
    images.run()
    folder = images.root / "images/one"
    ran = subprocess.run([DOIT, "-k"], cwd=folder, env=images.environ, capture_output=True, text=True)
    assert ran.returncode == 0 and "tasks up to date" in ran.stdout, ran.stderr
    ran = subprocess.run([DOIT], cwd=folder, env=images.environ, capture_output=True, text=True)
    assert ran.returncode == 3 and "dodo.py" in ran.stderr


def test_tasks_of_the_users_own_stand_beside_the_pipelines(images: Pipeline) -> None:
    mine = "def task_mine():\n    return {'actions': ['echo mine'], 'task_dep': ['push:three']}\n"
    images.edit("dodo.py", append="\n\n" + mine)
    ran = images.run()
    assert "mine" in ran and ran.index("push:three") < ran.index("mine")
    assert images.run() == ["mine"], "a task without dependencies is never up to date"
