"""Builds in ACR Tasks: what goes up, what comes down, and what is said when it goes wrong."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bedplate.builders import acr_runs, acr_tasks, upstream
from bedplate.clients.azure.client import Azure
from bedplate.clients.azure.patience import Patience
from bedplate.clients.credentials import Login
from bedplate.clients.docker_engine import Engine
from bedplate.context import Parent
from bedplate.dockerfile import reader
from bedplate.errors import StepError
from bedplate.model import AcrTasksBuilder, Registry
from bedplate.secrets import Secret
from bedplate.step import BuildRequest, FileSet
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.signed_in import KeptLog, sign_in
from tests.azure.standin import Answer, Fault, StandIn, task_file
from tests.azure.standin.building import scripted

DIGEST = "sha256:" + "a" * 64
DOCKERFILE = "FROM scratch\nCOPY a /a\nRUN make\n"
Build = Callable[..., "tuple[str, KeptLog]"]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[StandIn], Any]:
    monkeypatch.setattr(acr_runs, "PAUSE_S", 0.05)

    def clients(azure: StandIn, parallel: int = 8) -> Any:
        sign_in(azure, monkeypatch, tmp_path / "az")
        spec = SimpleNamespace(target=SimpleNamespace(name="azure", builder=AcrTasksBuilder(parallel, 600, None)))
        return SimpleNamespace(
            azure=Azure(None, Patience(5, 20, 6)), log=KeptLog(tmp_path / "log"), spec=spec, root=tmp_path, again=False
        )

    return clients


def request(**more: Any) -> BuildRequest:
    facts: dict[str, Any] = {
        "image": "base",
        "tag": "demo/base:fp-0123456789abcdef",
        "dockerfile": DOCKERFILE,
        "lines": {n: n for n in range(1, 4)},
        "dockerfile_path": "images/base/Dockerfile",
        "file_set": FileSet(".", ()),
        "args": {"A": "b"},
        "target": None,
        "platform": "linux/amd64",
        "labels": {"org.bedplate.fingerprint": "0" * 64},
        "extra_files": {"a": b"content"},
    }
    return BuildRequest(**(facts | more))


def registry(azure: StandIn) -> Registry:
    return Registry("acr", azure.add_registry("standinacr").login_server, insecure=False)


@pytest.mark.judges
def test_the_context_goes_up_and_the_digest_comes_from_the_run(judged_azure: StandIn, clients: Any) -> None:
    judged_azure.azure.builds = scripted(["Step 1/3 : FROM scratch", "hello"], digest=DIGEST)
    given = clients(judged_azure)
    assert acr_tasks.build(request(), registry(judged_azure), given) == DIGEST
    assert "hello" in given.log.lines
    (sent,) = judged_azure.recorder.matching("POST", "scheduleRun")
    body = json.loads(sent.body)
    assert body["imageNames"] == ["demo/base:fp-0123456789abcdef"] and body["timeout"] == 600
    assert body["arguments"] == [{"name": "A", "value": "b", "isSecret": False}]
    (put,) = (e for e in judged_azure.recorder if e.method == "PUT")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(put.body))) as tar:
        files = {m.name: tar.extractfile(m) for m in tar if m.isfile()}
        text = files[body["dockerFilePath"]]
        assert text and text.read().decode() == DOCKERFILE + f'LABEL "org.bedplate.fingerprint"="{"0" * 64}"\n'
        assert set(files) == {"a", body["dockerFilePath"]}


def test_a_target_stage_is_the_one_that_is_labelled(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted([], digest=DIGEST)
    text = "FROM scratch AS one\nFROM scratch AS two\n"
    acr_tasks.build(request(dockerfile=text, target="one"), registry(standin), clients(standin))
    (sent,) = standin.recorder.matching("POST", "scheduleRun")
    (put,) = (e for e in standin.recorder if e.method == "PUT")
    assert json.loads(sent.body)["target"] == "bedplate-labelled"
    assert b"FROM one AS bedplate-labelled\nLABEL" in gzip.decompress(put.body)


def test_a_failed_run_shows_the_instruction_with_its_line(standin: StandIn, clients: Any) -> None:
    lines = [
        "Step 3/4 : RUN make",
        " ---> Running in 0123456789ab",
        "make: no rule",
        "The command '/bin/sh -c make' returned a non-zero code: 2",
    ]
    standin.azure.builds = scripted(lines, fails="exit status 1")
    with pytest.raises(StepError) as failed:
        acr_tasks.build(request(), registry(standin), clients(standin))
    assert failed.value.message == "images/base/Dockerfile:3: RUN make failed with exit code 2"
    assert failed.value.detail == "make: no rule"


def test_a_secret_is_a_secret_argument_and_stands_nowhere_else(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted([], digest=DIGEST)
    given = clients(standin)
    acr_tasks.build(request(secrets={"TOKEN": b"geheim"}), registry(standin), given)
    (sent,) = standin.recorder.matching("POST", "scheduleRun")
    assert {"name": "TOKEN", "value": "geheim", "isSecret": True} in json.loads(sent.body)["arguments"]
    assert "geheim" not in repr(given.log.lines + given.log.notes)
    (put,) = (e for e in standin.recorder if e.method == "PUT")
    assert b"geheim" not in gzip.decompress(put.body)


def test_a_secret_that_an_instruction_prints_is_hidden_in_the_log(standin: StandIn, clients: Any) -> None:
    said = ["Step 3/3 : RUN make", "the token is geheim!", "The command '/bin/sh -c make' returned a non-zero code: 2"]
    standin.azure.builds = scripted(said, fails="exit status 1")
    given = clients(standin)
    with pytest.raises(StepError) as failed:
        acr_tasks.build(request(secrets={"TOKEN": b"geheim"}), registry(standin), given)
    assert failed.value.detail == "the token is ***!"
    assert "geheim" not in repr((given.log.lines, given.log.notes, failed.value.message))


@pytest.mark.judges
def test_the_sign_in_of_an_upstream_registry_goes_with_the_run_and_nowhere_else(
    judged_azure: StandIn, clients: Any
) -> None:
    judged_azure.azure.builds = scripted([], digest=DIGEST)
    given = clients(judged_azure)
    logins = {"mirror.example.org": Login("ada", Secret("geheim")), "b.example.org": Login("", Secret("t"), True)}
    acr_tasks.build(request(logins=logins), registry(judged_azure), given)
    (sent,) = judged_azure.recorder.matching("POST", "scheduleRun")
    kept = json.loads(sent.body)["credentials"]["customRegistries"]
    assert kept["mirror.example.org"] == {
        "userName": {"type": "Opaque", "value": "ada"},
        "password": {"type": "Opaque", "value": "geheim"},
    }
    assert kept["b.example.org"]["userName"]["value"] == "00000000-0000-0000-0000-000000000000"
    assert "geheim" not in repr((given.log.lines, given.log.notes, request(logins=logins)))


def test_a_run_that_went_on_after_a_kill_is_taken_up_and_not_begun_again(standin: StandIn, clients: Any) -> None:
    go_on = threading.Event()

    def slow(build: Any) -> Any:
        build.log("one")
        go_on.wait(20)
        return scripted(["two"], digest=DIGEST)(build)

    standin.azure.builds = slow
    given, there, ended = clients(standin), registry(standin), []
    # the first doit is killed: nothing of it runs any more, and Azure goes on
    thread = threading.Thread(target=lambda: ended.append(acr_tasks.build(request(), there, given)))
    thread.start()
    until = time.monotonic() + 20
    while not standin.recorder.matching("HEAD", "/logs/") and time.monotonic() < until:
        time.sleep(0.02)
    again = SimpleNamespace(**{**vars(given), "log": KeptLog()})
    second = threading.Thread(target=lambda: ended.append(acr_tasks.build(request(), there, again)))
    second.start()
    while not again.log.lines and time.monotonic() < until:
        time.sleep(0.02)
    go_on.set()
    for one in (thread, second):
        one.join(20)
    assert ended == [DIGEST, DIGEST] and len(standin.recorder.matching("POST", "scheduleRun")) == 1
    assert "begun by an earlier doit" in again.log.notes[0] and again.log.lines[:2] == ["one", "two"]


def test_a_run_that_has_ended_since_is_not_waited_for(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted(["x"], fails="exit status 1")
    given, there = clients(standin), registry(standin)
    for _ in range(2):
        with pytest.raises(StepError):
            acr_tasks.build(request(), there, given)
    standin.azure.builds = scripted([], digest=DIGEST)
    assert acr_tasks.build(request(), there, given) == DIGEST
    assert len(standin.recorder.matching("POST", "scheduleRun")) == 3


def test_an_upstream_image_that_azure_cannot_reach_is_told_before_anything_is_sent(
    standin: StandIn, clients: Any
) -> None:
    given = clients(standin)
    given.pinned = lambda reference, platform: f"127.0.0.1:5000/os@{DIGEST}"
    with pytest.raises(StepError, match="Azure cannot reach 127.0.0.1:5000") as told:
        upstream.for_azure([Parent("127.0.0.1:5000/os:1", "linux/amd64", None, 1, 1)], registry(standin), given)
    assert "images:" in told.value.hint


def test_an_instruction_that_fails_without_an_exit_code_is_told_in_the_builders_words(
    standin: StandIn, clients: Any
) -> None:
    lines = ["Step 2/3 : COPY a /a", "COPY failed: no source files were specified"]
    standin.azure.builds = scripted(lines, fails="exit status 1")
    with pytest.raises(StepError) as failed:
        acr_tasks.build(request(), registry(standin), clients(standin))
    said = "images/base/Dockerfile:2: COPY a /a: COPY failed: no source files were specified"
    assert failed.value.message == said
    assert "No retries" not in failed.value.detail


def test_a_secret_that_is_no_text_is_told_and_not_shown(standin: StandIn, clients: Any) -> None:
    with pytest.raises(StepError, match="secret TOKEN is no text") as told:
        acr_tasks.build(request(secrets={"TOKEN": b"\xff\xfegeheim"}), registry(standin), clients(standin))
    assert "geheim" not in str(told.value) and not standin.recorder.matching("POST", "scheduleRun")


def test_an_onbuild_that_needs_buildkit_is_told_with_the_way_out(standin: StandIn, clients: Any) -> None:
    lines = [
        "Step 3/3 : RUN make",
        "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn more",
    ]
    standin.azure.builds = scripted(lines, fails="exit status 1")
    with pytest.raises(StepError) as failed:
        acr_tasks.build(request(), registry(standin), clients(standin))
    assert "builder: {kind: local}" in failed.value.hint


def test_what_is_known_of_a_run_is_forgotten_once_it_has_ended(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted([], digest=DIGEST)
    given = clients(standin)
    acr_tasks.build(request(), registry(standin), given)
    assert list((given.root / ".bedplate/cache/runs").iterdir()) == []


@pytest.mark.judges
def test_what_needs_buildkit_is_sent_as_a_task_that_says_the_same(judged_azure: StandIn, clients: Any) -> None:
    judged_azure.azure.builds = scripted(["#1 [internal] load build definition from Dockerfile"], digest=DIGEST)
    text = "FROM scratch AS one\nRUN --mount=type=cache,target=/c make\nFROM scratch AS two\n"
    given, there = clients(judged_azure), registry(judged_azure)
    logins = {"mirror.example.org": Login("ada", Secret("geheim"))}
    asked = request(dockerfile=text, target="one", platform="linux/arm64/v8", logins=logins)
    assert acr_tasks.build(asked, there, given) == DIGEST
    assert "builder: ACR Tasks with BuildKit, because of RUN --mount (images/base/Dockerfile:2)" in given.log.notes
    (sent,) = judged_azure.recorder.matching("POST", "scheduleRun")
    body = json.loads(sent.body)
    assert body["type"] == "EncodedTaskRunRequest" and body["timeout"] == 600
    assert body["platform"] == {"os": "Linux", "architecture": "arm64", "variant": "v8"}
    assert list(body["credentials"]["customRegistries"]) == ["mirror.example.org"]
    build, push = task_file.read(body, "ca1", there.address)
    assert build.words[:2] == ("--build-arg", "A=b") and build.timeout == 600
    assert build.words[2:6] == ("--platform", "linux/arm64/v8", "--target", "bedplate-labelled")
    assert push.push == (f"{there.address}/demo/base:fp-0123456789abcdef",)
    (put,) = (e for e in judged_azure.recorder if e.method == "PUT")
    assert b"FROM one AS bedplate-labelled\nLABEL" in gzip.decompress(put.body)


def test_a_mounted_secret_is_in_the_secret_values_and_nowhere_else(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted(["the token is geheim!"], digest=DIGEST)
    text = "FROM scratch\nRUN --mount=type=secret,id=t make\n"
    given, there = clients(standin), registry(standin)
    acr_tasks.build(request(dockerfile=text, secrets={"t": b"geheim"}), there, given)
    (sent,) = standin.recorder.matching("POST", "scheduleRun")
    body = json.loads(sent.body)
    assert body.pop("values") == [{"name": "mounted0", "value": "geheim", "isSecret": True}]
    content = base64.b64decode(body.pop("encodedTaskContent")).decode()
    assert "geheim" not in repr((content, body, given.log.lines, given.log.notes))
    shown = [e for e in standin.recorder if e.method == "GET" and "/runs/" in e.path]
    assert shown and not any(b"geheim" in e.answer_body for e in shown if "logs" not in e.path)
    (put,) = (e for e in standin.recorder if e.method == "PUT")
    assert b"geheim" not in gzip.decompress(put.body)


def test_a_mounted_secret_that_would_not_arrive_is_refused_before_anything_is_sent(
    standin: StandIn, clients: Any
) -> None:
    text = "FROM scratch\nRUN --mount=type=secret,id=t make\n"
    with pytest.raises(StepError, match="ACR Tasks would change secret t on its way") as told:
        acr_tasks.build(request(dockerfile=text, secrets={"t": b"ge heim\n"}), registry(standin), clients(standin))
    assert "heim" not in str(told.value)
    assert not [e for e in standin.recorder if e.method == "PUT"] and not standin.recorder.matching("POST", "Run")


@pytest.mark.engine
def test_buildkit_builds_in_azure_with_caches_secrets_and_values_of_all_kinds(
    standin: StandIn, clients: Any, engine: Engine, os_image: str
) -> None:
    odd = "a  b 'c' \"d\" $HOME $(id) `id` {{.Run.ID}} \\ \n end"
    text = (
        f"FROM {os_image}\nARG ODD\nCOPY --chmod=640 a /a\n"
        "RUN --mount=type=cache,target=/c --mount=type=secret,id=t "
        'grep -qx ge.eim /run/secrets/t && printf %s "$ODD" > /odd && touch /c/here\n'
    )
    # heredocs came with the frontend that Docker 23 has
    later = int(str(engine.version()["Version"]).partition(".")[0]) >= 23
    text += "RUN <<EOF\nprintf here > /heredoc\nEOF\n" if later else ""
    there = standin.add_registry("standinacr", program=True)
    given = clients(standin)
    asked = request(
        tag=f"acr{standin.url.rpartition(':')[2]}/kit:fp-0123456789abcdef",
        dockerfile=text,
        lines={},
        args={"ODD": odd},
        secrets={"t": b"geheim"},
    )
    digest = acr_tasks.build(asked, Registry("acr", there.login_server, insecure=False), given)
    assert any("#" in line and "RUN --mount=type=cache" in line for line in given.log.lines)
    assert "geheim" not in repr(given.log.lines)
    login = ["docker", "run", "--rm", "--network=none", f"{there.login_server}/{asked.tag.partition(':')[0]}@{digest}"]
    environ = {**os.environ, **_signed_in(standin, there.login_server, given.root / "docker")}
    try:
        ran = subprocess.run(
            [*login, "sh", "-c", "cat /odd; stat -c ,%a /a; cat /heredoc 2>&1; ls /c"],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout.startswith(f"{odd},640\n"), ran.stdout + ran.stderr
        assert not later or "here" in ran.stdout
        looked = subprocess.run(
            ["docker", "inspect", login[-1]], env=environ, capture_output=True, text=True, check=True
        )
        (image,) = json.loads(looked.stdout)
        assert image["Config"]["Labels"]["org.bedplate.fingerprint"] == "0" * 64
        history = subprocess.run(
            ["docker", "history", "--no-trunc", login[-1]], capture_output=True, text=True, check=True
        )
        assert "geheim" not in history.stdout
    finally:
        subprocess.run(["docker", "rmi", "--force", login[-1]], capture_output=True, check=False)


@pytest.mark.engine
def test_a_parents_trigger_takes_the_users_files_alone_in_azure_too(standin: StandIn, clients: Any) -> None:
    there = standin.add_registry("standinacr", program=True)
    asked = request(
        tag=f"acr{standin.url.rpartition(':')[2]}/trigger:fp-0123456789abcdef",
        dockerfile="FROM scratch AS parent\nONBUILD COPY . /all/\nFROM parent\nCOPY a* /t/\n",
        lines={},
        triggers=reader.fragment("COPY . /all/"),
        extra_files={"context/a": b"content"},
        args={},
    )
    given = clients(standin)
    digest = acr_tasks.build(asked, Registry("acr", there.login_server, insecure=False), given)
    environ = {**os.environ, **_signed_in(standin, there.login_server, given.root / "docker")}
    reference = f"{there.login_server}/{asked.tag.partition(':')[0]}@{digest}"

    def docker(*words: str) -> bytes:
        return subprocess.run(["docker", *words], env=environ, capture_output=True, check=True).stdout

    container = docker("create", reference, "nothing").decode().strip()
    try:
        with tarfile.open(fileobj=io.BytesIO(docker("export", container))) as opened:
            files = {entry.name for entry in opened if entry.isfile() and entry.name.startswith(("all/", "t/"))}
    finally:
        docker("rm", container)
        docker("rmi", "--force", reference)
    assert files == {"all/a", "t/a"}


@pytest.mark.engine
def test_an_instruction_that_buildkit_cannot_run_is_told_with_its_line(
    standin: StandIn, clients: Any, os_image: str
) -> None:
    text = f"FROM {os_image}\n\nRUN --mount=type=cache,target=/c echo before && exit 7\n"
    there = standin.add_registry("standinacr", program=True)
    with pytest.raises(StepError) as failed:
        asked = request(dockerfile=text, lines={n: n for n in range(1, 4)})
        acr_tasks.build(asked, Registry("acr", there.login_server, insecure=False), clients(standin))
    assert failed.value.message.startswith("images/base/Dockerfile:3: RUN --mount=type=cache")
    assert "failed with exit code 7" in failed.value.message and "before" in failed.value.detail


def _signed_in(standin: StandIn, server: str, folder: Path) -> dict[str, str]:
    """The configuration of a client that may pull what was pushed."""
    from tests.azure.standin.tokens import CLIENT

    folder.mkdir()
    secret = base64.b64encode(f"{CLIENT}:{standin.azure.tokens.secret}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {server: {"auth": secret}}}), encoding="utf-8")
    return {"DOCKER_CONFIG": str(folder)}


def test_an_expired_upload_address_is_asked_for_anew(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted([], digest=DIGEST)
    standin.faults.expired_upload()
    assert acr_tasks.build(request(), registry(standin), clients(standin)) == DIGEST
    assert len(standin.recorder.matching("POST", "listBuildSourceUploadUrl")) == 2


def test_a_broken_log_is_taken_up_where_it_was(standin: StandIn, clients: Any) -> None:
    lines = [f"line {n}" for n in range(50)]
    standin.azure.builds = scripted(lines, digest=DIGEST, pause=0.01)
    standin.faults.broken_log(times=1)
    given = clients(standin)
    assert acr_tasks.build(request(), registry(standin), given) == DIGEST
    assert [line for line in given.log.lines if line.startswith("line ")] == lines


@pytest.mark.parametrize("status", [200, 404])
def test_a_log_that_never_gets_its_end_ends_with_the_run(standin: StandIn, clients: Any, status: int) -> None:
    standin.azure.builds = scripted(["one"], digest=DIGEST)
    standin.faults.add(Fault("/logs/", Answer(status, b""), None, None))
    given = clients(standin)
    assert acr_tasks.build(request(), registry(standin), given) == DIGEST
    said = "the log has no end; `az acr task logs --registry standinacr --run-id ca1` may show more"
    assert given.log.notes.count(said) == 1


def test_a_build_that_fails_unseen_is_told_with_the_command_that_shows_its_log(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted(["one"], fails="exit status 1")
    standin.faults.refuse("/listLogSasUrl", 403, "AuthorizationFailed", "no", times=None)
    with pytest.raises(StepError, match="failed") as refused:
        acr_tasks.build(request(), registry(standin), clients(standin))
    assert refused.value.hint.endswith("`az acr task logs --registry standinacr --run-id ca1`")


def test_a_registry_that_is_gone_since_it_was_found_is_told_with_the_command_that_looks_again(
    standin: StandIn, clients: Any
) -> None:
    there = registry(standin)
    standin.azure.registries.clear()
    with pytest.raises(StepError, match=f"registry {there.address} is not in subscription .* any more") as refused:
        acr_tasks.build(request(), there, clients(standin))
    assert refused.value.hint.startswith("`doit -t azure run -a -s resolve_registry`")


def test_a_missing_role_for_tasks_is_named(standin: StandIn, clients: Any) -> None:
    there = registry(standin)
    action = "Microsoft.ContainerRegistry/registries/scheduleRun/action"
    standin.faults.forbidden("scheduleRun", action, "/subscriptions/s/r")
    with pytest.raises(StepError, match="403 AuthorizationFailed") as refused:
        acr_tasks.build(request(), there, clients(standin))
    assert "Container Registry Tasks Contributor" in refused.value.hint


def test_a_run_is_cancelled_in_azure_when_the_user_interrupts(standin: StandIn, clients: Any) -> None:
    standin.azure.builds = scripted(["x"] * 1000, pause=0.05)
    given, there, ended = clients(standin), registry(standin), []

    def work() -> None:
        try:
            acr_tasks.build(request(), there, given)
        except StepError as error:
            ended.append(error.message)

    thread = threading.Thread(target=work)
    thread.start()
    until = time.monotonic() + 10
    while not given.log.lines and time.monotonic() < until:
        time.sleep(0.02)
    assert list(given.azure.under_way.interrupted()) == ["cancelled in Azure: run ca1 of standinacr"]
    thread.join(10)
    assert ended == ["image base: run ca1 was cancelled in Azure"]


def test_no_more_run_at_a_time_than_the_spec_says(standin: StandIn, clients: Any) -> None:
    running, most, lock, two = 0, 0, threading.Lock(), threading.Event()
    slow = scripted(["x"], digest=DIGEST, pause=0.2)

    def counted(build: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                two.set()
        two.wait(20)  # a busy machine may be late with the second
        try:
            return slow(build)
        finally:
            with lock:
                running -= 1

    standin.azure.builds = counted
    given, there = clients(standin, parallel=2), registry(standin)
    asked = [request(tag=f"demo/base:fp-{n:016x}") for n in range(5)]
    threads = [threading.Thread(target=acr_tasks.build, args=(one, there, given)) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 2 and len(standin.recorder.matching("POST", "scheduleRun")) == 5


@pytest.mark.engine
def test_doit_builds_in_the_cloud_what_the_registry_then_holds(standin: StandIn, tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "one").mkdir(parents=True)
    (root / "two").mkdir()
    (root / "one" / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    (root / "one" / "a").write_text(f"{time.time()}")
    (root / "two" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY --chmod=640 b /b\n")
    (root / "two" / "b").write_text("b")
    there = standin.add_registry("standinacr", program=True)
    standin.add_workspace("demo", there)
    project = f"acr{standin.url.rpartition(':')[2]}"
    (root / "pipeline.yaml").write_text(PIPELINE.format(project=project))
    (root / "pyproject.toml").write_text((REPO / "pyproject.toml").read_text())
    (root / "dodo.py").write_text((REPO / "dodo.py").read_text())
    environ = {**os.environ, **standin.sign_in(tmp_path / "az"), "DOCKER_CONFIG": str(tmp_path / "docker")}

    def doit() -> str:
        command = [sys.executable, "-m", "doit"]
        ran = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    said = doit()
    sent = [json.loads(e.body)["type"] for e in standin.recorder.matching("POST", "scheduleRun")]
    assert sent == ["DockerBuildRequest", "EncodedTaskRunRequest"]  # a quick build will do for what the first says
    assert "registry of workspace demo" in said
    doit()
    shutil.rmtree(root / ".bedplate")
    doit()  # a fresh checkout finds what was built
    assert len(standin.recorder.matching("POST", "scheduleRun")) == 2
    # the stand-in's engine keeps the parent that it pulled by digest
    listed = ["docker", "images", "--quiet", f"{there.login_server}/{project}/one"]
    for image in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


REPO = Path(__file__).parents[3]
PIPELINE = """\
version: 1
project: {project}
images:
  one: {{context: one}}
  two: {{context: two, from: {{BASE: one}}}}
targets:
  azure:
    workspace: {{resource_group: rg, name: demo}}
    registry: {{kind: workspace}}
    builder: {{kind: acr_tasks}}
"""


def test_an_interrupted_doit_cancels_its_run_in_azure(standin: StandIn, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    (tmp_path / "one" / "a").write_text("a")
    there = standin.add_registry("standinacr")
    standin.add_workspace("demo", there)
    standin.faults.refuse("/manifests/", 404, "MANIFEST_UNKNOWN", "none", times=None)
    standin.azure.builds = scripted(["x"] * 1000, pause=0.05)
    text = PIPELINE.format(project="interrupted").replace("  two: {context: two, from: {BASE: one}}\n", "")
    (tmp_path / "pipeline.yaml").write_text(text)
    for name in ("pyproject.toml", "dodo.py"):
        (tmp_path / name).write_text((REPO / name).read_text())
    environ = {**os.environ, **standin.sign_in(tmp_path / "az"), "DOCKER_CONFIG": str(tmp_path / "docker")}
    command = [sys.executable, "-m", "doit"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, **pipes) as ran:
        until = time.monotonic() + 30
        while not standin.recorder.matching("HEAD", "/logs/") and time.monotonic() < until and ran.poll() is None:
            time.sleep(0.05)
        ran.send_signal(signal.SIGINT)
        try:
            said, _ = ran.communicate(timeout=60)
        finally:
            ran.kill()
    assert ran.returncode == 130, said
    assert "cancelled in Azure: run ca1 of standinacr" in said
    assert standin.recorder.matching("POST", "/runs/ca1/cancel")
