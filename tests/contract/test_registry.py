"""What we believe of a registry, held against our fake and against the real program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import DOCKER_INDEX, fake_registry, put_image, put_manifest, real_registry

from bedplate.clients.credentials import anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.model import Registry

LABELS = {"dev.bedplate.fingerprint": "ab" * 32}


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "real":
        with real_registry(tmp_path) as address:
            yield address
    else:
        with fake_registry() as server:
            yield server.address


@pytest.fixture
def registry(address: str) -> OciRegistry:
    return OciRegistry(Registry("generic", address, insecure=False), anonymous)


def test_a_registry_answers_a_ping_and_lets_us_in(registry: OciRegistry) -> None:
    assert registry.ping()
    registry.check()


def test_a_tag_has_the_digest_of_what_was_pushed_under_it(registry: OciRegistry, address: str) -> None:
    digest = put_image(address, "team/iris/base", "v1", LABELS)
    assert registry.digest("team/iris/base", "v1") == digest
    assert registry.digest("team/iris/base", digest) == digest


def test_what_was_never_pushed_is_not_there(registry: OciRegistry, address: str) -> None:
    digest = put_image(address, "iris/base", "v1", LABELS)
    assert registry.digest("iris/base", "v2") is None
    assert registry.digest("iris/other", "v1") is None
    assert registry.digest("iris/base", "sha256:" + "0" * 64) is None
    assert registry.manifest("iris/other", digest) is None


def test_a_manifest_comes_byte_for_byte(registry: OciRegistry, address: str) -> None:
    digest = put_image(address, "iris/base", "v1", LABELS)
    manifest = registry.manifest("iris/base", "v1")
    assert manifest
    assert manifest.digest == digest
    assert manifest.media_type == json.loads(manifest.content)["mediaType"]


def test_a_tag_moves_by_putting_the_manifest_again(registry: OciRegistry, address: str) -> None:
    old = put_image(address, "iris/base", "v1", LABELS)
    new = put_image(address, "iris/base", "fp-0123456789abcdef", {"is": "new"})
    assert registry.digest("iris/base", "v1") == old
    manifest = registry.manifest("iris/base", new)
    assert manifest
    registry.put_tag("iris/base", "v1", manifest)
    assert registry.digest("iris/base", "v1") == new
    assert registry.digest("iris/base", old) == old


def test_labels_are_those_of_the_image(registry: OciRegistry, address: str) -> None:
    assert registry.labels("iris/base", put_image(address, "iris/base", "v1", LABELS)) == LABELS


def test_labels_of_an_index_are_those_of_the_platform(registry: OciRegistry, address: str) -> None:
    entries = []
    for architecture in ("amd64", "arm64"):
        digest = put_image(address, "iris/base", architecture, {"for": architecture})
        manifest = registry.manifest("iris/base", digest)
        assert manifest
        platform = {"os": "linux", "architecture": architecture}
        entries.append(
            {"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.content), "platform": platform}
        )
    index = {"schemaVersion": 2, "mediaType": DOCKER_INDEX, "manifests": entries}
    digest = put_manifest(address, "iris/base", "v1", index)
    assert registry.digest("iris/base", "v1") == digest
    assert registry.labels("iris/base", digest, "linux/arm64") == {"for": "arm64"}
    assert registry.labels("iris/base", digest, "linux/amd64") == {"for": "amd64"}
    with pytest.raises(StepError, match="not there for linux/s390x"):
        registry.labels("iris/base", digest, "linux/s390x")


def test_labels_of_an_image_that_is_gone_are_an_error(registry: OciRegistry) -> None:
    with pytest.raises(StepError, match="not in the registry"):
        registry.labels("iris/base", "sha256:" + "0" * 64)
