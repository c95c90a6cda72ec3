from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from registries import PASSWORD, USER, issuer, real_registry

from bedplate.clients import registry_grants
from bedplate.clients.credentials import Login, anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.model import Registry
from bedplate.secrets import Secret


def token(claims: Any) -> Secret:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims, "signature"))
    return Secret("Bearer " + ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts))


def access(*granted: tuple[str, list[str]]) -> dict[str, Any]:
    return {"access": [{"type": "repository", "name": name, "actions": actions} for name, actions in granted]}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (access(("iris/base", ["pull"])), {"pull"}),
        (access(("iris/base", ["pull", "push"])), {"pull", "push"}),
        (access(("iris/os", ["pull", "push"]), ("iris/base", ["pull"])), {"pull"}),
        (access(("iris/base", ["*"])), {"pull", "push", "*"}),
        (access(), set()),
        ({"access": [{"type": "registry", "name": "catalog", "actions": ["*"]}]}, set()),
    ],
)
def test_a_token_says_what_it_grants(claims: dict[str, Any], expected: set[str]) -> None:
    assert registry_grants.actions(token(claims), "iris/base") == expected


@pytest.mark.parametrize(
    "shown",
    [
        None,
        Secret("Basic dXNlcjpwYXNzd29yZA=="),
        Secret("Bearer opaque"),
        Secret("Bearer a.b.c"),
        Secret("Bearer ä.ö.ü"),
        token({"sub": "ada"}),
        token({"access": None}),
        token(["access"]),
    ],
)
def test_a_token_that_cannot_be_read_says_nothing(shown: Secret | None) -> None:
    assert registry_grants.actions(shown, "iris/base") is None


@pytest.mark.engine
def test_what_a_registrys_tokens_grant_is_asked_without_writing(tmp_path: Path) -> None:
    with issuer(tmp_path) as tokens, real_registry(tmp_path, **tokens.settings) as address:
        registry = Registry("generic", address, insecure=False)
        known = OciRegistry(registry, lambda: Login(USER, Secret(PASSWORD)))
        assert known.granted("iris/base") == {"pull", "push"}
        assert OciRegistry(registry, anonymous).granted("iris/base") == {"pull"}
        assert known.digest("iris/base", "latest") is None, "nothing is there afterwards"
        assert {method for method, _, _ in tokens.requests} == {"GET"}


@pytest.mark.engine
def test_a_registry_without_tokens_says_nothing(tmp_path: Path) -> None:
    with real_registry(tmp_path) as address:
        registry = OciRegistry(Registry("generic", address, insecure=False), anonymous)
        assert registry.granted("iris/base") is None
