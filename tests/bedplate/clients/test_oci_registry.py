from __future__ import annotations

import base64
import json
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import (
    PASSWORD,
    USER,
    FakeHandler,
    Handler,
    certificate,
    fake_registry,
    flaky,
    htpasswd,
    issuer,
    put_image,
    real_registry,
    serving,
)

from bedplate.clients import registry_errors, registry_http, retry_after
from bedplate.clients.credentials import Login, anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.model import Registry
from bedplate.secrets import Secret

BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def ada() -> Login:
    return Login(USER, Secret(PASSWORD))


def stranger() -> Login:
    return Login(USER, Secret("wrong-password"))


def at(address: str, credentials: Any = anonymous, insecure: bool = False) -> OciRegistry:
    return OciRegistry(Registry("generic", address, insecure), credentials)


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_http, "PAUSE_S", 0.01)


@pytest.fixture
def fake() -> Iterator[Any]:
    with fake_registry() as server:
        yield server


# ---- who we are


@pytest.mark.engine
def test_a_password_opens_a_registry_that_wants_one(tmp_path: Path) -> None:
    with real_registry(tmp_path, **htpasswd(tmp_path)) as address:
        digest = put_image(address, "iris/base", "v1", {"a": "b"}, BASIC)
        registry = at(address, ada)
        registry.check()
        assert registry.labels("iris/base", digest) == {"a": "b"}
        manifest = registry.manifest("iris/base", "v1")
        assert manifest
        registry.put_tag("iris/base", "v2", manifest)
        assert registry.digest("iris/base", "v2") == digest


@pytest.mark.engine
def test_a_wrong_password_is_refused_in_the_registrys_words(tmp_path: Path) -> None:
    with real_registry(tmp_path, **htpasswd(tmp_path)) as address:
        with pytest.raises(StepError) as refused:
            at(address, stranger).check()
        assert refused.value.message.startswith(f"GET http://{address}/v2/: 401 UNAUTHORIZED: authentication required")
        assert f"docker login {address}" in refused.value.hint
        assert "wrong-password" not in str(refused.value)
        with pytest.raises(StepError, match="401") as refused:
            at(address).check()
        assert "wants an account" in refused.value.hint
        assert at(address).ping(), "a registry that wants an account is a registry"


@pytest.mark.engine
def test_a_token_is_asked_for_once_for_each_scope(tmp_path: Path) -> None:
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        registry = at(address, ada)
        registry.check()
        assert registry.digest("iris/base", "v1") is None
        assert registry.digest("iris/base", "v2") is None
        assert registry.digest("iris/os", "v1") is None
        scopes = [path.partition("scope=")[2].partition("&")[0] for _, path, _ in tokens.requests]
        assert scopes == ["", "repository%3Airis%2Fbase%3Apull", "repository%3Airis%2Fos%3Apull"]


@pytest.mark.engine
def test_a_token_for_pushing_is_got_when_it_is_needed(tmp_path: Path) -> None:
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        digest = _put_with_token(tmp_path, tokens, address)
        registry = at(address, ada)
        manifest = registry.manifest("iris/base", "v1")
        assert manifest and manifest.digest == digest
        registry.put_tag("iris/base", "v2", manifest)
        assert at(address).digest("iris/base", "v2") == digest, "anonymous callers may pull"
        with pytest.raises(StepError, match=f"PUT http://{address}/v2/iris/base/manifests/v3: 401") as refused:
            at(address).put_tag("iris/base", "v3", manifest)
        assert refused.value.hint


@pytest.mark.engine
def test_a_token_that_has_run_out_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        registry = at(address, ada)
        assert registry.digest("iris/base", "v1") is None
        # a token that the registry does not take any more, though its time is not over by our clock
        sign_in = registry._http._sign_in
        sign_in._tokens = {scope: (Secret("Bearer stale"), ends) for scope, (_, ends) in sign_in._tokens.items()}
        assert registry.digest("iris/base", "v1") is None
        before = len(tokens.requests)
        sign_in._tokens = {scope: (token, 0.0) for scope, (token, _) in sign_in._tokens.items()}
        assert registry.digest("iris/base", "v1") is None
        assert len(tokens.requests) == before + 1


@pytest.mark.engine
def test_an_identity_token_is_exchanged_by_post(tmp_path: Path) -> None:
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        at(address, lambda: Login("", Secret(PASSWORD), identity=True)).check()
        assert [method for method, _, _ in tokens.requests] == ["POST"]
        assert PASSWORD not in tokens.requests[0][1]


@pytest.mark.engine
def test_a_secret_that_the_other_side_repeats_is_not_shown(tmp_path: Path) -> None:
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        with pytest.raises(StepError, match="401 UNAUTHORIZED: you sent") as refused:
            at(address, stranger).check()
        sent = base64.b64encode(f"{USER}:wrong-password".encode()).decode()
        assert sent not in str(refused.value)
        assert "you sent Basic ***" in str(refused.value)


def test_an_account_is_not_shown_to_the_host_that_a_blob_lies_on(fake: Any) -> None:
    class Elsewhere(FakeHandler):
        def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
            if self.headers.get("Authorization") != BASIC:
                return 401, {"WWW-Authenticate": 'Basic realm="test"'}, b""
            if "/blobs/" in self.path:
                url = f"http://localhost:{fake.server_address[1]}{self.path}?signature=secret-signature"
                return 307, {"Location": url}, b""
            return super().respond(body)

    digest = put_image(fake.address, "iris/base", "v1", {"a": "b"})
    with serving(Elsewhere, blobs={}, manifests=fake.manifests) as front:
        assert at(front.address, ada).labels("iris/base", digest) == {"a": "b"}
        fetched = [headers for _, path, headers in fake.requests if "signature" in path]
        assert len(fetched) == 1
        assert "Authorization" not in fetched[0]
        fake.blobs.clear()
        with pytest.raises(StepError, match="has lost its config") as lost:
            at(front.address, ada).labels("iris/base", digest)
        assert "signature" not in str(lost.value)


def test_an_account_of_netrc_is_not_used(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login ada password from-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    at(fake.address.replace("127.0.0.1", "0.0.0.0"), insecure=True).check()
    assert all("Authorization" not in headers for _, _, headers in fake.requests)


def test_a_proxy_is_not_asked_for_this_machine(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    at(fake.address).check()


# ---- what goes wrong


def test_a_manifest_that_is_not_what_its_digest_says_is_corrupted(fake: Any) -> None:
    digest = put_image(fake.address, "iris/base", "v1", {})
    kind, content, _ = fake.manifests["iris/base", digest]
    for reference in ("v1", digest):
        fake.manifests["iris/base", reference] = (kind, content.replace(b"2", b"3", 1), digest)
        with pytest.raises(StepError, match="corrupted") as corrupted:
            at(fake.address).manifest("iris/base", reference)
        assert digest in str(corrupted.value)


def test_a_config_that_is_not_what_its_digest_says_is_corrupted(fake: Any) -> None:
    digest = put_image(fake.address, "iris/base", "v1", {})
    fake.blobs = {name: content + b" " for name, content in fake.blobs.items()}
    with pytest.raises(StepError, match="corrupted"):
        at(fake.address).labels("iris/base", digest)


@pytest.mark.engine
@pytest.mark.parametrize("faults", [[503, 503], [(429, "0")], [(503, "1")], ["reset"], ["reset", 503, "reset"]])
def test_what_is_temporary_is_tried_again(tmp_path: Path, faults: list[Any]) -> None:
    with real_registry(tmp_path) as address:
        digest = put_image(address, "iris/base", "v1", {"a": "b"})
        with flaky(address, []) as way:
            registry = at(way.address)
            manifest = registry.manifest("iris/base", "v1")
            assert manifest and manifest.digest == digest
            way.faults[:] = faults
            assert registry.digest("iris/base", "v1") == digest
            assert way.faults == []
            way.faults[:] = faults
            registry.put_tag("iris/base", "v2", manifest)
            assert way.faults == []
        assert at(address).digest("iris/base", "v2") == digest


def test_a_fault_that_lasts_is_told_when_the_time_is_over(fake: Any) -> None:
    with flaky(fake.address, []) as way:
        registry = at(way.address)
        assert registry.digest("iris/base", "v1") is None
        registry._patience = registry_http.Patience(retry=0.2)
        way.faults[:] = [503] * 1000
        with pytest.raises(StepError, match=r"HEAD http://127.0.0.1:\d+/v2/iris/base/manifests/v1: 503"):
            registry.digest("iris/base", "v1")
        way.faults[:] = ["reset"] * 1000
        with pytest.raises(StepError, match="HEAD .*(reset|closed)"):
            registry.digest("iris/base", "v1")


def test_a_wait_that_is_longer_than_we_have_is_not_begun(fake: Any) -> None:
    with flaky(fake.address, []) as way:
        registry = at(way.address)
        assert registry.digest("iris/base", "v1") is None
        way.faults[:] = [(429, "3600")]
        with pytest.raises(StepError, match="429") as refused:
            registry.digest("iris/base", "v1")
        assert "limits how often" in refused.value.hint


def test_what_is_not_temporary_is_not_tried_again(fake: Any) -> None:
    with flaky(fake.address, []) as way:
        registry = at(way.address)
        registry.check()
        for status in (500, 403, 400):
            way.faults[:] = [status, 418]
            with pytest.raises(StepError, match=str(status)):
                registry.manifest("iris/base", "v1")
            assert way.faults == [418]


def test_a_refused_question_without_a_body_is_asked_once_more_for_the_registrys_words() -> None:
    class Firewall(Handler):
        def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            if self.path == "/v2/":
                return 200, {}, b"{}"
            said = "client with IP '203.0.113.7' is not allowed access."
            content = json.dumps({"errors": [{"code": "DENIED", "message": said}]}).encode()
            return 403, {"Content-Length": str(len(content))}, b"" if self.command == "HEAD" else content

    with serving(Firewall) as server, pytest.raises(StepError, match="HEAD .*: 403 DENIED: client with IP") as refused:
        at(server.address).digest("iris/base", "v1")
    assert "`az acr network-rule add -n NAME --ip-address 203.0.113.7`" in refused.value.hint


@pytest.mark.parametrize(
    ("wait", "when"), [("", "run again later"), ("45", "run again in 45 s"), ("3540", "in 59 min")]
)
def test_a_registry_that_stays_busy_is_told_with_the_time_it_asks_to_wait(wait: str, when: str) -> None:
    error = registry_errors.refused("GET", "https://r.example.org/v2/", 503, b"", True, retry_after.seconds(wait))
    assert error.hint == f"the registry is busy or down, and stayed so: {error.hint.rpartition(': ')[2]}"
    assert error.hint.endswith(when)


def test_a_refusal_keeps_method_address_status_and_the_registrys_words() -> None:
    class Denying(Handler):
        def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            if self.path == "/v2/":
                return 200, {"Docker-Distribution-Api-Version": "registry/2.0"}, b"{}"
            return 403, {}, b'{"errors": [{"code": "DENIED", "message": "requested access is denied"}]}'

    with serving(Denying) as server, pytest.raises(StepError) as refused:
        at(server.address).manifest("train", "3")
    url = f"http://{server.address}/v2/train/manifests/3"
    assert refused.value.message == f"GET {url}: 403 DENIED: requested access is denied"
    assert "permissions" in refused.value.hint


def test_where_nothing_listens_the_error_says_so() -> None:
    with fake_registry() as server:
        address = server.address
    assert not at(address).ping()
    with pytest.raises(StepError, match="connection refused") as refused:
        at(address).check()
    assert address in refused.value.hint


def test_a_host_that_does_not_exist_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StepError, match="no such host"):
        at("registry.invalid").check()


def test_a_web_server_is_not_a_registry() -> None:
    class Web(Handler):
        def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            return 200, {"Content-Type": "text/html"}, b"<html>hello</html>"

    with serving(Web) as server:
        assert not at(server.address).ping()
        with pytest.raises(StepError, match="not as a registry does"):
            at(server.address).check()


# ---- TLS: 0.0.0.0 reaches this machine and is no loopback address, for which plain HTTP would be tried


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    _, authority = certificate(tmp_path)
    with fake_registry() as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority, tmp_path / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield f"0.0.0.0:{server.server_address[1]}", authority


def test_a_certificate_that_nobody_vouches_for_is_refused_with_two_ways_out(tls: tuple[str, Path]) -> None:
    with pytest.raises(StepError, match="certificate not trusted") as refused:
        at(tls[0]).check()
    assert "REQUESTS_CA_BUNDLE" in refused.value.hint
    assert "insecure: true" in refused.value.hint


def test_insecure_takes_any_certificate_without_a_word(tls: tuple[str, Path]) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        at(tls[0], insecure=True).check()
    assert said == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_own_authority_is_named_by_the_usual_variables(
    tls: tuple[str, Path], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tls[1]))
    at(tls[0]).check()


def test_a_bundle_of_authorities_that_is_not_there_is_told_with_its_variable(
    tls: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(StepError, match="gone.pem") as refused:
        at(tls[0]).check()
    assert "REQUESTS_CA_BUNDLE" in refused.value.hint


def test_plain_http_elsewhere_needs_to_be_allowed(fake: Any) -> None:
    address = fake.address.replace("127.0.0.1", "0.0.0.0")
    with pytest.raises(StepError, match="no TLS there") as refused:
        at(address).check()
    assert "insecure: true" in refused.value.hint
    at(address, insecure=True).check()


def test_a_tls_registry_on_loopback_is_found(tls: tuple[str, Path]) -> None:
    at(tls[0].replace("0.0.0.0", "127.0.0.1")).check()


def test_an_account_is_not_sent_in_the_clear_because_the_registry_says_so(
    tls: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls[1]))

    def respond(self: Handler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{tls[0]}/token",service="x"'}, b""

    monkeypatch.setattr(FakeHandler, "respond", respond)
    with pytest.raises(StepError, match="not encrypted"):
        at(tls[0], ada).check()


def _put_with_token(folder: Path, tokens: Any, address: str) -> str:
    import json
    import urllib.request

    scope = "repository:iris/base:pull,push"
    request = urllib.request.Request(f"http://{tokens.address}/token?scope={scope}", headers={"Authorization": BASIC})
    with urllib.request.urlopen(request) as answer:
        token = json.load(answer)["token"]
    return put_image(address, "iris/base", "v1", {}, f"Bearer {token}")
