from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from listing import listing_engine
from registries import (
    PASSWORD,
    USER,
    FakeHandler,
    Handler,
    certificate,
    fake_registry,
    flaky,
    htpasswd,
    put_image,
    real_registry,
    serving,
)

from bedplate import labels
from bedplate.clients import answers, registry_files, registry_program
from bedplate.clients.answers import answer
from bedplate.clients.credentials import Login, anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.model import Registry
from bedplate.questions import AskAddress, AskContainer, AskImage, AskManifest, ContainerSeen, Question, Unreachable
from bedplate.secrets import Secret

NOWHERE = "unix:///nonexistent/docker.sock"


def client(host: str) -> OciRegistry:
    return OciRegistry(Registry("generic", host, insecure=False), anonymous)


def no_client(host: str) -> OciRegistry:
    raise AssertionError("asked by more than a socket")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "real":
        with real_registry(tmp_path) as address:
            yield address
    else:
        with fake_registry() as server:
            yield server.address


@pytest.mark.parametrize("count", [1, 5, 100])
def test_each_manifest_gets_its_own_answer(address: str, count: int) -> None:
    digests = {n: put_image(address, f"iris/i{n}", "v1", {"n": str(n)}) for n in range(0, count, 7)}
    asked = {n: AskManifest(address, f"iris/i{n}", "v1") for n in range(count)}
    answered = answer(asked.values(), NOWHERE, no_client)
    assert {n: answered[question] for n, question in asked.items()} == {n: digests.get(n) for n in asked}


def test_a_registry_that_is_up_says_so(address: str) -> None:
    question = AskAddress(address)
    assert answer([question], NOWHERE, no_client) == {question: True}


def test_no_question_needs_no_answer() -> None:
    assert answer([], NOWHERE, no_client) == {}


def test_where_nobody_listens_the_answer_is_unreachable() -> None:
    with fake_registry() as server:
        gone = server.address
    asked: list[Question] = [AskManifest(gone, "a", "v1"), AskImage("a/b:c"), AskContainer("x"), AskAddress(gone)]
    answered = answer(asked, NOWHERE, client)
    assert all(isinstance(answered[question], Unreachable) for question in asked[:3])
    assert answered[asked[3]] is False


def test_a_web_server_is_no_registry() -> None:
    class Web(Handler):
        def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            return 200, {}, b"<html>"

    with serving(Web) as server:
        asked: list[Question] = [AskAddress(server.address), AskManifest(server.address, "a", "v1")]
        answered = answer(asked, NOWHERE, client)
    assert answered[asked[0]] is False
    assert isinstance(answered[asked[1]], Unreachable)


def test_one_that_takes_connections_and_never_answers_does_not_hold_us_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ANSWER_S", 0.2)

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            stop.wait(10)

    stop = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        registry = f"127.0.0.1:{server.server_address[1]}"
        begun = time.monotonic()
        question = AskManifest(registry, "a", "v1")
        assert isinstance(answer([question], NOWHERE, no_client)[question], Unreachable)
        assert time.monotonic() - begun < 2
        stop.set()
        server.shutdown()


def test_a_server_that_closes_after_each_answer_is_asked_again_by_the_client() -> None:
    class Closing(FakeHandler):
        protocol_version = "HTTP/1.0"

    with serving(Closing, blobs={}, manifests={}) as server:
        digest = put_image(server.address, "iris/base", "v1", {})
        asked = [AskManifest(server.address, "iris/base", tag) for tag in ("v1", "v2", "v3")]
        answered = answer(asked, NOWHERE, client)
        assert [answered[question] for question in asked] == [digest, None, None]


def test_a_registry_that_goes_away_between_two_answers_is_asked_again() -> None:
    with fake_registry() as server, flaky(server.address, []) as way:
        digest = put_image(server.address, "iris/base", "v1", {})
        question = AskManifest(way.address, "iris/base", "v1")
        way.faults[:] = ["reset"]
        assert answer([question], NOWHERE, client) == {question: digest}


@pytest.mark.engine
def test_a_registry_that_wants_an_account_is_asked_by_the_client(tmp_path: Path) -> None:
    with real_registry(tmp_path, **htpasswd(tmp_path)) as address:
        asked: list[Question] = [AskManifest(address, "iris/base", "v1"), AskAddress(address)]
        login = Login(USER, Secret(PASSWORD))
        signed_in = OciRegistry(Registry("generic", address, insecure=True), lambda: login)
        answered = answer(asked, NOWHERE, lambda _: signed_in)
        assert [answered[question] for question in asked] == [None, True]
        many: list[Question] = [AskManifest(address, "iris/base", f"v{n}") for n in range(20)]  # on several connections
        assert answer(many, NOWHERE, lambda _: signed_in) == dict.fromkeys(many)
        answered = answer(asked, NOWHERE, client)
        assert isinstance(answered[asked[0]], Unreachable)
        assert answered[asked[1]] is True


def test_a_registry_elsewhere_is_asked_by_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ssl

    _, authority = certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with fake_registry() as server:
        digests = [put_image(server.address, f"iris/i{n}", "v1", {"n": str(n)}) for n in range(20)]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, tmp_path / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        far = f"0.0.0.0:{server.server_address[1]}"
        asked: list[Question] = [AskManifest(far, f"iris/i{n}", "v1") for n in range(21)]
        answered = answer([*asked, AskAddress(far)], NOWHERE, client)
        assert [answered[question] for question in asked] == [*digests, None]
        assert answered[AskAddress(far)] is True


def test_a_registry_elsewhere_that_is_down_costs_one_try() -> None:
    with fake_registry() as server:
        address = server.address.replace("127.0.0.1", "0.0.0.0")
    asked: list[Question] = [AskManifest(address, f"i{n}", "v1") for n in range(300)]
    begun = time.monotonic()
    assert all(isinstance(said, Unreachable) for said in answer(asked, NOWHERE, client).values())
    assert time.monotonic() - begun < 3


@pytest.mark.engine
def test_a_registry_of_ours_is_not_even_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with fake_registry() as server:
        port = int(server.address.rpartition(":")[2])
    registry_program.start(port)
    try:
        digest = put_image(f"127.0.0.1:{port}", "iris/base", "v1", {})
        asked: list[Question] = [AskManifest(f"127.0.0.1:{port}", "iris/base", tag) for tag in ("v1", "v2")]
        asked.append(AskAddress(f"127.0.0.1:{port}"))
        monkeypatch.setattr(answers, "Wire", None)
        answered = answer(asked, NOWHERE, no_client)
        assert [answered[question] for question in asked] == [digest, None, True]
        monkeypatch.undo()
    finally:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        registry_program.stop(port)
    assert registry_files.running(port) is None
    answered = answer(asked, NOWHERE, no_client)
    assert [answered[question] for question in asked] == [digest, None, False], "its files tell what it holds"


# ---- the engine


IMAGES = [
    {"RepoTags": ["iris/os:fp-01", "127.0.0.1:5000/iris/os:v1"], "Labels": {"a": "b"}},
    {"RepoTags": ["localhost/iris/base:fp-02"], "Labels": None},
    {"RepoTags": None, "Labels": {}},
]
CONTAINERS = [{"Names": ["/iris-iris"], "State": "exited", "Labels": {labels.PROJECT: "iris"}}] * 9
ASKED = [AskImage("iris/os:fp-01"), AskImage("iris/base:fp-02"), AskImage("iris/base:fp-03"), AskContainer("iris-iris")]


@pytest.mark.parametrize("chunked", [False, True])
def test_the_engine_is_asked_for_two_lists(tmp_path: Path, chunked: bool) -> None:
    with listing_engine(tmp_path, {"images": IMAGES, "containers": CONTAINERS}, chunked) as (address, paths):
        answered = answer([*ASKED, AskContainer("other")], address, no_client)
    seen = ContainerSeen("exited", {labels.PROJECT: "iris"})
    assert [answered[question] for question in ASKED] == [{"a": "b"}, {}, None, seen]
    assert answered[AskContainer("other")] is None
    filters = [json.loads(parse_qs(urlsplit(path).query)["filters"][0]) for path in paths]
    assert filters == [{"label": [labels.PROJECT]}, {"reference": ["iris/*"]}]


@pytest.mark.parametrize(("images", "containers"), [(500, CONTAINERS), (IMAGES, 404)])
def test_an_engine_that_refuses_was_not_reached(tmp_path: Path, images: Any, containers: Any) -> None:
    with listing_engine(tmp_path, {"images": images, "containers": containers}) as (address, _):
        answered = answer(ASKED, address, no_client)
    assert all(isinstance(said, Unreachable) for said in answered.values())


@pytest.mark.engine
def test_the_real_engine_answers(tmp_path: Path) -> None:
    from bedplate.clients import docker_host

    name = f"answers-{tmp_path.parent.name[-6:].lower()}-{time.time_ns()}"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    build = ["docker", "build", "-q", "-t", f"{name}/os:fp-01", "--label", f"{labels.PROJECT}={name}", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True)
    try:
        subprocess.run(
            ["docker", "create", "--name", name, "--label", f"{labels.PROJECT}={name}", f"{name}/os:fp-01", "/x"],
            check=True,
            capture_output=True,
        )
        asked: list[Question] = [AskImage(f"{name}/os:fp-01"), AskImage(f"{name}/os:fp-02"), AskContainer(name)]
        answered = answer(asked, docker_host.address(), no_client)
        seen = ContainerSeen("created", {labels.PROJECT: name})
        assert [answered[question] for question in asked] == [{labels.PROJECT: name}, None, seen]
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
        subprocess.run(["docker", "rmi", f"{name}/os:fp-01"], capture_output=True, check=False)


def test_what_a_run_without_work_needs_imports_nothing_heavy() -> None:
    code = (
        "import sys; import steps.push, steps.resolve_registry; from bedplate.clients import answers\n"
        "heavy = {'requests', 'urllib3', 'docker', 'http.client', 'ssl', 'yaml', 'concurrent.futures', 'asyncio'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
