"""A request, the answer to it, and how one finds the other."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import parse_qs, unquote, urlsplit


class Refused(Exception):  # noqa: N818 -- an answer, not a mistake of the program
    """Azure says no, in the form of the Resource Manager's errors: {"error": {"code", "message", "details"}}."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        error: dict[str, Any] = {"code": code, "message": message}
        if details:
            error["details"] = [{"code": c, "message": m} for c, m in details]
        self.answer = Answer.of({"error": error}, status, headers)


@dataclass
class Request:
    """One request. Header names are lower case; `path` is decoded, `target` as it was sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    port: int  # of the listener that was asked
    stream: IO[bytes] | None = None  # the body, where a handler reads it itself

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(urlsplit(self.target).query, keep_blank_values=True).items()}

    @property
    def form(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise Refused(400, "InvalidRequestContent", f"The request content was invalid: {error}") from error


@dataclass
class Answer:
    """One answer. A body that is no bytes is sent in chunks as it comes."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False  # the connection is cut after half of the body

    @classmethod
    def of(cls, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        text = json.dumps(content).encode()
        return cls(status, text, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


@dataclass(frozen=True)
class Exchange:
    """What went over the wire once. `answer_body` is empty where it was streamed."""

    number: int
    at: float  # seconds since the epoch, when the request was read
    seconds: float
    port: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer_body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(urlsplit(self.target).query, keep_blank_values=True).items()}

    def __str__(self) -> str:
        return f"{self.method} {self.target} -> {self.status}"


class Recorder:
    """Every exchange, in the order in which the answers were given."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    def add(self, request: Request, answer: Answer, began: float) -> None:
        body = answer.body if isinstance(answer.body, bytes) else b""
        with self._lock:
            number = len(self._exchanges)
            self._exchanges.append(
                Exchange(
                    number,
                    began,
                    time.time() - began,
                    request.port,
                    request.method,
                    request.target,
                    request.headers,
                    request.body,
                    answer.status,
                    answer.headers,
                    body,
                )
            )

    def __iter__(self) -> Iterator[Exchange]:
        with self._lock:
            return iter(list(self._exchanges))

    def __len__(self) -> int:
        return len(self._exchanges)

    def matching(self, method: str, pattern: str) -> list[Exchange]:
        """`pattern`: a regular expression searched for in the decoded path, whatever the case."""
        return [e for e in self if e.method == method and re.search(pattern, e.path, re.IGNORECASE)]


Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Route:
    """`template`: a path with `{name}` for one segment and `{name:path}` for the rest; case does not matter (ARM)."""

    method: str
    template: str
    handler: Handler

    def match(self, request: Request) -> dict[str, str] | None:
        if request.method != self.method:
            return None
        found = _compiled(self.template).fullmatch(request.path)
        return found.groupdict() if found else None


_patterns: dict[str, re.Pattern[str]] = {}


def _compiled(template: str) -> re.Pattern[str]:
    if template not in _patterns:
        text = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", re.escape(template).replace(r"\{", "{").replace(r"\}", "}"))
        _patterns[template] = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text), re.IGNORECASE)
    return _patterns[template]
