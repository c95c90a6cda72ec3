"""A service's answers judged: "not up yet" is told from a wrong answer, and each answer is shown with its time."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bedplate.errors import StepError
from bedplate.model import Deployment, SmokeCase, SmokeReport
from bedplate.step import Given, Tree
from steps import smoke_test
from tests.conftest import free_port
from tests.serving import Notes, case

Respond = Callable[[str, bytes], "tuple[int, bytes] | None"]  # None: the connection is closed without an answer


@contextmanager
def service(respond: Respond, port: int = 0) -> Iterator[Any]:
    """An HTTP service on loopback; `seen` lists what it was sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.seen.append((self.command, self.path, self.headers, body))
            answer = respond(self.path, body)
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

        do_GET = do_PUT = do_POST  # noqa: N815

        def log_message(self, *args: object) -> None: ...

    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}/score"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(url: str | None, *cases: SmokeCase, root: Path = Path(), log: str = "") -> tuple[SmokeReport, list[str]]:
    notes = Notes()
    engine = SimpleNamespace(logs=lambda name, tail: log)
    clients: Any = SimpleNamespace(root=root, log=notes, engine=engine)
    deployed = Deployment("iris", "container", url, "f" * 64, "p-iris")
    given = Given("smoke_test:iris", "0" * 64, (), {"deploy:iris": deployed})
    return smoke_test.run(smoke_test.Inputs("iris", cases), given, clients), notes.notes


def test_a_good_answer_is_shown_with_its_time() -> None:
    with service(lambda path, body: (200, b'[{"species": "setosa"}]')) as server:
        report, notes = run(server.url, case("a flower", json=[{"species": "setosa"}]))
    assert report == SmokeReport("iris", ("a flower",))
    assert notes[0].startswith("a flower: 200 in ") and notes[0].endswith('ms: [{"species": "setosa"}]')


def test_every_wrong_answer_is_told_and_none_is_asked_for_twice() -> None:
    with service(lambda path, body: (200, b"[0.31]")) as server:
        with pytest.raises(StepError) as told:
            run(
                server.url,
                case("one", json=[0.95], tolerance=0.01),
                case("two", json=[0.31]),
                case("three", status=404),
            )
        assert 1 < len(server.seen) < 5  # and not one every few milliseconds
    assert "2 things are not as expected" in told.value.message
    assert told.value.detail.splitlines() == [
        "'one': $[0]: 0.31, expected 0.95 ± 0.01",
        "'three': status 200, expected 404: [0.31]",
    ]


def test_the_containers_log_is_shown_with_a_wrong_answer() -> None:
    with service(lambda path, body: (500, b"boom")) as server, pytest.raises(StepError) as told:
        run(server.url, case(), log="KeyError: 'data'\n")
    assert "status 500, expected 200: boom" in told.value.message
    assert told.value.detail.endswith("the last lines of container p-iris:\nKeyError: 'data'")


def test_a_service_that_is_not_up_yet_is_waited_for() -> None:
    port = free_port()
    started = threading.Event()

    def later() -> None:
        time.sleep(0.5)
        with service(lambda path, body: (200, b"1"), port):
            started.set()
            time.sleep(1)

    thread = threading.Thread(target=later)
    thread.start()
    report, _ = run(f"http://127.0.0.1:{port}/score", case(json=1))
    thread.join()
    assert report.passed and started.is_set()


@pytest.mark.parametrize("status", [429, 502, 503])
def test_what_stands_before_a_service_may_say_later(status: int) -> None:
    answers = iter([(status, b"later"), (status, b"later"), (200, b"1")])
    with service(lambda path, body: next(answers)) as server:
        assert run(server.url, case(json=1))[0].passed


def test_a_status_that_means_later_is_judged_where_it_is_expected() -> None:
    with service(lambda path, body: (503, b"")) as server:
        run(server.url, case(status=503))
        assert len(server.seen) == 1


def test_a_service_that_does_not_come_up_is_told_as_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke_test, "UP_WITHIN_S", 0.3)
    with pytest.raises(StepError) as told:
        run(f"http://127.0.0.1:{free_port()}/score", case("one"), case("two"))
    assert "'one': not up: POST http://127.0.0.1:" in told.value.message and "connection refused" in told.value.message
    assert "two" not in str(told.value)


def test_a_request_that_ends_the_process_is_told_as_that() -> None:
    with service(lambda path, body: None) as server:
        with pytest.raises(StepError) as told:
            run(server.url, case())
        assert 1 < len(server.seen) < 5  # and not one every few milliseconds
    assert "closed without an answer: this request ends the process" in told.value.message


def test_an_answer_that_takes_too_long_is_told_with_its_time() -> None:
    def slow(path: str, body: bytes) -> tuple[int, bytes]:
        time.sleep(0.15)
        return 200, b"1"

    with service(slow) as server, pytest.raises(StepError, match="expected within 100 ms") as told:
        run(server.url, case(within_ms=100))
    assert f"at {server.url}: smoke test 'case 1': " in told.value.message and not told.value.detail


def test_requests_are_sent_as_the_spec_says(tmp_path: Path) -> None:
    (tmp_path / "flower.json").write_bytes(b'{"a": 1}')
    plain = case()
    file = replace(plain.request, has_json=False, json=None, file="flower.json")
    text = replace(plain.request, has_json=False, json=None, body="é", path="/other", method="PUT")
    headers = replace(plain.request, headers={"content-type": "text/csv", "X-Key": "1"})
    cases = [replace(plain, request=request) for request in (plain.request, file, text, headers)]
    with service(lambda path, body: (200, b"1")) as server:
        run(server.url, *cases, root=tmp_path)
    sent = [(method, path, head.get("Content-Type"), body) for method, path, head, body in server.seen]
    assert sent == [
        ("POST", "/score", "application/json", json.dumps({"data": [1, 2]}).encode()),
        ("POST", "/score", "application/json", b'{"a": 1}'),
        ("PUT", "/other", "text/plain; charset=utf-8", "é".encode()),
        ("POST", "/score", "text/csv", json.dumps({"data": [1, 2]}).encode()),
    ]
    assert server.seen[3][2]["X-Key"] == "1"


def test_the_hosts_proxy_is_not_asked_for_a_service_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with service(lambda path, body: (200, b"1")) as server:
        assert run(server.url, case(json=1))[0].passed


def test_where_nothing_is_to_be_tested_it_says_so() -> None:
    assert run("http://127.0.0.1:1/score")[1] == ["nothing to do: service iris has no smoke_test"]
    assert "serves nothing" in run(None, case())[1][0]


def test_the_files_that_are_sent_are_part_of_the_task() -> None:
    sent = replace(case().request, has_json=False, file="flower.json")
    entry = SimpleNamespace(name="iris", smoke_test=(replace(case(), request=sent), case("two")))
    spec: Any = SimpleNamespace(target=SimpleNamespace(deploy=object()), services={"iris": entry})
    (task,) = smoke_test.tasks(spec)
    assert task.files == (Tree("flower.json"),) and task.needs == ("deploy:iris",)


def test_an_answer_that_stays_too_often_is_told_as_busy_and_its_wait_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke_test, "UP_WITHIN_S", 1.2)
    with service(lambda path, body: (429, b"later")) as server, pytest.raises(StepError) as told:
        run(server.url, case("one"))
    assert 1 < len(server.seen) < 5  # and not one every few milliseconds
    assert told.value.hint == "the service, or what stands before it, is busy, and stayed so: run again later"


@pytest.mark.parametrize(("headers", "hint"), [({"authorization": "Bearer x"}, "sign-in is refused"), ({}, "mend the")])
def test_a_sign_in_that_is_refused_is_no_fault_of_the_service(headers: dict[str, str], hint: str) -> None:
    one = case("one")
    refused = replace(one, request=replace(one.request, headers=headers))
    with service(lambda path, body: (403, b"no")) as server, pytest.raises(StepError) as told:
        run(server.url, refused)
    assert hint in (told.value.hint or "")
