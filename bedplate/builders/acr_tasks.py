"""acr_tasks: a build in Azure's own fleet: our context goes up, and the registry then has the image."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate.builders import acr_notes, acr_runs, acr_steps
from bedplate.builders.layout import DOCKERFILE, Layout, beside, lay_out, mixed
from bedplate.clients.azure import blobs
from bedplate.clients.azure import registry as azure_registry
from bedplate.clients.azure.versions import TASKS
from bedplate.context import archive as context_tar
from bedplate.errors import StepError
from bedplate.log import Log
from bedplate.model import AcrTasksBuilder, Registry
from bedplate.step import BuildRequest, Clients

if TYPE_CHECKING:
    from bedplate.clients.azure.client import Azure
    from bedplate.clients.azure.registry import AzureRegistry

LABELLED = "bedplate-labelled"
TRIES = 3  # of an upload whose address has expired


def build(request: BuildRequest, registry: Registry, clients: Clients) -> str:
    """Digest that the registry has under the request's tag. Raises StepError with the instruction that failed.

    At most the builder's `parallel` of them run at a time. Ctrl-C cancels a run (`UnderWay.interrupted`); one that
    went on after a `doit` was killed is taken up."""
    builder = clients.spec.target.builder
    assert isinstance(builder, AcrTasksBuilder)
    if registry.kind != "acr":
        raise StepError(
            f"builder acr_tasks builds in an Azure registry, and {registry.address} is none",
            "name an `acr` or `workspace` registry, or `builder: {kind: local}`",
        )
    azure, log = clients.azure, clients.log
    with azure.slots(builder.parallel):
        place = azure_registry.resolved(azure, registry, clients.spec.target.name)
        layout, target = _labelled(beside(request) if mixed(request) else lay_out(request), request.labels)
        note = acr_notes.path(clients.root, request.tag)
        run = None if clients.again else acr_runs.under_way(azure, note, place.id)
        if run:
            log.note(f"builder: ACR Tasks, {run}, begun by an earlier doit")
        else:
            body = _what(request, target, registry.address, builder, log)  # what is refused is not sent
            body["sourceLocation"] = _uploaded(azure, place, request, layout, clients.root, log)
            run = _scheduled(azure, place, request, body, note)
            log.note(f"builder: ACR Tasks, {run}")
        return acr_runs.followed(azure, run, request, layout, builder.timeout_s, log)


def _scheduled(
    azure: Azure, place: AzureRegistry, request: BuildRequest, body: Mapping[str, Any], note: Path
) -> acr_runs.Run:
    what, shown_by = f"a build of image {request.image}", f"az acr task list-runs --registry {place.name}"
    with azure.under_way.beginning(what, shown_by) as begun:
        name = azure.post(f"{place.id}/scheduleRun", body, TASKS).document["properties"]["runId"]
        run = acr_runs.begun(f"{place.id}/runs/{name}", note)
        begun(str(run), lambda: acr_runs.cancel(azure, run), run.by_hand)
        return run


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


def _what(
    request: BuildRequest, target: str | None, address: str, builder: AcrTasksBuilder, log: Log
) -> dict[str, Any]:
    """The request for a run, but for where the context is."""
    system, architecture, *variant = request.platform.split("/")
    secrets = {name: _text(name, secret, request) for name, secret in request.secrets.items()}
    why = acr_steps.why(request)
    if why:
        log.note(f"builder: ACR Tasks with BuildKit, because of {why}")
        body = acr_steps.steps(request, target, DOCKERFILE, address, builder.timeout_s, secrets)
    else:
        body = _quick(request, target, secrets)
    body |= {
        "platform": {"os": system.capitalize(), "architecture": architecture}
        | dict(zip(["variant"], variant, strict=False)),
        "timeout": builder.timeout_s,
        "credentials": _credentials(request),
    }
    if builder.agent_pool:
        body["agentPoolName"] = builder.agent_pool
    return body


def _quick(request: BuildRequest, target: str | None, secrets: Mapping[str, str]) -> dict[str, Any]:
    """A quick build, which is one of the classic builder."""
    plain = [{"name": name, "value": value, "isSecret": False} for name, value in request.args.items()]
    secret = [{"name": name, "value": value, "isSecret": True} for name, value in secrets.items()]
    body: dict[str, Any] = {
        "type": "DockerBuildRequest",
        "imageNames": [request.tag],
        "isPushEnabled": True,
        "dockerFilePath": DOCKERFILE,
        "arguments": plain + secret,
    }
    return body | ({"target": target} if target else {})


def _text(name: str, secret: bytes, request: BuildRequest) -> str:
    try:
        return secret.decode()
    except UnicodeDecodeError:
        raise StepError(
            f"image {request.image}: secret {name} is no text, and ACR Tasks takes secrets as text alone",
            "build with `builder: {kind: local}`, or let a RUN decode it from base64",
        ) from None


def _credentials(request: BuildRequest) -> dict[str, Any]:
    """Of the registries that upstream images come from; the run is signed in to its own."""

    def opaque(value: str) -> dict[str, str]:
        return {"type": "Opaque", "value": value}

    others = {
        host: {
            "userName": opaque(azure_registry.EVERYONE if login.identity else login.username),
            "password": opaque(login.password.reveal()),
        }
        for host, login in request.logins.items()
    }
    return {"customRegistries": others} if others else {}


def _uploaded(azure: Azure, place: AzureRegistry, request: BuildRequest, layout: Layout, root: Path, log: Log) -> str:
    """Where the service finds the context. An address that has expired is asked for anew."""
    with tempfile.TemporaryDirectory(prefix="bedplate-context-") as folder:
        packed = Path(folder) / "context.tar.gz"
        with open(packed, "wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as stream:
            for piece in context_tar.tar(request.file_set, root, layout.extra, layout.below):
                stream.write(piece)
        for left in reversed(range(TRIES)):
            answer = azure.post(f"{place.id}/listBuildSourceUploadUrl", None, TASKS).document
            try:
                azure.upload_blob(answer["uploadUrl"], packed, log, f"context of {request.image}")
                return str(answer["relativePath"])
            except blobs.ExpiredError:
                if not left:
                    raise
                log.note("the address to upload to had expired: asked for another")
    raise AssertionError
