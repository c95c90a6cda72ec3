"""Long operations over the wire: how an answer names them, and what asking for them says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .operations import Operation
from .state import Azure, Document, Workspace
from .workspaces import RP, shown_at

LOCATION_PATH = "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}"


def status(azure: Azure, request: Request, subscription: str, location: str, operation: str) -> Answer:
    one = azure.operations.get(operation)
    body: dict[str, Any] = {"id": request.path, "name": one.id, "status": one.status, "startTime": one.started}
    if one.error is not None and one.status != "InProgress":
        body["error"] = one.error
    waits = one.status == "InProgress"
    return Answer.of(body, headers=_retry_after(azure) if waits else {})


def result(azure: Azure, request: Request, subscription: str, location: str, operation: str) -> Answer:
    """What Location leads to: 202 while it runs, then the outcome."""
    one = azure.operations.get(operation)
    if one.status == "InProgress":
        return Answer(202, b"", {"Location": f"{azure.url}{request.target}", **_retry_after(azure)})
    if one.status != "Succeeded":
        error = one.error or {"code": one.status, "message": one.status}
        raise Refused(400, str(error["code"]), str(error["message"]))
    found, _, path = one.resource.partition("/onlineEndpoints/")
    workspace = next((w for w in azure.workspaces.values() if w.id == found), None)
    path = f"onlineEndpoints/{path}"
    if workspace is None or path not in workspace.documents:
        return Answer(204)
    return Answer.of(shown_at(workspace, path))


def begin(azure: Azure, found: Workspace, path: str, finish: Callable[[], None] = lambda: None) -> Operation:
    """An operation on what stands at `path`, which shows how it ended. `finish`: what is done at its end."""
    return azure.operations.begin(f"{found.id}/{path}", finish, lambda state: settle(found, path, state))


def accepted(azure: Azure, found: Workspace, operation: Operation, shown: Document, status: int) -> Answer:
    return Answer.of(shown, status, places(azure, found, operation, ("Azure-AsyncOperation",)))


def begin_delete(azure: Azure, found: Workspace, path: str, finish: Callable[[], None]) -> Answer:
    """`finish`: what goes with it."""
    found.documents[path]["properties"]["provisioningState"] = "Deleting"

    def end(state: str) -> None:
        if state == "Succeeded":
            found.documents.pop(path, None)
        else:
            settle(found, path, state)

    operation = azure.operations.begin(f"{found.id}/{path}", finish, end)
    return Answer(202, b"", places(azure, found, operation, ("Location", "Azure-AsyncOperation")))


def check_idle(azure: Azure, found: Workspace, path: str) -> None:
    if azure.operations.running(f"{found.id}/{path}"):
        raise Refused(
            409,
            "ResourceNotReady",
            f"'{path.rsplit('/', 1)[-1]}' has an operation in progress. Please wait until it has ended.",
        )


def settle(found: Workspace, path: str, state: str) -> None:
    if path in found.documents:
        found.documents[path]["properties"]["provisioningState"] = state


def places(azure: Azure, found: Workspace, operation: Operation, wanted: tuple[str, ...]) -> dict[str, str]:
    head = f"{azure.url}/subscriptions/{found.subscription}/providers/{RP.split('/')[0]}/locations/{found.location}"
    known = {
        "Azure-AsyncOperation": f"{head}/mfeOperationsStatus/{operation.id}?api-version=2024-04-01",
        "Location": f"{head}/mfeOperationResults/{operation.id}?api-version=2024-04-01",
    }
    return {name: known[name] for name in wanted} | {"x-ms-async-operation-timeout": "PT1H"} | _retry_after(azure)


def _retry_after(azure: Azure) -> dict[str, str]:
    seconds = azure.operations.retry_after
    return {"Retry-After": str(seconds)} if seconds else {}


ROUTES = (
    Route("GET", LOCATION_PATH + "/mfeOperationsStatus/{operation}", status),
    Route("GET", LOCATION_PATH + "/mfeOperationResults/{operation}", result),
)
