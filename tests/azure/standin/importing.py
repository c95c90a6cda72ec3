"""importImage: a registry takes an image from another one, byte by byte, without a client in between."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .state import Azure
from .tokens import CLIENT

TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def import_image(azure: Azure, request: Request, subscription: str, group: str, registry: str) -> Answer:
    azure.check_group(subscription, group)
    into, asked = azure.registry(registry, group), request.json
    source = asked["source"]
    credentials = source.get("credentials") or {}
    if source.get("resourceId"):
        own = azure.registry(source["resourceId"].rsplit("/", 1)[-1])
        server, login = own.login_server, (CLIENT, azure.tokens.secret)
    else:
        server, login = (
            azure.hosts.get(source.get("registryUri", ""), source.get("registryUri", "")),
            (credentials.get("username", ""), credentials.get("password", "")),
        )
    repository, tag = _split(source["sourceImage"])
    tags = [t if ":" in t else f"{t}:{tag if ':' not in tag else 'latest'}" for t in asked.get("targetTags") or []]
    tags += [f"{name}@" for name in asked.get("untaggedTargetRepositories") or []]
    target = _Repository(into.login_server, (CLIENT, azure.tokens.secret))
    wanted = tags or [f"{repository}:{tag}"]
    for one in wanted:
        name, _, reference = one.partition("@" if one.endswith("@") else ":")
        if asked.get("mode", "NoForce") == "NoForce" and reference and target.head(name, reference):
            raise Refused(409, "Conflict", f"Tag {one} already exists in target registry.")

    def finish() -> None:
        try:
            for one in wanted:
                name, _, reference = one.partition("@" if one.endswith("@") else ":")
                _copy(_Repository(server, login), repository, tag, target, name, reference)
        except OSError as error:  # urllib's errors too
            message = f"Error: failed to fetch {server}/{source['sourceImage']}: {error}"
            raise Refused(400, "InvalidParameters", message) from error

    operation = azure.operations.begin(f"{into.id}/importImage/{wanted[0]}", finish, lambda state: None)
    place = f"{azure.url}{into.id}/operationStatuses/{operation.id}?api-version=2023-07-01"
    return Answer(202, b"", {"Location": place, "Retry-After": "0"})


def result(azure: Azure, request: Request, subscription: str, group: str, registry: str, operation: str) -> Answer:
    """202 while it runs."""
    one = azure.operations.get(operation)
    if one.status == "InProgress":
        return Answer(202, b"", {"Location": f"{azure.url}{request.target}", "Retry-After": "0"})
    if one.error is not None:
        raise Refused(400, str(one.error["code"]), str(one.error["message"]))
    return Answer(200)


def _split(image: str) -> tuple[str, str]:
    if "@" in image:
        repository, _, digest = image.partition("@")
        return repository, digest
    repository, _, tag = image.partition(":")
    return repository, tag or "latest"


class _Repository:
    """As much of a client of the distribution specification as copying needs; any certificate will do."""

    def __init__(self, server: str, login: tuple[str, str]) -> None:
        self._server, self._login = server, login
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._tokens: dict[str, str] = {}
        self._scheme = "https"

    def head(self, name: str, reference: str) -> bool:
        try:
            self.call("HEAD", name, f"manifests/{reference}", headers={"Accept": TYPES})
        except urllib.error.HTTPError:
            return False
        return True

    def call(
        self, method: str, name: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Mapping[str, str], bytes]:
        where = path if path.startswith("http") else f"{self._scheme}://{self._server}/v2/{name}/{path}"
        for _ in range(3):
            asked = urllib.request.Request(where, body, dict(headers or {}), method=method)
            if name in self._tokens:
                asked.add_unredirected_header("Authorization", self._tokens[name])
            try:
                with urllib.request.urlopen(asked, context=self._context, timeout=60) as answer:
                    return dict(answer.headers.items()), answer.read()
            except urllib.error.HTTPError as error:
                if error.code != 401 or name in self._tokens:
                    raise
                self._tokens[name] = self._authorize(name, error.headers.get("WWW-Authenticate", ""))
            except (urllib.error.URLError, ssl.SSLError):
                if self._scheme == "http" or path.startswith("http"):
                    raise
                self._scheme = "http"
                where = f"http://{self._server}/v2/{name}/{path}"
        raise TimeoutError(where)

    def _authorize(self, name: str, challenge: str) -> str:
        basic = "Basic " + base64.b64encode(":".join(self._login).encode()).decode()
        found = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        if not challenge.lower().startswith("bearer"):
            return basic
        query = urllib.parse.urlencode({"service": found.get("service", ""), "scope": f"repository:{name}:pull,push"})
        headers = {"Authorization": basic} if self._login[1] else {}
        asked = urllib.request.Request(f"{found['realm']}?{query}", headers=headers)
        with urllib.request.urlopen(asked, context=self._context, timeout=60) as answer:
            got = json.load(answer)
        return "Bearer " + str(got.get("token") or got["access_token"])


def _copy(source: _Repository, repository: str, reference: str, target: _Repository, name: str, tag: str) -> None:
    headers, manifest = source.call("GET", repository, f"manifests/{reference}", headers={"Accept": TYPES})
    kind = next(v for k, v in headers.items() if k.lower() == "content-type")
    content: dict[str, Any] = json.loads(manifest)
    for below in content.get("manifests", []):
        _copy(source, repository, below["digest"], target, name, "")
    for blob in [content[k] for k in ("config",) if k in content] + content.get("layers", []):
        _, body = source.call("GET", repository, f"blobs/{blob['digest']}")
        place, _ = target.call("POST", name, "blobs/uploads/", b"")
        location = next(v for k, v in place.items() if k.lower() == "location")
        location = urllib.parse.urljoin(f"https://{target._server}/", location)
        joint = "&" if "?" in location else "?"
        where = f"{location}{joint}digest={urllib.parse.quote(blob['digest'])}"
        target.call("PUT", name, where, body, {"Content-Type": "application/octet-stream"})
    import hashlib

    place_of = tag or f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    target.call("PUT", name, f"manifests/{place_of}", manifest, {"Content-Type": kind})


_RG = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/{registry}"
ROUTES = (
    Route("POST", _RG + "/importImage", import_image),
    Route("GET", _RG + "/operationStatuses/{operation}", result),
)
