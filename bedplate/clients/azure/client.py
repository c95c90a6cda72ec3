"""azure.client: the Resource Manager, spoken to with the sign-in that `az login` left."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from bedplate.clients.azure import errors
from bedplate.clients.azure.patience import Patience as Patience
from bedplate.clients.azure.patience import patiently
from bedplate.clients.azure.sign_in import SignIn
from bedplate.clients.azure.under_way import UnderWay
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.model import Workspace
from bedplate.secrets import Secret

if TYPE_CHECKING:
    import requests

    from bedplate.clients.azure.blobs import Content, LogPart
    from bedplate.log import Log

LOG_RETRY_S = 10.0


@dataclass(frozen=True)
class Reply:
    """An answer that is no refusal. `document`: its JSON object, {} where it has none; `url`: the one asked."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]  # looked up without regard to case
    document: dict[str, Any] = field(repr=False)


class Azure:
    """One subscription of one cloud: those of the spec's workspace, else the active ones of `az`. Safe between threads.

    A `place` is an ARM id (`/subscriptions/...`) or a URL that Azure gave; `api`: of bedplate.clients.azure.versions.
    Every method raises StepError with the service's code, its words and the next thing to do."""

    def __init__(self, workspace: Workspace | None, patience: Patience | None = None) -> None:
        self._workspace = workspace
        self._patience = patience or Patience()
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._slots: threading.BoundedSemaphore | None = None
        self.under_way = UnderWay()
        self.sign_in = SignIn(workspace.subscription if workspace else None)

    @property
    def subscription(self) -> str:
        """Id of the subscription that is worked in."""
        return self.sign_in.account.subscription

    @property
    def workspace_id(self) -> str:
        """ARM id of the spec's workspace."""
        if self._workspace is None:
            raise StepError("this target has no workspace", "add `workspace: {resource_group: ..., name: ...}` to it")
        group, name = self._workspace.resource_group, self._workspace.name
        kind = "Microsoft.MachineLearningServices/workspaces"
        return f"/subscriptions/{self.subscription}/resourceGroups/{group}/providers/{kind}/{name}"

    def token(self, scope: str, *, afresh: bool = False) -> Secret:
        """Access token of Microsoft Entra for `https://.../.default`. `afresh`: the one we have was refused."""
        return self.sign_in.token(scope, afresh=afresh)

    def get(self, place: str, api: str) -> dict[str, Any] | None:
        """None: there is no such resource. What it stands in must be there: subscription, group, workspace."""
        reply = self.send("GET", place, api, accept=(200, 404))
        if reply.status == 404:
            if errors.missing_above(reply.document, reply.url):
                raise self._refusal(reply, json.dumps(reply.document).encode())
            return None
        return reply.document

    def pages(self, place: str, api: str) -> list[dict[str, Any]]:
        """Every item of a list, all of its pages."""
        found: list[dict[str, Any]] = []
        reply = self.send("GET", place, api)
        while True:
            found += reply.document.get("value") or []
            following = reply.document.get("nextLink")
            if not following:
                return found
            reply = self.send("GET", str(following), "")

    def put(self, place: str, body: Mapping[str, Any], api: str) -> Reply:
        return self.send("PUT", place, api, body)

    def patch(self, place: str, body: Mapping[str, Any], api: str) -> Reply:
        return self.send("PATCH", place, api, body)

    def post(self, place: str, body: Mapping[str, Any] | None, api: str) -> Reply:
        return self.send("POST", place, api, body)

    def delete(self, place: str, api: str) -> Reply:
        """Also where nothing is there to be deleted (204)."""
        return self.send("DELETE", place, api)

    def wait(self, reply: Reply, what: str, log: Log, timeout_s: float = 3600.0) -> dict[str, Any]:
        """The resource as it is once the operation that `reply` began has succeeded ({} after a DELETE).

        `what` for people: `endpoint iris`. StepError where it ends Failed or Canceled, or takes longer."""
        from bedplate.clients.azure import operations

        return operations.wait(self, reply, what, log, timeout_s)

    def settled(self, place: str, api: str, what: str, log: Log, timeout_s: float = 3600.0) -> dict[str, Any] | None:
        """The resource once no operation of anybody's works on it: what an earlier run began is taken up again.

        Its `properties.provisioningState` may be Failed: the caller decides. None: it is not there."""
        from bedplate.clients.azure import operations

        return operations.settled(self, place, api, what, log, timeout_s)

    def upload_blob(
        self, url: str, content: Content, log: Log | None = None, what: str = "", token: Secret | None = None
    ) -> None:
        """PUTs a block blob to a signed URL, or with a token; large ones go in blocks. What is there is replaced."""
        from bedplate.clients.azure import blobs

        blobs.upload(url, content, self._patience, log, what, token)

    def log_part(self, url: str, offset: int) -> LogPart:
        """What a growing log (an append blob at a signed URL) holds behind `offset` bytes."""
        from bedplate.clients.azure import blobs

        # the run goes on meanwhile: a way that stays closed is told soon
        patience = replace(self._patience, retry=min(self._patience.retry, LOG_RETRY_S))
        return blobs.read_log(url, offset, patience)

    def slots(self, many: int) -> threading.BoundedSemaphore:
        """No more than `many` hold it at a time; of all tasks of a run, as the first who asks says."""
        with self._lock:
            if self._slots is None:
                self._slots = threading.BoundedSemaphore(many)
            return self._slots

    def send(
        self,
        method: str,
        place: str,
        api: str,
        body: Mapping[str, Any] | None = None,
        *,
        accept: tuple[int, ...] = (200, 201, 202, 204),
    ) -> Reply:
        """One request with our token, tried again while that may help. `api` "": `place` has its version."""
        arm = self.sign_in.account.arm
        url = place if place.startswith("https://") else arm + place
        if not url.startswith(arm + "/"):
            raise StepError(f"{method} {errors.short(url)}: not an address of {arm}: the token is not sent there")
        if api:
            url += ("&" if "?" in url else "?") + f"api-version={api}"
        if method not in ("GET", "HEAD"):
            self.under_way.go_no_further_if_over()
        afresh, token = "", self.sign_in.token(self.sign_in.account.scope)
        while True:
            answer = self._try(method, url, token, body)
            if answer.status_code != 401 or afresh:
                break
            # it has expired in the middle, or was withdrawn: one new one, then the answer stands
            afresh = answer.headers.get("WWW-Authenticate", "") or "expired"
            token = self.sign_in.token(self.sign_in.account.scope, afresh=True, challenge=afresh)
        reply = Reply(method, url, answer.status_code, answer.headers, _document(answer.content))
        if answer.status_code not in accept:
            raise self._refusal(reply, answer.content)
        if not errors.spoken(answer.content):
            raise errors.stranger(method, url, answer.status_code)
        return reply

    def _refusal(self, reply: Reply, content: bytes) -> StepError:
        account = self.sign_in.account
        return errors.refused(reply.method, reply.url, reply.status, content, account, reply.headers)

    def _try(self, method: str, url: str, token: Secret, body: Mapping[str, Any] | None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}
        content = None
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        patience = self._patience

        def ask() -> requests.Response:
            return self._session().request(
                method,
                url,
                headers=headers,
                data=content,
                allow_redirects=False,
                timeout=(patience.connect, patience.read),
            )

        named = f"the Resource Manager of cloud {self.sign_in.account.cloud} (`az cloud show` names it)"
        return patiently(ask, method, url, patience, named)

    def _session(self) -> requests.Session:
        import requests

        if not hasattr(self._thread, "session"):
            self._thread.session = requests.Session()
            # ours is the only sign-in: a .netrc must not overwrite the header
            self._thread.session.auth = lambda request: request
        session: requests.Session = self._thread.session
        return session


def _document(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
