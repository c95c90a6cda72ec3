"""buildkit_session: a connection on which BuildKit asks for what a build needs: gRPC the other way round."""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import TYPE_CHECKING, Any, Protocol

from bedplate.clients.protobuf import field, fields
from bedplate.errors import StepError

if TYPE_CHECKING:
    from h2.connection import H2Connection

SERVES = "x-docker-expose-session-grpc-method"  # a header for each method (moby/buildkit, session/session.go)
HEALTH = "/grpc.health.v1.Health/Check"
FILES = "/moby.filesync.v1.FileSync/DiffCopy"
SECRETS = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
OK, NOT_FOUND, UNIMPLEMENTED, INTERNAL = 0, 5, 12, 13  # status codes of gRPC
PIECE = 1 << 16
PREFIX = struct.Struct(">?I")  # of each message: compressed or not, its length


class Call(Protocol):
    """What answers one call, message by message; it is over once `done` is true."""

    done: bool

    def begin(self) -> Iterator[bytes]:
        """What is sent before anything comes."""
        ...

    def take(self, message: bytes) -> Iterator[bytes]:
        """What is sent in answer. StepError ends the call, RefusedError with its status."""
        ...


class RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


# by method; asked with the headers of the call
Methods = Mapping[str, Callable[[Mapping[str, list[str]]], Call]]


class Once:
    """A call that is answered with one message."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self.done = False

    def begin(self) -> Iterator[bytes]:
        return iter(())

    def take(self, message: bytes) -> Iterator[bytes]:
        yield self._answer(message)
        self.done = True


def healthy() -> Once:
    """grpc.health.v1: BuildKit asks every few seconds."""
    return Once(lambda _: field(1, 1))


def secrets(known: Mapping[str, bytes]) -> Once:
    """moby.buildkit.secrets.v1, by their ids."""

    def answer(message: bytes) -> bytes:
        wanted = dict(fields(message)).get(1, b"")
        assert isinstance(wanted, bytes), "secrets.proto says so"
        if wanted.decode() not in known:
            raise RefusedError(NOT_FOUND, "there is no such secret")
        return field(1, known[wanted.decode()])

    return Once(answer)


class BuildKitSession:
    """Serves until it is closed. `failed`: why it could not, a StepError where it is told to the user."""

    def __init__(self, name: str, connection: socket, begun: bytes, methods: Methods) -> None:
        """`begun`: what came behind the answer that made a session of the connection."""
        self.name = name
        self._socket = connection
        self._begun = begun
        self._methods = methods
        self._calls: dict[int, _Serving] = {}
        self.failed: Exception | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        try:
            self._speak()
        except OSError:
            return  # the engine has gone, or the build is over: its answer says which
        except Exception as error:
            self.failed = error  # whoever waits for the build raises it
        finally:
            with suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)  # the build does not wait for what will not come

    def _speak(self) -> None:
        # while the engine prepares the build
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.exceptions import ProtocolError

        http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        http.initiate_connection()
        data = self._begun
        try:
            while True:
                for event in http.receive_data(data) if data else ():
                    self._take(http, event)
                self._send(http)
                data = self._socket.recv(PIECE)
                if not data:
                    return
        except (ProtocolError, ValueError) as error:
            raise StepError(f"the engine's session broke off: {error}", "run again") from None

    def _take(self, http: H2Connection, event: Any) -> None:
        from h2 import events

        number = getattr(event, "stream_id", 0)
        if isinstance(event, events.RequestReceived):
            headers: dict[str, list[str]] = {}
            for name, value in event.headers:
                headers.setdefault(str(name), []).append(str(value))
            http.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
            self._calls[number] = self._called(headers)
        elif isinstance(event, events.DataReceived):
            http.acknowledge_received_data(event.flow_controlled_length, number)
            if number in self._calls:
                self._calls[number].take(event.data)
        elif isinstance(event, events.StreamReset):
            self._calls.pop(number, None)

    def _called(self, headers: Mapping[str, list[str]]) -> _Serving:
        method = self._methods.get(headers[":path"][0])
        serving = _Serving(None)
        try:
            if method:
                return _Serving(method(headers))
            serving.end(UNIMPLEMENTED, "not served here")
        except RefusedError as refused:
            serving.end(refused.status, str(refused))
        return serving

    def _send(self, http: H2Connection) -> None:
        """As much as the other side has room for."""
        for number, serving in list(self._calls.items()):
            while (room := min(http.local_flow_control_window(number), http.max_outbound_frame_size)) > 0:
                try:
                    piece = serving.next(room)
                except StepError as error:
                    self.failed = error
                    serving.end(INTERNAL, "what is to be sent cannot be read")
                    break
                if not piece:
                    break
                http.send_data(number, piece)
                self._socket.sendall(http.data_to_send())
            if serving.ended is not None:
                status, why = serving.ended
                trailers = [("grpc-status", str(status)), *([("grpc-message", why)] if why else [])]
                http.send_headers(number, trailers, end_stream=True)
                del self._calls[number]
        self._socket.sendall(http.data_to_send())


class _Serving:
    """A call that goes on: what came of a message that is not whole yet, and what waits to be sent."""

    def __init__(self, call: Call | None) -> None:
        self._call = call
        self._received = bytearray()
        self._answers = deque([call.begin()] if call else [])
        self._waiting = bytearray()
        self._end: tuple[int, str] | None = None

    @property
    def ended(self) -> tuple[int, str] | None:
        """Status and why, once nothing more is to be sent."""
        if self._waiting or self._answers:
            return None
        return self._end or ((OK, "") if self._call and self._call.done else None)

    def take(self, data: bytes) -> None:
        self._received += data
        while self._call and len(self._received) >= PREFIX.size:
            _, size = PREFIX.unpack_from(self._received)
            whole = PREFIX.size + size
            if len(self._received) < whole:
                return
            self._answers.append(self._call.take(bytes(self._received[PREFIX.size : whole])))
            del self._received[:whole]

    def next(self, room: int) -> bytes:
        """What is sent next, `room` bytes at most; b"": nothing for now. Raises StepError."""
        try:
            while len(self._waiting) < room and self._answers:
                message = next(self._answers[0], None)
                if message is None:
                    self._answers.popleft()
                else:
                    self._waiting += PREFIX.pack(False, len(message)) + message
        except RefusedError as refused:
            self.end(refused.status, str(refused))
        piece = bytes(self._waiting[:room])
        del self._waiting[:room]
        return piece

    def end(self, status: int, why: str) -> None:
        self._answers.clear()
        self._waiting.clear()
        self._end = (status, why)
