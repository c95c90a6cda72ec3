"""oci_registry: the distribution specification's HTTP API, spoken to one registry."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bedplate.clients import registry_grants
from bedplate.clients.credentials import Credentials
from bedplate.clients.registry_errors import REMOVE
from bedplate.clients.registry_http import Patience, RegistryHttp, Reply
from bedplate.errors import DamagedError, StepError
from bedplate.frozen import dataclass
from bedplate.machine import this_platform
from bedplate.model import Registry

INDEXES = ("application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json")
# without these a registry answers with the digest of a manifest that it converts to schema 1
MANIFESTS = ("application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json")
ACCEPT = {"Accept": ", ".join(MANIFESTS + INDEXES)}
DIGEST = "Docker-Content-Digest"
PIECE = 8 << 20  # bytes of a blob that are asked for at a time


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry gave it, byte for byte. `digest`: sha256:..., verified against `content`."""

    content: bytes
    media_type: str
    digest: str


class OciRegistry:
    """One registry. Safe to share between threads. Repositories are given without the host.

    Every method but `ping` raises StepError where the registry refuses or cannot be reached."""

    def __init__(self, registry: Registry, credentials: Credentials) -> None:
        self.host = registry.address.partition("/")[0]
        self.credentials = credentials  # whom the engine must be when it pushes here
        self._http = RegistryHttp(self.host, registry.insecure, credentials)
        self._patience = Patience()

    def hurried(self, seconds: float) -> OciRegistry:
        """The same registry, but an answer must come at once, and nothing is tried again."""
        hurried = copy.copy(self)
        hurried._patience = Patience(seconds, seconds, 0.0)
        return hurried

    def ping(self) -> bool:
        """Does a registry answer here, signed in or not?"""
        try:
            reply = self._http.send("GET", "/v2/", accept=(200, 401), patience=self._patience)
        except StepError:
            return False
        return is_registry(reply.status, reply.headers, reply.content)

    def check(self) -> None:
        """Signs in; raises StepError with the reason if nothing answers or the account is refused."""
        reply = self._http.send("GET", "/v2/", patience=self._patience)
        if not is_registry(reply.status, reply.headers, reply.content):
            raise StepError(f"{self.host} answers, but not as a registry does", "is the address right?")

    def granted(self, repository: str) -> frozenset[str] | None:
        """What the account may do there (`pull`, `push`), as its token says; None: it cannot be told beforehand."""
        shown = self._http.shown(f"repository:{repository}:pull,push", self._patience)
        return registry_grants.actions(shown, repository)

    def digest(self, repository: str, reference: str) -> str | None:
        """`sha256:...` that a tag or a digest has now; None: not there."""
        reply = self._read("HEAD", f"/v2/{repository}/manifests/{reference}", repository, ACCEPT)
        if reply is None:
            return None
        if DIGEST not in reply.headers:  # it may be left out (distribution-spec, "Pulling manifests")
            manifest = self.manifest(repository, reference)
            return manifest.digest if manifest else None
        return reply.headers[DIGEST]

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """None: not there. StepError if its content is not what its digest says (corrupted)."""
        reply = self._read("GET", f"/v2/{repository}/manifests/{reference}", repository, ACCEPT)
        if reply is None:
            return None
        promised = reference if ":" in reference else reply.headers.get(DIGEST, "")
        digest = self._verified(reply.content, promised, f"{repository}/manifests/{reference}")
        return Manifest(reply.content, reply.headers.get("Content-Type", MANIFESTS[0]).partition(";")[0], digest)

    def labels(self, repository: str, digest: str, platform: str | None = None) -> Mapping[str, str]:
        """Labels of the image's config; of an index: those of the platform's image (None: this machine's)."""
        return (self.configuration(repository, digest, platform).get("config") or {}).get("Labels") or {}

    def configuration(self, repository: str, digest: str, platform: str | None = None) -> dict[str, Any]:
        """The image's config (image-spec, config.md); `platform` as for `labels`."""
        blob = self.config(repository, digest, platform)
        reply = self._read("GET", f"/v2/{repository}/blobs/{blob}", repository, {})
        if reply is None:
            raise DamagedError(f"{self.host}/{repository}@{digest}: the registry has lost its config {blob}", REMOVE)
        self._verified(reply.content, blob, f"{repository}/blobs/{blob}")
        found: dict[str, Any] = json.loads(reply.content)
        return found

    def config(self, repository: str, digest: str, platform: str | None = None) -> str:
        """Digest of the image's config, which names all that the image holds; `platform` as for `labels`."""
        return str(self.image(repository, digest, platform)["config"]["digest"])

    def image(self, repository: str, digest: str, platform: str | None = None) -> dict[str, Any]:
        """The manifest of one image (image-spec, manifest.md); `platform` as for `labels`."""
        for _ in range(2):
            found = self.manifest(repository, digest)
            if found is None:
                raise StepError(f"{self.host}/{repository}@{digest}: not in the registry")
            document: dict[str, Any] = json.loads(found.content)
            if "manifests" not in document:
                break
            digest = self._of_platform(document["manifests"], repository, digest, platform or this_platform())
        if "config" not in document:
            raise StepError(f"{self.host}/{repository}@{digest}: neither an image nor an index of images")
        return document

    def blob(self, repository: str, digest: str) -> Iterator[bytes]:
        """Its content in pieces, so that one which breaks off is not begun again. StepError at the end: corrupted."""
        path, got, content = f"/v2/{repository}/blobs/{digest}", 0, hashlib.sha256()
        while True:
            wanted = {"Range": f"bytes={got}-{got + PIECE - 1}"}
            reply = self._http.send(
                "GET",
                path,
                scope=f"repository:{repository}:pull",
                headers=wanted,
                accept=(200, 206),
                patience=self._patience,
            )
            content.update(reply.content)
            got += len(reply.content)
            yield reply.content
            total = reply.headers.get("Content-Range", "").rpartition("/")[2]  # RFC 9110, 14.4
            if reply.status == 200 or not reply.content or not total.isdigit() or got >= int(total):
                break
        if f"sha256:{content.hexdigest()}" != digest:
            raise self._corrupted(f"{repository}/blobs/{digest}", f"sha256:{content.hexdigest()}", digest)

    def put_tag(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Returns once the registry has confirmed the digest."""
        path = f"/v2/{repository}/manifests/{tag}"
        reply = self._http.send(
            "PUT",
            path,
            scope=f"repository:{repository}:pull,push",
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
            accept=(200, 201, 202),
            patience=self._patience,
        )
        confirmed = reply.headers.get(DIGEST) or self.digest(repository, tag)
        if confirmed != manifest.digest:
            raise StepError(f"PUT {self.host}{path}: the registry stored {confirmed}, sent was {manifest.digest}")

    def _read(self, method: str, path: str, repository: str, headers: Mapping[str, str]) -> Reply | None:
        scope = f"repository:{repository}:pull"
        reply = self._http.send(method, path, scope=scope, headers=headers, accept=(200, 404), patience=self._patience)
        return None if reply.status == 404 else reply

    def _verified(self, content: bytes, promised: str, what: str) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if promised.startswith("sha256:") and promised != digest:
            raise self._corrupted(what, digest, promised)
        return digest

    def _corrupted(self, what: str, digest: str, promised: str) -> DamagedError:
        said = f"{self.host}/{what} is corrupted: its content has the digest {digest}, not {promised}"
        return DamagedError(said, REMOVE)

    def _of_platform(self, manifests: Any, repository: str, digest: str, platform: str) -> str:
        for entry in manifests:
            has = entry.get("platform") or {}
            names = [has.get("os"), has.get("architecture"), has.get("variant")]
            full = "/".join(name for name in names if name)
            if platform in (full, f"{names[0]}/{names[1]}"):
                return str(entry["digest"])
        raise StepError(f"{self.host}/{repository}@{digest}: not there for {platform}")


def is_registry(status: int, headers: Mapping[str, str], content: bytes) -> bool:
    """Is this a registry's answer to GET /v2/, or just any web server's? (distribution-spec, "Determining Support")"""
    if "Docker-Distribution-Api-Version" in headers:
        return status in (200, 401)
    if status == 401:
        return "WWW-Authenticate" in headers
    return status == 200 and not content.lstrip().startswith(b"<")
