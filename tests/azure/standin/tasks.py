"""ACR Tasks: a place to upload to, runs, their logs; what builds is handed in (building.py has two ways)."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from .building import BuildFailed, with_the_engine
from .exchange import Answer, Refused, Request, Route
from .state import Azure, Document, Registry

ACCOUNT = "acrtaskslogs"
SOURCES, LOGS = "source", "logs"
TYPES = {"DockerBuildRequest": "QuickBuild", "EncodedTaskRunRequest": "QuickRun", "FileTaskRunRequest": "QuickRun"}
ENDED = ("Succeeded", "Failed", "Canceled", "Error", "Timeout")


@dataclass
class Build:
    """What is handed to a builder: it writes to `log`, gives back the digest it pushed, raises BuildFailed."""

    azure: Azure
    registry: Registry
    request: Document
    source: bytes  # tar.gz
    run: str
    cancelled: threading.Event = field(default_factory=threading.Event)

    def log(self, text: str) -> None:
        """Lines end in CR LF, as the service's do."""
        line = text.rstrip("\r\n") + "\r\n"
        self.azure.blobs.append(ACCOUNT, LOGS, _log_name(self.registry, self.run), line.encode())


_running: dict[str, Build] = {}


def upload_url(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    _found(azure, subscription, group, registry)
    path = f"{time.strftime('%Y%m%d')}/{uuid.uuid4().hex}.tar.gz"
    url = azure.blobs.signed(ACCOUNT, SOURCES, path, "rcw")
    return Answer.of({"uploadUrl": url, "relativePath": f"{SOURCES}/{path}"})


def schedule(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    found = _found(azure, subscription, group, registry)
    asked: Document = request.json
    if asked.get("type") not in TYPES:
        raise Refused(400, "InvalidRunRequest", f"The run request type '{asked.get('type')}' is not supported here.")
    container, _, name = str(asked.get("sourceLocation", "")).partition("/")
    source = azure.blobs.read(ACCOUNT, container, name) if container == SOURCES else None
    if source is None:
        raise Refused(
            400, "InvalidSourceLocation", f"The source location '{asked.get('sourceLocation')}' was not found."
        )
    with azure.lock:
        run = f"ca{len(found.runs) + 1:x}"
        now = _now()
        found.runs[run] = {
            "runId": run,
            "status": "Queued",
            "lastUpdatedTime": now,
            "runType": TYPES[asked["type"]],
            "createTime": now,
            "provisioningState": "Succeeded",
            "isArchiveEnabled": bool(asked.get("isArchiveEnabled", False)),
            "platform": {
                **(asked.get("platform") or {}),
                "os": str((asked.get("platform") or {}).get("os", "")).capitalize(),
            },
            "agentConfiguration": {"cpu": 2},
        }
    azure.blobs.begin_log(ACCOUNT, LOGS, _log_name(found, run))
    build = Build(azure, found, asked, source, run)
    _running[f"{found.id}/{run}"] = build
    threading.Thread(target=_do, args=(build,), daemon=True).start()
    return Answer.of(_document(found, run))


def get(azure: Azure, request: Request, subscription: str, group: str, registry: str, run: str) -> Answer:
    return Answer.of(_document(_found(azure, subscription, group, registry), run))


def runs(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    found = _found(azure, subscription, group, registry)
    return Answer.of({"value": [_document(found, run) for run in reversed(found.runs)]})


def log_url(azure: Azure, request: Request, subscription: str, group: str, registry: str, run: str) -> Answer:
    found = _found(azure, subscription, group, registry)
    _document(found, run)
    return Answer.of({"logLink": azure.blobs.signed(ACCOUNT, LOGS, _log_name(found, run), "r")})


def cancel(azure: Azure, request: Request, subscription: str, group: str, registry: str, run: str) -> Answer:
    found = _found(azure, subscription, group, registry)
    _document(found, run)
    if found.runs[run]["status"] in ENDED:
        raise Refused(400, "RunCannotBeCanceled", f"The run '{run}' has already completed.")
    build = _running.get(f"{found.id}/{run}")
    if build is not None:
        build.cancelled.set()
    return Answer(202)


def cancel_all(azure: Azure) -> None:
    mine = [(key, build) for key, build in list(_running.items()) if build.azure is azure]
    for _, build in mine:
        build.cancelled.set()
    until = time.time() + 10
    while time.time() < until and any(key in _running for key, _ in mine):
        time.sleep(0.02)


def _do(build: Build) -> None:
    run, registry, azure = build.run, build.registry, build.azure
    blob = (ACCOUNT, LOGS, _log_name(registry, run))
    began = time.time()
    document = registry.runs[run]
    document |= {"status": "Running", "startTime": _now(), "lastUpdatedTime": _now()}
    more: dict[str, Any] = {}
    try:
        builder = azure.builds or with_the_engine
        images = builder(build)
        status, more = "Succeeded", {"outputImages": images}
        build.log(f"Run ID: {run} was successful after {time.time() - began:.0f}s")
    except BuildFailed as failed:
        status, more = "Failed", {"runErrorMessage": f"failed during run, err: {failed}"}
        build.log(f"{time.strftime('%Y/%m/%d %H:%M:%S')} Container failed during run: build. No retries remaining.")
        build.log("failed to run step ID: build: exit status 1")
        build.log("")
        build.log(f"Run ID: {run} failed after {time.time() - began:.0f}s. Error: failed during run, err: {failed}")
    except Exception as error:
        status, more = "Error", {"runErrorMessage": f"the stand-in's builder: {error!r}"}
    if build.cancelled.is_set():
        status, more = "Canceled", {}
    document |= {"status": status, "finishTime": _now(), "lastUpdatedTime": _now(), **more}
    try:
        azure.blobs.describe(*blob, {"Complete": {"Succeeded": "successful"}.get(status, status.lower())})
    finally:
        _running.pop(f"{registry.id}/{run}", None)


def _document(registry: Registry, run: str) -> Document:
    if run not in registry.runs:
        raise Refused(404, "RunNotFound", f"The run '{run}' was not found in the registry '{registry.name}'.")
    return {
        "id": f"{registry.id}/runs/{run}",
        "name": run,
        "type": "Microsoft.ContainerRegistry/registries/runs",
        "properties": dict(registry.runs[run]),
    }


def _found(azure: Azure, subscription: str, group: str, registry: str) -> Registry:
    azure.check_group(subscription, group)
    return azure.registry(registry, group)


def _log_name(registry: Registry, run: str) -> str:
    return f"{registry.name}/{run}/rawtext.log"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 100 % 10**7:07d}+00:00"


_RG = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/{registry}"
ROUTES = (
    Route("POST", _RG + "/listBuildSourceUploadUrl", upload_url),
    Route("POST", _RG + "/scheduleRun", schedule),
    Route("GET", _RG + "/runs", runs),
    Route("GET", _RG + "/runs/{run}", get),
    Route("POST", _RG + "/runs/{run}/listLogSasUrl", log_url),
    Route("POST", _RG + "/runs/{run}/cancel", cancel),
)
