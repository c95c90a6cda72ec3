"""Blob storage: block blobs that are uploaded, append blobs that are read while they grow."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import quote
from xml.sax.saxutils import escape

from .exchange import Answer, Request

VERSION = "2021-12-02"


@dataclass
class Blob:
    kind: str  # BlockBlob | AppendBlob
    content: bytes = b""
    metadata: dict[str, str] = field(default_factory=dict)
    etag: str = field(default_factory=lambda: f'"0x{uuid.uuid4().hex[:15].upper()}"')
    blocks: dict[str, bytes] = field(default_factory=dict)  # staged, not yet committed


@dataclass
class Blobs:
    """The stand-in's own storage. Addresses are `URL/account/container/name`, or by host: `account.blob.localhost`."""

    url: str = ""
    account: str = "standinblobs"
    accounts: set[str] = field(default_factory=set)
    lifetime: float = 3600
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(64)).decode())
    _blobs: dict[tuple[str, str, str], Blob] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # ---- what the other modules use

    def add_account(self, account: str) -> None:
        self.accounts.add(account)

    def account_of(self, account: str) -> str:
        return account

    def address(self, account: str, container: str, name: str) -> str:
        return f"{self.url}/{account}/{container}/{quote(name)}".rstrip("/")

    def signed(self, account: str, container: str, name: str = "", permissions: str = "rw") -> str:
        """An address with a signature that holds for `lifetime` seconds (a container's where there is no name)."""
        return f"{self.address(account, container, name)}?{self.signature(account, container, name, permissions)}"

    def signature(self, account: str, container: str, name: str, permissions: str) -> str:
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime))
        asked = {"sv": VERSION, "se": until, "sr": "b" if name else "c", "sp": permissions}
        asked["sig"] = self._sign(account, container, name, asked)
        return "&".join(f"{key}={quote(value, safe='')}" for key, value in asked.items())

    def read(self, account: str, container: str, name: str) -> bytes | None:
        blob = self._blobs.get((account, container, name))
        return blob.content if blob else None

    def names(self, account: str, container: str, prefix: str = "") -> list[str]:
        return sorted(n for a, c, n in list(self._blobs) if (a, c) == (account, container) and n.startswith(prefix))

    def begin_log(self, account: str, container: str, name: str) -> None:
        self._blobs[(account, container, name)] = Blob("AppendBlob")

    def append(self, account: str, container: str, name: str, text: bytes) -> None:
        with self._lock:
            self._blobs[(account, container, name)].content += text

    def describe(self, account: str, container: str, name: str, metadata: Mapping[str, str]) -> None:
        self._blobs[(account, container, name)].metadata = dict(metadata)

    # ---- over the wire

    def answer(self, request: Request) -> Answer | None:
        """None: the request is not for blob storage."""
        host = request.headers.get("host", "")
        by_host = re.match(r"([a-z0-9]+)\.blob\.", host)
        account, _, path = (request.path[1:] if not by_host else f"{by_host[1]}{request.path}").partition("/")
        if account not in self.accounts:
            return None
        container, _, name = path.partition("/")
        refused = self._refusal(request, account, container, name)
        answer = refused or self._do(request, account, container, name)
        answer.headers.setdefault("x-ms-version", VERSION)
        answer.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        answer.headers.setdefault("Date", formatdate(usegmt=True))
        return answer

    def _refusal(self, request: Request, account: str, container: str, name: str) -> Answer | None:
        if "sig" not in request.query:
            if request.headers.get("authorization", "").startswith(("SharedKey ", "Bearer ")):
                return None
            return _error(401, "NoAuthenticationInformation", "Server failed to authenticate the request.")
        until, permissions = request.query.get("se", ""), request.query.get("sp", "")
        of_container = "" if request.query.get("sr") == "c" else name
        wanted = self._sign(account, container, of_container, request.query)
        if not hmac.compare_digest(wanted, request.query["sig"]):
            return _error(403, "AuthenticationFailed", "Signature did not match.")
        if until < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()):
            return _error(403, "AuthenticationFailed", "Signature not valid in the specified time frame.")
        needed = {"GET": "rl", "HEAD": "rl", "PUT": "wac", "DELETE": "d"}.get(request.method, "")
        if not set(needed) & set(permissions):
            return _error(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
        return None

    def _do(self, request: Request, account: str, container: str, name: str) -> Answer:
        query, key = request.query, (account, container, name)
        with self._lock:
            if query.get("restype") == "container":
                return self._container(request, account, container)
            if request.method == "PUT":
                return self._put(request, key)
            blob = self._blobs.get(key)
            if blob is None or (blob.blocks and not blob.content):
                return _error(404, "BlobNotFound", "The specified blob does not exist.")
            if request.method == "DELETE":
                del self._blobs[key]
                return Answer(202)
            return _read(request, blob)

    def _put(self, request: Request, key: tuple[str, str, str]) -> Answer:
        part, body = request.query.get("comp"), request.body
        blob = self._blobs.get(key)
        if part == "block":
            blob = self._blobs.setdefault(key, Blob("BlockBlob"))
            blob.blocks[request.query["blockid"]] = body
            return Answer(201, b"", {"Content-MD5": _md5(body)})
        if part == "blocklist":
            blob = self._blobs.setdefault(key, Blob("BlockBlob"))
            wanted = re.findall(r"<(?:Latest|Uncommitted|Committed)>([^<]*)<", body.decode())
            if any(w not in blob.blocks for w in wanted):
                return _error(400, "InvalidBlockList", "The specified block list is invalid.")
            blob.content, blob.blocks = b"".join(blob.blocks[w] for w in wanted), {}
        elif part == "appendblock":
            if blob is None:
                return _error(404, "BlobNotFound", "The specified blob does not exist.")
            blob.content += body
        elif part == "metadata":
            if blob is None:
                return _error(404, "BlobNotFound", "The specified blob does not exist.")
        elif part is None:
            kind = request.headers.get("x-ms-blob-type")
            if kind not in ("BlockBlob", "AppendBlob"):
                header = "x-ms-blob-type" if kind else "An HTTP header that's mandatory for this request"
                return _error(400, "MissingRequiredHeader", f"{header} is not specified or not valid.")
            if blob is not None and request.headers.get("if-none-match") == "*":
                return _error(409, "BlobAlreadyExists", "The specified blob already exists.")
            blob = self._blobs[key] = Blob(kind, body)
        else:
            return _error(400, "InvalidQueryParameterValue", f"comp={part} is not known here.")
        if part in (None, "blocklist", "metadata"):
            blob.metadata = _metadata(request)
        return Answer(
            200 if part == "metadata" else 201, b"", {"ETag": blob.etag, "Last-Modified": formatdate(usegmt=True)}
        )

    def _container(self, request: Request, account: str, container: str) -> Answer:
        if request.method == "PUT":
            return Answer(201)
        if request.query.get("comp") != "list":
            return Answer(200, b"", {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True)})
        found = []
        for name in self.names(account, container, request.query.get("prefix", "")):
            blob = self._blobs[(account, container, name)]
            metadata = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in blob.metadata.items())
            found.append(
                f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{formatdate(usegmt=True)}</Last-Modified>"
                f"<Etag>{blob.etag[1:-1]}</Etag><Content-Length>{len(blob.content)}</Content-Length>"
                f"<BlobType>{blob.kind}</BlobType></Properties><Metadata>{metadata}</Metadata></Blob>"
            )
        text = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<EnumerationResults ServiceEndpoint="{self.url}/" ContainerName="{container}">'
            f"<Blobs>{''.join(found)}</Blobs><NextMarker /></EnumerationResults>"
        )
        return Answer(200, text.encode(), {"Content-Type": "application/xml"})

    def _sign(self, account: str, container: str, name: str, asked: Mapping[str, str]) -> str:
        """A service SAS as Azure Storage documents it, of version 2020-12-06 and later."""
        resource = f"/blob/{account}/{container}" + (f"/{name}" if name else "")
        keys = ("sp", "st", "se", "", "si", "sip", "spr", "sv", "sr", "", "ses", "rscc", "rscd", "rsce", "rscl", "rsct")
        text = "\n".join(asked.get(key, "") if at != 3 else resource for at, key in enumerate(keys))
        return base64.b64encode(hmac.new(base64.b64decode(self.key), text.encode(), hashlib.sha256).digest()).decode()


def _read(request: Request, blob: Blob) -> Answer:
    headers = {
        "ETag": blob.etag,
        "Last-Modified": formatdate(usegmt=True),
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": blob.kind,
        "x-ms-lease-state": "available",
        "x-ms-server-encrypted": "true",
        **{f"x-ms-meta-{k}": v for k, v in blob.metadata.items()},
    }
    if request.method == "HEAD":
        return Answer(200, b"", headers | {"Content-Length": str(len(blob.content))})
    asked = request.headers.get("x-ms-range") or request.headers.get("range")
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if not found:
        return Answer(200, blob.content, headers)
    first, size = int(found[1]), len(blob.content)
    if first >= size:
        error = _error(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
        error.headers["Content-Range"] = f"bytes */{size}"
        return error
    last = min(int(found[2] or size), size - 1)
    return Answer(206, blob.content[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{size}"})


def _metadata(request: Request) -> dict[str, str]:
    return {k[len("x-ms-meta-") :]: v for k, v in request.headers.items() if k.startswith("x-ms-meta-")}


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _error(status: int, code: str, message: str) -> Answer:
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, text.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code})
