"""A session, asked by a client of HTTP/2 in the engine's place."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from socket import AF_UNIX, socket, socketpair
from typing import Any

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection

from bedplate.clients import buildkit_session
from bedplate.clients.buildkit_session import (
    FILES,
    HEALTH,
    SECRETS,
    BuildKitSession,
    Methods,
    RefusedError,
)
from bedplate.clients.protobuf import field
from bedplate.errors import StepError

LARGE = 400_000  # several times what HTTP/2 gives room for at first


class Asking:
    """The engine's side."""

    def __init__(self, connection: socket) -> None:
        self.socket = connection
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.http.initiate_connection()
        self.messages: dict[int, bytes] = {}
        self.trailers: dict[int, dict[str, str]] = {}

    def call(self, method: str, *messages: bytes, **headers: str) -> int:
        number = self.http.get_next_available_stream_id()
        pairs = [(":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "x"), *headers.items()]
        self.http.send_headers(number, pairs)
        self.messages[number] = b""
        for message in messages:
            self.http.send_data(number, b"\0" + struct.pack(">I", len(message)) + message)
        self.flush()
        return number

    def flush(self) -> None:
        self.socket.sendall(self.http.data_to_send())

    def until(self, done: Callable[[], bool]) -> None:
        self.socket.settimeout(20)
        while not done():
            data = self.socket.recv(1 << 16)
            assert data, "the session ended"
            for event in self.http.receive_data(data):
                self._take(event)
            self.flush()

    def answer(self, number: int) -> tuple[list[bytes], str]:
        """The messages of the answer, and the status of gRPC."""
        self.until(lambda: number in self.trailers)
        found, rest = [], self.messages[number]
        while rest:
            (size,) = struct.unpack(">I", rest[1:5])
            found.append(rest[5 : 5 + size])
            rest = rest[5 + size :]
        return found, self.trailers[number]["grpc-status"]

    def _take(self, event: Any) -> None:
        if isinstance(event, events.DataReceived):
            self.messages[event.stream_id] += event.data
            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.TrailersReceived):
            self.trailers[event.stream_id] = {str(name): str(value) for name, value in event.headers}


class Echo:
    """Answers each message with itself, so many times; ends when an empty one comes."""

    def __init__(self, times: int) -> None:
        self.done = False
        self._times = times

    def begin(self) -> Iterator[bytes]:
        yield b"hello"

    def take(self, message: bytes) -> Iterator[bytes]:
        self.done = not message
        yield from [message] * self._times


class Failing:
    done = False

    def begin(self) -> Iterator[bytes]:
        raise StepError("x changed while it was read")
        yield b""

    def take(self, message: bytes) -> Iterator[bytes]:
        return iter(())


@pytest.fixture
def opened() -> Iterator[Callable[[Methods], tuple[BuildKitSession, Asking]]]:
    made: list[tuple[BuildKitSession, socket]] = []

    def open_(methods: Methods) -> tuple[BuildKitSession, Asking]:
        ours, theirs = socketpair(AF_UNIX)
        session = BuildKitSession("id", ours, b"", methods)
        made.append((session, theirs))
        return session, Asking(theirs)

    yield open_
    for session, theirs in made:
        session.close()
        theirs.close()


Open = Callable[[Methods], tuple[BuildKitSession, Asking]]


def test_it_is_healthy_and_knows_its_secrets(opened: Open) -> None:
    known = {"token": b"s3cret", "empty": b""}
    _, asking = opened(
        {
            HEALTH: lambda _: buildkit_session.healthy(),
            SECRETS: lambda _: buildkit_session.secrets(known),
        }
    )
    assert asking.answer(asking.call(HEALTH, b"")) == ([field(1, 1)], "0")
    assert asking.answer(asking.call(SECRETS, field(1, b"token"))) == ([field(1, b"s3cret")], "0")
    assert asking.answer(asking.call(SECRETS, field(1, b"empty"))) == ([b""], "0")
    assert asking.answer(asking.call(SECRETS, field(1, b"other"))) == ([], "5")
    assert asking.answer(asking.call("/moby.filesync.v1.Auth/Credentials", b"")) == ([], "12")


def test_what_is_larger_than_the_room_for_it_arrives_whole(opened: Open) -> None:
    _, asking = opened({FILES: lambda _: Echo(30)})
    first, second = asking.call(FILES), asking.call(FILES)
    asking.until(lambda: bool(asking.messages[first] and asking.messages[second]))
    message = bytes(range(256)) * 64
    assert 30 * len(message) > LARGE
    for number in (first, second):
        asking.http.send_data(number, b"\0" + struct.pack(">I", len(message)))  # a message in two pieces
        asking.http.send_data(number, message)
        asking.http.send_data(number, bytes(5))
    asking.flush()
    for number in (first, second):
        assert asking.answer(number) == ([b"hello", *[message] * 30, *[b""] * 30], "0")


def test_a_call_sees_its_headers_and_may_be_refused(opened: Open) -> None:
    def call(headers: Any) -> Echo:
        if headers.get("dir-name") != ["context"]:
            raise RefusedError(5, "there is no such folder")
        return Echo(1)

    _, asking = opened({FILES: call})
    assert asking.answer(asking.call(FILES, b"", **{"dir-name": "context"})) == ([b"hello", b""], "0")
    assert asking.answer(asking.call(FILES, b"", **{"dir-name": "other"})) == ([], "5")


def test_what_cannot_be_read_ends_the_call_and_is_told_here(opened: Open) -> None:
    session, asking = opened({FILES: lambda _: Failing(), HEALTH: lambda _: buildkit_session.healthy()})
    assert asking.answer(asking.call(FILES)) == ([], "13")
    assert session.failed and session.failed.message == "x changed while it was read"
    assert asking.answer(asking.call(HEALTH, b"")) == ([field(1, 1)], "0"), "the others go on"


def test_a_call_that_is_given_up_is_forgotten(opened: Open) -> None:
    _, asking = opened({FILES: lambda _: Echo(1), HEALTH: lambda _: buildkit_session.healthy()})
    number = asking.call(FILES)
    asking.until(lambda: bool(asking.messages[number]))
    asking.http.reset_stream(number)
    asking.flush()
    assert asking.answer(asking.call(HEALTH, b"")) == ([field(1, 1)], "0")


def test_what_is_no_http_2_ends_the_session(opened: Open) -> None:
    session, asking = opened({})
    asking.socket.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
    asking.socket.settimeout(20)
    while asking.socket.recv(1 << 16):
        pass
    session.close()
    assert session.failed and "the engine's session broke off" in session.failed.message


def test_it_ends_when_the_engine_goes_away(opened: Open) -> None:
    session, asking = opened({})
    asking.socket.close()
    session.close()
    assert session.failed is None, "the answer to the build says why"
