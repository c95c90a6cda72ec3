"""Who may not push to a registry of Azure's is told the role, by a real registry behind the stand-in's tokens."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from registries import put_image

from bedplate import specfile
from bedplate.builders.ship import ship
from bedplate.clients.connections import Connections
from bedplate.errors import StepError
from bedplate.model import BuiltImage, Registry
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from tests.azure.conftest import standin  # noqa: F401  # a fixture
from tests.azure.signed_in import KeptLog, sign_in
from tests.azure.standin import StandIn, docker_registry

pytestmark = pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed")
FINGERPRINT = "0123456789abcdef" * 4
SPEC = """
version: 1
project: iris
images: {base: {rootfs: {suite: bookworm}}}
targets: {azure: {registry: {kind: acr, name: standinacr}}}
"""


def connections(root: Path) -> Any:
    (root / "pipeline.yaml").write_text(SPEC, encoding="utf-8")
    spec = specfile.load(root / "pipeline.yaml", None)
    reads = Reads(root, StatCache(root / "cache"), lambda reference, platform: "")
    return Connections(root, spec, KeptLog(), reads, False, {})


def test_an_account_that_may_only_pull_is_told_the_role(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = standin.add_registry("standinacr", program=True)
    sign_in(standin, monkeypatch, tmp_path / "az")
    registry = Registry("acr", there.login_server, insecure=False)
    grant = [{"type": "repository", "name": "iris/base", "actions": ["pull", "push"]}]
    token = standin.registry_tokens.access_token(there, grant)
    assert there.upstream is not None
    upstream = there.upstream.removeprefix("http://")
    digest = put_image(upstream, "iris/base", "v1", {}, f"Bearer {token}")
    image = BuiltImage("base", "iris/base:v1", FINGERPRINT, digest)
    repository = f"{there.login_server}/iris/base"
    assert ship(image, repository, ("v1", "v2"), registry, connections(tmp_path)).digest == digest

    there.may = frozenset({"pull"})
    with pytest.raises(StepError, match="manifests/v3: 401") as refused:
        ship(image, repository, ("v3",), registry, connections(tmp_path))
    assert refused.value.hint == (
        "the role 'AcrPush' is missing: "
        f'`az role assignment create --assignee {standin.client} --role "AcrPush" --scope {there.id}`'
    )
