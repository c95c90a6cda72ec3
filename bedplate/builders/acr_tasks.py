"""acr_tasks: a build in Azure's own fleet: our context goes up, the log comes down, the registry has the image."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate.builders import failure
from bedplate.builders.layout import DOCKERFILE, Layout, lay_out
from bedplate.builders.progress import ClassicProgress, Failed, PlainProgress
from bedplate.clients import azure_blobs, azure_registry
from bedplate.clients.azure_versions import TASKS
from bedplate.context import archive as context_tar
from bedplate.errors import StepError
from bedplate.model import AcrTasksBuilder, Registry
from bedplate.step import BuildRequest, Clients, Log

if TYPE_CHECKING:
    from bedplate.clients.azure import Azure
    from bedplate.clients.azure_registry import AzureRegistry

LABELLED = "bedplate-labelled"
ENDED = ("Succeeded", "Failed", "Canceled", "Error", "Timeout")
PAUSE_S = 1.0  # between two looks at the log
TRIES = 3  # of an upload whose address has expired, of a log that breaks off
SPARE_S = 300.0  # that a run may wait for a machine beside its own time


def build(request: BuildRequest, registry: Registry, clients: Clients) -> str:
    """Digest that the registry has under the request's tag. Raises StepError with the instruction that failed.

    At most the builder's `parallel` of them run at a time. An interrupted run is cancelled by `Azure.cancel_all`."""
    builder = clients.spec.target.builder
    assert isinstance(builder, AcrTasksBuilder)
    if registry.kind != "acr":
        raise StepError(
            f"builder acr_tasks builds in an Azure registry, and {registry.address} is none",
            "name an `acr` or `workspace` registry, or `builder: {kind: local}`",
        )
    if request.secrets and "type=secret" in request.dockerfile:
        raise StepError(
            f"image {request.image}: ACR Tasks has no secret mounts; its secrets reach a build as arguments alone",
            f"write `ARG {sorted(request.secrets)[0]}` in place of the mount, or build with `builder: {{kind: local}}`",
        )
    azure, log = clients.azure, clients.log
    with azure.slots(builder.parallel):
        place = azure_registry.by_name(azure, registry.address)
        layout, target = _labelled(lay_out(request), request.labels)
        source = _uploaded(azure, place, request, layout, clients.root, log)
        body = _body(request, target, source, builder)
        run = azure.post(f"{place.id}/scheduleRun", body, TASKS).document["properties"]["runId"]
        log.note(f"builder: ACR Tasks, run {run} in {place.name}")
        where = f"{place.id}/runs/{run}"
        with azure.cancelling(f"run {run} of {place.name}", lambda: _cancel(azure, where)):
            said = _followed(azure, where, log, builder.timeout_s + SPARE_S)
        return _digest(_ended(azure, where), request, layout, said, run, log)


def _labelled(layout: Layout, labels: Mapping[str, str]) -> tuple[Layout, str | None]:
    """The service takes no labels: they are the last instruction of what is built."""
    line = "LABEL " + " ".join(f"{json.dumps(name)}={json.dumps(value)}" for name, value in labels.items())
    text, target = layout.dockerfile.rstrip("\n") + "\n", layout.target
    if labels and target:
        text, target = f"{text}FROM {target} AS {LABELLED}\n{line}\n", LABELLED
    elif labels:
        text += line + "\n"
    content = text.encode("utf-8", "surrogateescape")
    return replace(layout, dockerfile=text, extra={**layout.extra, DOCKERFILE: content}), target


def _body(request: BuildRequest, target: str | None, source: str, builder: AcrTasksBuilder) -> dict[str, Any]:
    system, architecture, *variant = request.platform.split("/")
    plain = [{"name": name, "value": value, "isSecret": False} for name, value in request.args.items()]
    secret = [{"name": n, "value": v.decode(), "isSecret": True} for n, v in request.secrets.items()]
    body: dict[str, Any] = {
        "type": "DockerBuildRequest",
        "imageNames": [request.tag],
        "isPushEnabled": True,
        "sourceLocation": source,
        "dockerFilePath": DOCKERFILE,
        "platform": {"os": system.capitalize(), "architecture": architecture}
        | dict(zip(["variant"], variant, strict=False)),
        "arguments": plain + secret,
        "timeout": builder.timeout_s,
        "credentials": {},
    }
    if target:
        body["target"] = target
    if builder.agent_pool:
        body["agentPoolName"] = builder.agent_pool
    return body


def _uploaded(azure: Azure, place: AzureRegistry, request: BuildRequest, layout: Layout, root: Path, log: Log) -> str:
    """Where the service finds the context. An address that has expired is asked for anew."""
    for left in reversed(range(TRIES)):
        answer = azure.post(f"{place.id}/listBuildSourceUploadUrl", None, TASKS).document
        try:
            azure.upload_blob(answer["uploadUrl"], _packed(request, layout, root), log, f"context of {request.image}")
            return str(answer["relativePath"])
        except azure_blobs.ExpiredError:
            if not left:
                raise
            log.note("the address to upload to had expired: asked for another")
    raise AssertionError


def _packed(request: BuildRequest, layout: Layout, root: Path) -> bytes:
    pieces: Iterator[bytes] = iter(context_tar.tar(request.file_set, root, layout.extra, layout.below))
    return gzip.compress(b"".join(pieces), 6, mtime=0)


class _Said:
    """What the log has said so far, as the builder that runs there says it."""

    def __init__(self, log: Log) -> None:
        self._progress: ClassicProgress | PlainProgress = ClassicProgress(log)
        self._log = log
        self._rest = b""
        self.why = ""

    def take(self, content: bytes) -> None:
        *lines, self._rest = (self._rest + content).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace"))

    def failed(self, otherwise: str) -> Failed:
        if self._rest:
            self._line(self._rest.decode(errors="replace"))
        return self._progress.failed(self.why or otherwise)

    @property
    def classic(self) -> bool:
        return isinstance(self._progress, ClassicProgress)

    def _line(self, line: str) -> None:
        if line.startswith("#1 ") and self.classic:
            self._progress = PlainProgress(self._log)
        if "returned a non-zero code:" in line or "did not complete successfully" in line:
            self.why = line
        if isinstance(self._progress, PlainProgress):
            self._progress.take(line)
        elif self.why and line != self.why:
            self._log.line(line)  # the service's own words around the end are not the instruction's
        elif line != self.why:
            self._progress.take(line + "\n")
        else:
            self._log.line(line)


def _followed(azure: Azure, where: str, log: Log, timeout_s: float) -> _Said:
    """The log as it grows, to its end. One that breaks off is taken up where it was."""
    said, offset, broken, until = _Said(log), 0, 0, time.monotonic() + timeout_s
    link = ""
    while time.monotonic() < until:
        try:
            link = link or str(azure.post(f"{where}/listLogSasUrl", None, TASKS).document["logLink"])
            part = azure.log_part(link, offset)
        except StepError as error:
            broken, link = broken + 1, ""
            if broken > TRIES:
                log.note(f"the log cannot be read on: {error.message}; the run goes on")
                return said
            time.sleep(PAUSE_S)
            continue
        said.take(part.content)
        offset += len(part.content)
        if part.complete:
            return said
        if not part.content:
            time.sleep(PAUSE_S)
    return said


def _ended(azure: Azure, where: str) -> Mapping[str, Any]:
    """The run's properties once it has ended: its log is complete a moment before."""
    while True:
        found: Mapping[str, Any] = (azure.get(where, TASKS) or {}).get("properties") or {"status": "Error"}
        if found["status"] in ENDED:
            return found
        time.sleep(PAUSE_S)


def _digest(ended: Mapping[str, Any], request: BuildRequest, layout: Layout, said: _Said, run: str, log: Log) -> str:
    status = ended["status"]
    why = str(ended.get("runErrorMessage") or "")
    if status == "Failed":
        raise failure.explain(request, layout, said.failed(why or "the run failed"), log, classic=said.classic)
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


def _cancel(azure: Azure, where: str) -> None:
    azure.send("POST", f"{where}/cancel", TASKS, accept=(200, 202, 400, 404, 409))
