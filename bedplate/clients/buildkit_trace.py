"""buildkit_trace: the progress that BuildKit reports in `moby.buildkit.trace`, decoded."""

from __future__ import annotations

from bedplate.clients.protobuf import fields
from bedplate.frozen import dataclass

# message StatusResponse and its parts in moby/buildkit, api/services/control/control.proto


@dataclass(frozen=True)
class Vertex:
    """One step of a build, told again each time its state changes. Times in seconds since 1970; 0.0: not yet."""

    digest: str
    name: str  # `[2/3] RUN make`, `[internal] load build definition`
    cached: bool
    started: float
    completed: float
    error: str


@dataclass(frozen=True)
class Status:
    """How far one part of a vertex is, in bytes; `total` 0: not known."""

    vertex: str
    name: str
    current: int
    total: int


@dataclass(frozen=True)
class Output:
    """A piece of what a vertex prints: it may begin or end in the middle of a line."""

    vertex: str
    text: bytes


@dataclass(frozen=True)
class Trace:
    vertexes: tuple[Vertex, ...]
    statuses: tuple[Status, ...]
    outputs: tuple[Output, ...]


def decode(message: bytes) -> Trace:
    """Raises ValueError for what is not a protobuf message. Fields of later versions are passed over."""
    vertexes, statuses, outputs = [], [], []
    for number, value in fields(message):
        if number == 1:
            vertexes.append(_vertex(_bytes(value)))
        elif number == 2:
            statuses.append(_status(_bytes(value)))
        elif number == 3:
            outputs.append(_output(_bytes(value)))
    return Trace(tuple(vertexes), tuple(statuses), tuple(outputs))


def _vertex(message: bytes) -> Vertex:
    found = dict(fields(message))  # `inputs`, the one repeated field, is not used
    return Vertex(
        digest=_text(found.get(1)),
        name=_text(found.get(3)),
        cached=bool(found.get(4)),
        started=_time(found.get(5)),
        completed=_time(found.get(6)),
        error=_text(found.get(7)),
    )


def _status(message: bytes) -> Status:
    found = dict(fields(message))
    return Status(_text(found.get(2)), _text(found.get(1)), _number(found.get(4)), _number(found.get(5)))


def _output(message: bytes) -> Output:
    found = dict(fields(message))
    return Output(_text(found.get(1)), _bytes(found.get(4, b"")))


def _time(value: int | bytes | None) -> float:
    found = dict(fields(_bytes(value or b"")))  # google.protobuf.Timestamp: seconds, nanoseconds
    return _number(found.get(1)) + _number(found.get(2)) / 1e9


def _text(value: int | bytes | None) -> str:
    return _bytes(value or b"").decode(errors="replace")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("not the message that was expected: a number stands where text belongs")
    return value


def _number(value: int | bytes | None) -> int:
    return value if isinstance(value, int) else 0
