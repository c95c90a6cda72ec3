"""What goes wrong while a service is deployed, what is said then, and what still serves."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.errors import StepError
from bedplate.model import InferenceConfig, Route
from tests.conftest import free_port
from tests.serving import Service, asked_all_the_time, case, serving_image, version

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def image() -> str:
    return serving_image()


@pytest.fixture
def service(image: str, tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path, image, free_port())
    made.version("one")
    yield made
    made.remove()


def failure(service: Service) -> StepError:
    with pytest.raises(StepError) as failed:
        service.deploy()
    return failed.value


def test_a_port_that_a_process_holds_is_told_with_the_process(service: Service) -> None:
    holder = http.server.HTTPServer(("127.0.0.1", service.port), http.server.SimpleHTTPRequestHandler)
    try:
        told = failure(service)
    finally:
        holder.server_close()
    assert f"port {service.port}" in told.message and f"process {os.getpid()}" in told.message
    assert service.containers() == []
    assert service.deploy().url == service.url


def test_a_port_that_a_container_holds_is_told_with_the_container(service: Service, image: str) -> None:
    other = Service(service.root, image, service.port)
    other.deploy()
    try:
        told = failure(service)
        assert f"container {other.name}" in told.message
        assert service.containers() == [] and other.ask()["version"] == "one"
    finally:
        other.remove()


def test_a_container_of_others_with_our_name_is_not_touched(service: Service, image: str) -> None:
    service.outside.engine.create(service.name, image, ["sleep", "60"])
    try:
        told = failure(service)
        assert f"container name {service.name} is taken" in told.message
        assert service.state() is not None
    finally:
        service.outside.engine.remove(service.name, force=True)


def test_a_missing_entry_script_is_told_with_the_log(service: Service) -> None:
    service.changes = {"entry_script": "scores.py"}
    told = failure(service)
    assert "exit code 3" in told.message and "scores.py" in told.detail
    assert service.containers() == []


def test_a_service_that_is_never_ready_is_given_up_at_the_deadline(service: Service) -> None:
    service.write("import time\nprint('loading')\ndef init():\n    time.sleep(60)\ndef run(raw): pass\n")
    service.within_s = 3
    began = time.monotonic()
    told = failure(service)
    assert time.monotonic() - began < 8
    assert "not ready within 3 s" in told.message and "loading" in told.detail
    assert service.containers() == []


def test_a_ready_route_that_is_none_is_told_with_its_answer(service: Service) -> None:
    wrong = InferenceConfig(Route(5001, "/"), Route(5001, "/ready"), Route(5001, "/score"))
    service.changes = {"inference_config": wrong}
    service.within_s = 3
    assert "/ready: 404" in failure(service).message


def test_out_of_memory_is_told_with_the_limit(service: Service) -> None:
    service.write("def init():\n    global held\n    held = bytearray(400 * 1024 * 1024)\ndef run(raw): pass\n")
    service.changes = {"memory": "128m"}
    service.within_s = 6
    told = failure(service)
    assert "out of memory (limit 128m)" in told.message
    assert "`memory`" in told.hint


def test_a_request_that_ends_the_process_is_not_taken_for_not_up(service: Service) -> None:
    service.deploy()
    service.write("import os\ndef init(): pass\ndef run(raw):\n    os.kill(os.getpid(), 9)\n")
    service.cases = (case("kills"),)
    began = time.monotonic()
    told = failure(service)
    assert "smoke test 'kills'" in told.message and "ends the process" in told.message
    assert time.monotonic() - began < service.within_s
    assert service.ask()["version"] == "one"


def test_an_old_version_that_was_stopped_for_a_failing_one_serves_again(service: Service) -> None:
    service.deploy()
    # ready on the spare port, where the trial takes place; not on the public one
    service.write(
        "import os, json, socket\n"
        "def init():\n"
        "    if os.path.exists('/var/azureml-app/iris/second'): raise ValueError('second start')\n"
        "def run(raw): return {'version': 'bad'}\n"
    )
    put = service.outside.engine.put
    calls = []

    def put_and_spoil(container: str, path: str, tar: object) -> None:
        put(container, path, b"".join(tar))  # type: ignore[call-overload]
        calls.append(container)
        if len(calls) == 2:
            put(container, "/var/azureml-app/iris", _empty_file("second"))

    service.outside.engine.put = put_and_spoil  # type: ignore[method-assign]
    told = failure(service)
    assert len(calls) == 2 and "second start" in told.detail
    assert "the version before still serves" in told.message
    assert service.ask()["version"] == "one"
    assert service.containers() == [service.name]


def test_killed_at_any_moment_the_next_run_brings_the_new_version(service: Service) -> None:
    service.deploy()
    child = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from tests.serving import Service
        service = Service(Path({str(service.root)!r}), {service.image!r}, {service.port})
        service.project = {service.project!r}
        service.deploy()
        """
    )
    for n, delay in enumerate((0.5, 1.0, 1.6, 2.0, 2.4, 2.8)):
        service.version(f"kill {n}")
        process = subprocess.Popen([sys.executable, "-c", child])
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        service.deploy()
        assert service.ask()["version"] == f"kill {n}"
        assert service.containers() == [service.name]
        state = service.state()
        assert state is not None and state["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


def test_interrupted_while_the_port_changes_hands_the_new_version_gets_it(service: Service) -> None:
    service.deploy()
    service.version("two")
    # as doit does: the step runs in a daemon thread, and Ctrl-C ends the main one
    child = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {sys.path!r}
        import threading, time
        from pathlib import Path
        from tests.serving import Service
        service = Service(Path({str(service.root)!r}), {service.image!r}, {service.port})
        service.project = {service.project!r}
        stopped, stop = threading.Event(), service.outside.engine.stop
        def stop_and_tell(*args):
            stop(*args)
            stopped.set()
        service.outside.engine.stop = stop_and_tell
        threading.Thread(target=service.deploy, daemon=True).start()
        assert stopped.wait(60)
        sys.exit(130)
        """
    )
    ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, timeout=90)
    assert ran.returncode == 130, ran.stderr
    assert service.ask()["version"] == "two"
    assert service.containers() == [service.name]


@pytest.mark.parametrize("when", ["the engine makes it", "it is asked"])
def test_interrupted_in_a_trial_it_is_taken_away_and_the_old_one_serves_on(service: Service, when: str) -> None:
    service.deploy()
    service.version("two")
    # as doit does: the step runs in a daemon thread, and Ctrl-C ends the main one
    child = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {sys.path!r}
        import threading, time
        from pathlib import Path
        from steps.deploy.candidate import Candidate
        from tests.serving import Service
        service = Service(Path({str(service.root)!r}), {service.image!r}, {service.port})
        service.project = {service.project!r}
        reached, engine = threading.Event(), service.outside.engine
        create, prove = engine.create, Candidate.prove
        def late(*args, **options):
            reached.set()
            time.sleep(1)
            return create(*args, **options)
        def asked(*args, **options):
            reached.set()
            prove(*args, **options)
            time.sleep(60)
        if {when!r} == "it is asked":
            Candidate.prove = asked
        else:
            engine.create = late
        def deploy():
            try:
                service.deploy()
            finally:
                print("the step went on")
        threading.Thread(target=deploy, daemon=True).start()
        assert reached.wait(60)
        sys.exit(130)
        """
    )
    with asked_all_the_time(lambda: version(service)) as seen:
        ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, timeout=90)
    assert ran.returncode == 130, ran.stderr
    assert "the step went on" not in ran.stdout and not ran.stderr
    assert service.containers() == [service.name]
    assert {said for _, said in seen} == {"one"}


def test_what_a_killed_run_left_is_finished_or_taken_away(service: Service) -> None:
    service.deploy()
    engine = service.outside.engine
    # killed after the new one was seen to work, before it got its name; then the code was edited once more
    engine.rename(service.name, f"{service.name}..next")
    service.version("two")
    with asked_all_the_time(lambda: version(service)) as seen:
        service.deploy()
    assert service.ask()["version"] == "two" and "one" in {said for _, said in seen}
    # killed while the new one was about to start; then the edit was taken back
    engine.rename(service.name, f"{service.name}..next")
    service.changes = {"memory": "1g"}
    service.deploy()
    engine.create(f"{service.name}..next", service.image, labels=_marks(service))
    engine.create(f"{service.name}..trial", service.image, labels=_marks(service))
    service.deploy()
    assert service.containers() == [service.name]


def test_a_container_that_a_killed_run_asked_for_may_come_late(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.deploy()
    service.version("two")
    engine = service.outside.engine
    create, late = engine.create, [f"{service.name}..trial", f"{service.name}..next"]

    def later(name: str, *given: Any, **named: Any) -> str:
        if name in late:
            late.remove(name)
            create(name, service.image, labels=_marks(service))
        return create(name, *given, **named)

    monkeypatch.setattr(engine, "create", later)
    service.deploy()
    assert late == [] and service.containers() == [service.name]
    assert service.ask()["version"] == "two"


def _marks(service: Service) -> dict[str, str]:
    return {"dev.bedplate.project": service.project, "dev.bedplate.service": "iris"}


def test_a_stopped_container_is_started_again_instead_of_made_anew(service: Service) -> None:
    service.deploy()
    before = service.state()
    service.outside.engine.stop(service.name, 0)
    service.deploy()
    after = service.state()
    assert before is not None and after is not None and before["Id"] == after["Id"]
    assert service.ask()["version"] == "one"


def test_two_runs_of_one_service_do_not_leave_it_down(service: Service) -> None:
    service.deploy()
    service.version("two")
    other = Service(service.root, service.image, service.port, project=service.project)
    failed: list[StepError] = []

    def deploy() -> None:
        try:
            other.deploy()
        except StepError as error:
            failed.append(error)

    thread = threading.Thread(target=deploy)
    thread.start()
    try:
        service.deploy()
    except StepError as error:
        failed.append(error)
    thread.join()
    if failed:
        service.deploy()
    assert service.ask()["version"] == "two"
    assert service.containers() == [service.name]


def _empty_file(name: str) -> bytes:
    import io
    import tarfile

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return made.getvalue()
