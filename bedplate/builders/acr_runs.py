"""acr_runs: a run of ACR Tasks, followed by its log to the digest that it pushed, also by a later doit."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate.builders import acr_notes, failure
from bedplate.builders.layout import Layout
from bedplate.builders.progress import ClassicProgress, Failed, PlainProgress
from bedplate.clients.azure.versions import TASKS
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.log import Log
from bedplate.step import BuildRequest

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure

ENDED = ("Succeeded", "Failed", "Canceled", "Error", "Timeout")
PAUSE_S = 1.0  # between two looks at the log
TRIES = 3  # of a log that breaks off, in a row
LOOK = 10  # pauses without a word, after which it is asked whether the run goes on: not every log gets its end
SPARE_S = 300.0  # that a run may wait for a machine beside its own time
OVER = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d Container failed during run: ")
SHORTEST = 4  # characters of a secret that is looked for in the log; a shorter one would blacken words


@dataclass(frozen=True)
class Run:
    """`where`: its ARM id. `note`: the file here that says so, until it has ended."""

    where: str
    note: Path

    def __str__(self) -> str:
        return f"run {self._name} of {self._registry}"

    @property
    def by_hand(self) -> str:
        """The command that cancels it."""
        return f"az acr task cancel-run --registry {self._registry} --run-id {self._name}"

    @property
    def log_by_hand(self) -> str:
        """The command that shows its log."""
        return f"az acr task logs --registry {self._registry} --run-id {self._name}"

    @property
    def _name(self) -> str:
        return self.where.rpartition("/")[2]

    @property
    def _registry(self) -> str:
        return self.where.partition("/runs/")[0].rpartition("/")[2]


def begun(where: str, note: Path) -> Run:
    acr_notes.write(where, note)
    return Run(where, note)


def under_way(azure: Azure, note: Path, registry: str) -> Run | None:
    """The run of this image that goes on since an earlier doit was killed. `registry`: ARM id of the one built in."""
    where = acr_notes.read(note)
    try:
        found = azure.get(where, TASKS) if where.startswith(f"{registry}/runs/") else None
    except StepError:
        return None
    status = ((found or {}).get("properties") or {}).get("status", "Error")
    return None if status in ENDED else Run(where, note)


def followed(azure: Azure, run: Run, request: BuildRequest, layout: Layout, timeout_s: float, log: Log) -> str:
    """Digest once the run has ended, its log shown as it grows. `timeout_s`: the run's own time.

    Whatever ends this before the run has ended cancels it in Azure."""
    until = time.monotonic() + timeout_s + SPARE_S
    with azure.under_way.cancelling(str(run), lambda: cancel(azure, run), run.by_hand):
        said = _read(azure, run, _Said(log, request.secrets.values()), until)
        ended = _ended(azure, run.where, request, until)
        run.note.unlink(missing_ok=True)
    return _digest(ended, request, layout, said, run.where.rpartition("/")[2], log)


def cancel(azure: Azure, run: Run) -> None:
    """A later doit does not take it up, though Azure may need a moment to end it."""
    azure.send("POST", f"{run.where}/cancel", TASKS, accept=(200, 202, 400, 404, 409))
    run.note.unlink(missing_ok=True)


class _Said:
    """What the log has said so far, as the builder that runs there says it."""

    def __init__(self, log: Log, secrets: Iterable[bytes]) -> None:
        self._progress: ClassicProgress | PlainProgress = ClassicProgress(log)
        self.log = log
        self._secrets = [s for s in secrets if len(s) >= SHORTEST]
        self._rest = b""
        self._last = ""
        self._over = False  # the builder has ended: what follows are the service's own words
        self.why = ""
        self.lost = ""  # the command that shows what could not be read here

    def take(self, content: bytes) -> None:
        *lines, self._rest = (self._rest + content).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            self._line(line)

    def failed(self, otherwise: str) -> Failed:
        if self._rest:
            self._line(self._rest)
        return self._progress.failed(self.why or otherwise)

    @property
    def classic(self) -> bool:
        return isinstance(self._progress, ClassicProgress)

    def _line(self, content: bytes) -> None:
        for secret in self._secrets:  # the service hides them too, but not in what an instruction prints
            content = content.replace(secret, b"***")
        line = content.decode(errors="replace")
        if OVER.match(line):
            # a RUN that fails is followed by its exit code; of all else the builder's last line says why
            self._over, self.why = True, self.why or self._last
        self._last = line or self._last
        if self._over:
            self.log.line(line)
            return
        if line.startswith("#1 ") and self.classic:
            self._progress = PlainProgress(self.log)
        if "returned a non-zero code:" in line or "did not complete successfully" in line:
            self.why = line
        if isinstance(self._progress, PlainProgress):
            self._progress.take(line)
        elif self.why:
            self.log.line(line)  # it is no word of the instruction's
        else:
            self._progress.take(line + "\n")


def _read(azure: Azure, run: Run, said: _Said, until: float) -> _Said:
    """The log as it grows, to its end or the run's. One that breaks off is taken up where it was."""
    offset, broken, silent, link = 0, 0, 0, ""
    over = False
    while time.monotonic() < until:
        try:
            link = link or str(azure.post(f"{run.where}/listLogSasUrl", None, TASKS).document["logLink"])
            part = azure.log_part(link, offset)
            if not part.content and not part.complete:
                if over:
                    said.log.note(f"the log has no end; `{run.log_by_hand}` may show more")
                    return said
                silent += 1
                over = silent % LOOK == 0 and _status(azure, run.where) in ENDED
        except StepError as error:
            broken, link = broken + 1, ""
            if broken > TRIES:
                said.log.note(f"the log cannot be read on: {error.message}; the run goes on: `{run.log_by_hand}`")
                said.lost = run.log_by_hand
                return said
            time.sleep(PAUSE_S)
            continue
        said.take(part.content)
        offset += len(part.content)
        if part.complete:
            return said
        if part.content:
            broken = 0
        elif not over:
            time.sleep(PAUSE_S)
    return said


def _status(azure: Azure, where: str) -> str:
    return str(((azure.get(where, TASKS) or {}).get("properties") or {}).get("status", "Error"))


def _ended(azure: Azure, where: str, request: BuildRequest, until: float) -> Mapping[str, Any]:
    """The run's properties once it has ended: its log is complete a moment before."""
    while True:
        found: Mapping[str, Any] = (azure.get(where, TASKS) or {}).get("properties") or {"status": "Error"}
        if found["status"] in ENDED:
            return found
        if time.monotonic() > until:
            run = where.rpartition("/")[2]
            raise StepError(
                f"image {request.image}: run {run} is still {found['status']}, long after its time: cancelled",
                "raise `builder.timeout_s`; one that stays Queued waits for its agent pool or for fewer runs",
            )
        time.sleep(PAUSE_S)


def _digest(ended: Mapping[str, Any], request: BuildRequest, layout: Layout, said: _Said, run: str, log: Log) -> str:
    status = ended["status"]
    why = str(ended.get("runErrorMessage") or "")
    if status == "Failed":
        error = failure.explain(request, layout, said.failed(why or "the run failed"), log, classic=said.classic)
        if said.lost:
            error.hint = f"its log could not be read here: `{said.lost}`"
        raise error
    if status == "Timeout":
        raise StepError(f"image {request.image}: run {run} took too long", "raise `builder.timeout_s`")
    if status != "Succeeded":
        words = "was cancelled in Azure" if status == "Canceled" else f"ended as {status}"
        raise StepError(f"image {request.image}: run {run} {words}" + (f": {why}" if why else ""), "run again")
    repository, _, tag = request.tag.rpartition(":")
    for image in ended.get("outputImages") or []:
        if (image.get("repository"), image.get("tag")) == (repository, tag) and image.get("digest"):
            log.note(f"built and pushed {image['registry']}/{repository}@{image['digest']}")
            return str(image["digest"])
    raise StepError(f"image {request.image}: run {run} ended well, but names no digest of {request.tag}")
