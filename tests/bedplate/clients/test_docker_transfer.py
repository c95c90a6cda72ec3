"""Which errors of a transfer are worth another try, and which ports an engine's words name."""

from __future__ import annotations

from typing import Any

import pytest
from building import Lines

from bedplate.clients import docker_transfer
from bedplate.clients.docker_engine import Engine
from bedplate.clients.docker_errors import EngineError
from bedplate.clients.docker_ports import ADDRESS, TAKEN


class Api:
    """docker-py's client, as far as a push goes: streams the entries of each try."""

    def __init__(self, *tries: list[dict[str, Any]]) -> None:
        self.tries = list(tries)
        self.auth: Any = None

    def push(self, name: str, tag: str, *, stream: bool, decode: bool, auth_config: Any) -> Any:
        self.auth = auth_config
        return iter(self.tries.pop(0))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_transfer, "FIRST_PAUSE_S", 0.001)


def push(*tries: list[dict[str, Any]]) -> tuple[str | None, Api, Lines]:
    engine, log = Engine("unix:///none"), Lines()
    engine._opened = api = Api(*tries)
    return docker_transfer.push(engine, "h:5000/a/b:v1", None, log), api, log


DONE = [{"status": "v1: digest"}, {"aux": {"Tag": "v1", "Digest": "sha256:d", "Size": 1}}]


@pytest.mark.parametrize(
    "words",
    [
        "toomanyrequests: slow down",
        "received unexpected HTTP status: 503 Service Unavailable",
        "write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer",
        'Put "http://h/v2/a": EOF',
        "net/http: TLS handshake timeout",
    ],
)
def test_what_passes_is_tried_again(words: str) -> None:
    digest, api, log = push([{"error": words, "errorDetail": {"message": words}}], DONE)
    assert digest == "sha256:d" and api.tries == []
    assert words in log.notes[0]


@pytest.mark.parametrize("words", ["denied: requested access", "unauthorized: authentication required", "name unknown"])
def test_what_stays_is_said_at_once(words: str) -> None:
    with pytest.raises(EngineError, match=f"pushing h:5000/a/b:v1: {words}") as failed:
        push([{"error": words}], DONE)
    assert ("docker login" in failed.value.hint) == (words != "name unknown")


def test_an_end_is_put_to_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_transfer, "DEADLINE_S", 0.0)
    with pytest.raises(EngineError, match="503"):
        push([{"error": "503"}], DONE)


def test_no_sign_in_is_looked_for_where_none_is_given() -> None:
    assert push(DONE)[1].auth == {}


def test_an_engine_that_names_no_digest_is_taken_at_that() -> None:
    assert push([{"status": "done"}])[0] is None


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("h:5000/a/b", ("h:5000/a/b", "latest")),
        ("a", ("a", "latest")),
        ("a:1", ("a", "1")),
        ("h:5000/a@sha256:d", ("h:5000/a", "sha256:d")),
        ("h:5000/a:1@sha256:d", ("h:5000/a", "sha256:d")),
    ],
)
def test_a_reference_is_a_name_and_a_tag_or_digest(ref: str, parts: tuple[str, str]) -> None:
    assert docker_transfer._split(ref) == parts


@pytest.mark.parametrize(
    "words",
    [
        "driver failed programming external connectivity on endpoint x (abc): Bind for 127.0.0.1:8890 failed: "
        "port is already allocated",
        "driver failed programming external connectivity: Error starting userland proxy: listen tcp4 127.0.0.1:8890: "
        "bind: address already in use",
        "failed to set up container networking: failed to bind host port for 127.0.0.1:8890:172.17.0.2:5001/tcp: "
        "address already in use",
    ],
)
def test_each_engines_words_for_a_taken_port_are_known(words: str) -> None:
    found = ADDRESS.search(words)
    assert TAKEN.search(words) and found and found.groups() == ("127.0.0.1", "8890")
