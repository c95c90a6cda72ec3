"""registries: what tests push to: a fake that really stores, the real program, and a bad way to either."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
HOP = ("Connection", "Transfer-Encoding", "Date")  # headers of one connection only
USER, PASSWORD = "ada", "geheim-1"
# bcrypt of PASSWORD: the one hash that docker-registry takes
HTPASSWD = "ada:$2y$05$abcdefghijklmnopqrstuujCYcgz1j6oUfzgADvtzCNaibIMIyoa.\n"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """Answers with what `respond` returns: status, headers, body."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        raise NotImplementedError

    def _any(self) -> None:
        body = b"".join(self._chunks()) if "Transfer-Encoding" in self.headers else self.rfile.read(self._length())
        answer = self.respond(body)
        if answer is None:  # as if the program had been killed
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _any  # noqa: N815


class Server(ThreadingHTTPServer):
    request_queue_size = 128


@contextmanager
def serving(handler: type[Handler], **state: Any) -> Iterator[Any]:
    """A server on a spare port of 127.0.0.1; `server.requests` lists (method, path, headers) as they came."""
    server: Any = Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.requests = []
    server.address = f"127.0.0.1:{server.server_address[1]}"
    for name, value in state.items():
        setattr(server, name, value)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class FakeHandler(Handler):
    """The part of the distribution specification that we use, stored in memory."""

    def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        server: Any = self.server
        server.requests.append((self.command, self.path, dict(self.headers)))
        url = urlsplit(self.path)
        version = {"Docker-Distribution-Api-Version": "registry/2.0"}
        if url.path == "/v2/":
            return 200, version, b"{}"
        if match := re.fullmatch(r"/v2/(.+)/blobs/uploads/", url.path):
            return 202, {**version, "Location": f"/upload/{match[1]}"}, b""
        if match := re.fullmatch(r"/upload/(.+)", url.path):
            server.blobs[parse_qs(url.query)["digest"][0]] = body
            return 201, version, b""
        if match := re.fullmatch(r"/v2/(.+)/blobs/(.+)", url.path):
            blob = server.blobs.get(match[2])
            return (404, version, _error("BLOB_UNKNOWN")) if blob is None else (200, version, blob)
        match = re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path)
        assert match, self.path
        repository, reference = match[1], match[2]
        if self.command == "PUT":
            digest = sha256(body)
            stored = (self.headers["Content-Type"], body, digest)
            server.manifests[repository, digest] = server.manifests[repository, reference] = stored
            return 201, {**version, "Docker-Content-Digest": digest}, b""
        if (repository, reference) not in server.manifests:
            return 404, version, _error("MANIFEST_UNKNOWN")
        kind, content, digest = server.manifests[repository, reference]
        return 200, {**version, "Content-Type": kind, "Docker-Content-Digest": digest}, content


def _error(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": "unknown"}]}).encode()


@contextmanager
def fake_registry() -> Iterator[Any]:
    with serving(FakeHandler, blobs={}, manifests={}) as server:
        yield server


class FlakyHandler(Handler):
    """Hands on to `upstream`, once the list of faults is used up: a status, a pair with Retry-After, `reset`."""

    def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        server: Any = self.server
        server.requests.append((self.command, self.path, dict(self.headers)))
        fault = server.faults.pop(0) if server.faults else None
        if fault == "reset":
            return None
        if isinstance(fault, tuple):
            return fault[0], {"Retry-After": fault[1]}, b""
        if isinstance(fault, int):
            return fault, {}, b""
        onward = http.client.HTTPConnection(server.upstream, timeout=20)
        onward.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k not in HOP})
        answer = onward.getresponse()
        content = answer.read()
        return answer.status, {k: v for k, v in answer.getheaders() if k not in HOP}, content


@contextmanager
def flaky(upstream: str, faults: list[Any]) -> Iterator[Any]:
    with serving(FlakyHandler, upstream=upstream, faults=list(faults)) as server:
        yield server


@contextmanager
def real_registry(folder: Path, **settings: Any) -> Iterator[str]:
    """docker-registry on a spare port; its address. `settings`: sections of its configuration."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": address},
        **settings,
    }
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.json")], stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.01)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def htpasswd(folder: Path) -> dict[str, Any]:
    (folder / "htpasswd").write_text(HTPASSWD)
    return {"auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}}


class IssuerHandler(Handler):
    """Gives tokens to USER for any scope; to anonymous callers for pull only (distribution, "Token Specification")."""

    def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        import jwt

        server: Any = self.server
        server.requests.append((self.command, self.path, dict(self.headers)))
        asked = parse_qs(body.decode() if self.command == "POST" else urlsplit(self.path).query)
        sent = self.headers.get("Authorization", "")
        known = sent == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = known or asked.get("refresh_token") == [PASSWORD]
        if (sent or "refresh_token" in asked) and not known:
            return 401, {}, json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": f"you sent {sent}"}]}).encode()
        access = []
        for scope in asked.get("scope", []):
            kind, name, actions = scope.split(":")
            granted = [a for a in actions.split(",") if known or a == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {"iss": "issuer", "sub": USER if known else "", "aud": "test", "access": access, "jti": str(now)}
        claims |= {"iat": now, "nbf": now - 5, "exp": now + server.life}
        token = jwt.encode(claims, server.key, "ES256", {"x5c": [server.certificate]})
        return 200, {}, json.dumps({"token": token, "expires_in": server.life}).encode()


@contextmanager
def issuer(folder: Path, life: int = 300) -> Iterator[Any]:
    """`server.settings`: the section of a registry's configuration that trusts this issuer."""
    key, pem = certificate(folder)
    der = "".join(pem.read_text().splitlines()[1:-1])
    with serving(IssuerHandler, key=key, certificate=der, life=life) as server:
        realm = f"http://{server.address}/token"
        trust = {"realm": realm, "service": "test", "issuer": "issuer", "rootcertbundle": str(pem)}
        server.settings = {"auth": {"token": trust}}
        yield server


def certificate(folder: Path) -> tuple[Any, Path]:
    """A private key and a self-signed certificate for 0.0.0.0 and 127.0.0.1; the key is in key.pem beside it."""
    import ipaddress
    from datetime import datetime, timedelta, timezone

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("0.0.0.0", "127.0.0.1")]
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    return key, folder / "certificate.pem"


def put_image(address: str, repository: str, tag: str, labels: dict[str, str], authorization: str = "") -> str:
    """An image without layers; its digest."""
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    blob = json.dumps({**config, "config": {"Labels": labels}}).encode()
    headers = {"Authorization": authorization} if authorization else {}
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("POST", f"/v2/{repository}/blobs/uploads/", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 202, (answer.status, answer.read())
    answer.read()
    place = urlsplit(answer.headers["Location"])
    query = f"{place.query}&digest={sha256(blob)}" if place.query else f"digest={sha256(blob)}"
    headers["Content-Type"] = "application/octet-stream"
    connection.request("PUT", f"{place.path}?{query}", blob, headers)
    answer = connection.getresponse()
    assert answer.status == 201, (answer.status, answer.read())
    answer.read()
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "size": len(blob), "digest": sha256(blob)},
        "layers": [],
    }
    return put_manifest(address, repository, tag, document, authorization)


def put_manifest(address: str, repository: str, tag: str, document: dict[str, Any], authorization: str = "") -> str:
    content = json.dumps(document).encode()
    headers = {"Content-Type": document["mediaType"], **({"Authorization": authorization} if authorization else {})}
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("PUT", f"/v2/{repository}/manifests/{tag}", content, headers)
    answer = connection.getresponse()
    assert answer.status == 201, (answer.status, answer.read())
    return sha256(content)
