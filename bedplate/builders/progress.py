"""progress: what a running build says, as lines for the log and, if it fails, as the step that failed."""

from __future__ import annotations

import dataclasses
import re
from collections import deque
from dataclasses import field

from bedplate.builders.layout import shown
from bedplate.clients.buildkit_trace import Trace, Vertex
from bedplate.frozen import dataclass
from bedplate.log import Log

KEPT = 20  # last lines of output that are shown when a step fails
# `docker build --progress=plain` on stderr: `#7 [2/3] RUN make`, `#7 0.245 output`, `#7 CACHED`, `#7 ERROR: ...`
PLAIN = re.compile(r"#(\d+) (?:(ERROR:? ?|CANCELED|CACHED|DONE [\d.]+s|sha256:|\[)|(?:\d+\.\d+ )?)(.*)")


@dataclasses.dataclass
class _Step:
    number: int
    name: str
    ended: bool = False
    rest: bytes = b""  # the beginning of a line that has not ended yet
    last: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))


@dataclass(frozen=True)
class Failed:
    """`name`: `[2/3] RUN make`, "" where no step is to blame. `output`: its last lines."""

    name: str
    error: str
    output: tuple[str, ...]


class BuildKitProgress:
    """Turns traces into the lines that `docker build --progress=plain` shows."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._steps: dict[str, _Step] = {}
        self._failed: Failed | None = None

    def take(self, trace: Trace) -> None:
        """What a vertex prints stands between its beginning and its end, though it comes beside them."""
        ending = [vertex for vertex in trace.vertexes if vertex.completed or vertex.error]
        last = {vertex.digest: vertex for vertex in ending}
        for vertex in trace.vertexes:
            if vertex.started or vertex.error:
                self._begin(vertex)
                if last.get(vertex.digest) is vertex:
                    self._print_all(trace, vertex.digest)
                    self._end(vertex)
        for output in trace.outputs:
            if output.vertex not in last:
                self._print(output.vertex, output.text)
        for status in trace.statuses:
            if status.total:
                self._log.progress(status.name, status.current, status.total)

    def failed(self, error: str) -> Failed:
        """The step whose failure ended the build; `error`: what the engine said at the end."""
        return self._failed or Failed("", error, ())

    def _begin(self, vertex: Vertex) -> None:
        if vertex.digest not in self._steps:
            step = self._steps[vertex.digest] = _Step(len(self._steps) + 1, vertex.name)
            self._log.line(f"#{step.number} {shown(vertex.name)}")

    def _print_all(self, trace: Trace, digest: str) -> None:
        for output in trace.outputs:
            if output.vertex == digest:
                self._print(digest, output.text)

    def _print(self, digest: str, text: bytes) -> None:
        step = self._steps.setdefault(digest, _Step(len(self._steps) + 1, ""))
        *lines, step.rest = (step.rest + text).split(b"\n")
        for line in lines:
            self._line(step, line)

    def _line(self, step: _Step, line: bytes) -> None:
        # what a progress bar overwrites with a carriage return is not worth a line of its own
        shown = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        step.last.append(shown)
        self._log.line(f"#{step.number} {shown}")

    def _end(self, vertex: Vertex) -> None:
        step = self._steps[vertex.digest]
        if step.rest:
            self._line(step, step.rest)
            step.rest = b""
        if vertex.error:
            self._log.line(f"#{step.number} ERROR: {vertex.error}")
            # a step that was cancelled because another failed comes with an error as well
            if self._failed is None or "context canceled" in self._failed.error:
                self._failed = Failed(step.name, vertex.error, tuple(step.last))
        elif not step.ended:
            step.ended = True
            took = vertex.completed - vertex.started
            self._log.line(f"#{step.number} CACHED" if vertex.cached else f"#{step.number} DONE {took:.1f}s")


class PlainProgress:
    """Reads the lines of `docker build --progress=plain`."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._names: dict[str, str] = {}
        self._last: dict[str, deque[str]] = {}
        self._other: deque[str] = deque(maxlen=KEPT)
        self._failed: Failed | None = None

    def take(self, line: str) -> None:
        self._log.line(shown(line))
        found = PLAIN.fullmatch(line)
        if not found:
            self._other.append(line)
            return
        number, mark, text = found[1], found[2] or "", found[3]
        if number not in self._names:
            self._names[number] = mark + text
        elif mark.startswith("ERROR"):
            self._failed = self._failed or Failed(self._names[number], text, tuple(self._last.get(number, ())))
        elif not mark:
            self._last.setdefault(number, deque(maxlen=KEPT)).append(text)

    def failed(self, error: str) -> Failed:
        said = [line for line in self._other if line.strip() and not line.startswith((" >", "---"))]
        return self._failed or Failed("", said[-1].removeprefix("ERROR: ") if said else error, tuple(self._other))


class ClassicProgress:
    """Reads the entries of the classic builder's stream: `Step 2/4 : RUN make`, then its output."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._step = ""
        self._rest = ""
        self._last: deque[str] = deque(maxlen=KEPT)

    def take(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line:
                self._line(line)

    def failed(self, error: str) -> Failed:
        if self._rest:
            self._line(self._rest)
        return Failed(self._step, error, tuple(self._last))

    def _line(self, line: str) -> None:
        self._log.line(shown(line))
        found = re.fullmatch(r"Step (\d+/\d+) : (.*)", line)
        if found:
            self._step = f"[{found[1]}] {found[2]}"
            self._last.clear()
        elif not line.startswith((" ---> ", "Removing intermediate container ")):
            self._last.append(line)
