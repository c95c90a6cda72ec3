"""The real `az` works against the stand-in: it judges sign-in, the registry's resources, ACR Tasks and its log."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure.conftest import Run
from tests.azure.judges.prism import Prism
from tests.azure.standin import StandIn

pytestmark = [pytest.mark.judges, pytest.mark.engine]


@pytest.fixture
def signed_in(az: Run, standin: StandIn, prism: Prism) -> Iterator[Run]:
    """`az` after its login. What it was answered must be as Microsoft's documents say."""
    az("cloud", "register", "-n", "Here", "--endpoint-resource-manager", standin.url)
    az("cloud", "set", "-n", "Here")
    az("config", "set", "core.instance_discovery=false", "core.encrypt_token_cache=false")
    secret = standin.tokens.secret
    az("login", "--service-principal", "-u", standin.client, "-p", secret, "--tenant", standin.tenant)
    yield az
    _, wrong = prism.judge(standin.recorder, ours=False)
    assert not wrong, "\n".join(map(str, wrong))


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nARG WHO=nobody\nLABEL who=$WHO\nCOPY a.txt /\n")
    (folder / "a.txt").write_text("a")
    return folder


def test_az_signs_in_and_shows_the_registry(signed_in: Run, standin: StandIn) -> None:
    registry = standin.add_registry("standinacr", sku="Premium")
    shown = json.loads(signed_in("acr", "show", "-n", "standinacr").stdout)
    assert (shown["loginServer"], shown["sku"]["name"]) == (registry.login_server, "Premium")
    assert json.loads(signed_in("account", "show").stdout)["id"] == standin.subscription


def test_az_says_what_the_service_said(signed_in: Run, standin: StandIn) -> None:
    registry = standin.add_registry("standinacr")
    standin.faults.forbidden("/registries/standinacr$", "Microsoft.ContainerRegistry/registries/read", registry.id)
    said = signed_in("acr", "show", "-n", "standinacr", "-g", standin.group, code=1).stderr
    assert "(AuthorizationFailed)" in said
    standin.faults.clear()
    missing = signed_in("acr", "show", "-n", "nosuchacr", "-g", standin.group, code=3).stderr
    assert "(ResourceNotFound)" in missing


def test_az_builds_pushes_and_shows_the_log(signed_in: Run, standin: StandIn, context: Path, tmp_path: Path) -> None:
    registry = standin.add_registry("standinacr", program=True)
    args = ("--build-arg", "WHO=me", "--secret-build-arg", "TOKEN=hush-hush")
    built = signed_in("acr", "build", "-r", "standinacr", "-t", "judge/demo:v1", *args, str(context))
    assert "Step 4/4 : COPY a.txt /" in built.stdout
    assert "was successful after" in built.stdout
    assert "hush-hush" not in built.stdout + built.stderr
    runs = json.loads(signed_in("acr", "task", "list-runs", "-r", "standinacr").stdout)
    (image,) = runs[0]["outputImages"]
    config = tmp_path / "docker"
    config.mkdir()
    signed_in("acr", "login", "-n", "standinacr", DOCKER_CONFIG=str(config))
    reference = f"{registry.login_server}/judge/demo@{image['digest']}"
    environ = {**os.environ, "DOCKER_CONFIG": str(config)}
    try:
        subprocess.run(["docker", "pull", reference], env=environ, check=True, capture_output=True, timeout=120)
        label = ["docker", "inspect", "-f", '{{index .Config.Labels "who"}}', reference]
        assert subprocess.run(label, check=True, capture_output=True, text=True).stdout.strip() == "me"
    finally:
        subprocess.run(["docker", "rmi", reference], capture_output=True, check=False)


TASK = """\
version: v1.0.0
steps:
  - id: build
    build: -t {{.Run.Registry}}/judge/task:{{.Run.ID}} --build-arg WHO={{.Values.who}} -f Dockerfile .
    env: [DOCKER_BUILDKIT=1]
  - push: ["{{.Run.Registry}}/judge/task:{{.Run.ID}}"]
"""


def test_az_runs_a_task_that_builds_with_buildkit(signed_in: Run, standin: StandIn, context: Path) -> None:
    standin.add_registry("standinacr", program=True)
    (context / "Dockerfile").write_text("FROM scratch\nARG WHO\nLABEL who=$WHO\nCOPY --chmod=640 a.txt /\n")
    (context / "acb.yaml").write_text(TASK)
    args = ("--set", "who=me", "--set-secret", "token=hush-hush")
    ran = signed_in("acr", "run", "-r", "standinacr", "-f", "acb.yaml", *args, str(context))
    (sent,) = standin.recorder.matching("POST", "scheduleRun")
    asked = json.loads(sent.body)
    assert asked["type"] == "FileTaskRunRequest" and asked["sourceLocation"]
    secret = asked["values"][-1]
    assert (secret["name"], secret["value"], secret["isSecret"]) == ("token", "hush-hush", True)
    assert "COPY --chmod=640 a.txt /" in ran.stdout and "#1 [internal]" in ran.stdout
    runs = json.loads(signed_in("acr", "task", "list-runs", "-r", "standinacr").stdout)
    (image,) = runs[0]["outputImages"]
    assert (runs[0]["runType"], image["repository"], image["tag"]) == ("QuickRun", "judge/task", runs[0]["runId"])
    assert "hush-hush" not in json.dumps(runs) + ran.stdout + ran.stderr


def test_az_sees_a_build_fail(signed_in: Run, standin: StandIn, context: Path) -> None:
    standin.add_registry("standinacr", program=True)
    (context / "a.txt").unlink()
    failed = signed_in("acr", "build", "-r", "standinacr", "-t", "judge/demo:v2", str(context), code=1)
    assert "COPY failed" in failed.stdout
    assert "Run failed" in failed.stderr


def test_az_imports_an_image_from_another_registry(signed_in: Run, standin: StandIn, context: Path) -> None:
    source = standin.add_registry("sourceacr", program=True)
    standin.add_registry("targetacr", program=True)
    signed_in("acr", "build", "-r", "sourceacr", "-t", "judge/demo:v1", str(context))
    signed_in("acr", "import", "-n", "targetacr", "--source", f"{source.login_server}/judge/demo:v1", "-t", "copied:v1")
    assert json.loads(signed_in("acr", "repository", "list", "-n", "targetacr").stdout) == ["copied"]
    again = ("--source", f"{source.login_server}/judge/demo:v1", "-t", "copied:v1")
    assert "already exists" in signed_in("acr", "import", "-n", "targetacr", *again, code=1).stderr
