"""Digests of upstream images where no engine may be asked."""

from __future__ import annotations

import pytest
from registries import fake_registry, put_image

from bedplate.clients.credentials import anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.clients.upstream import Upstream
from bedplate.errors import StepError
from bedplate.model import Registry
from bedplate.refs import ImageRef


def client(ref: ImageRef) -> OciRegistry:
    return OciRegistry(Registry("generic", ref.domain, True), anonymous)


def test_the_digest_is_the_registrys_by_one_head_and_a_refusal_is_told_in_its_words() -> None:
    with fake_registry() as server:
        digest, asking = put_image(server.address, "team/os", "1", {}), Upstream(client, None)
        before = len(server.requests)
        assert asking.digest(f"{server.address}/team/os:1") == digest
        assert {method for method, path, _ in server.requests[before:] if "/manifests/" in path} == {"HEAD"}
        with pytest.raises(StepError, match="has no such image"):
            asking.digest(f"{server.address}/team/os:2")
        assert asking.pinned(f"{server.address}/team/os:1", digest) == f"{server.address}/team/os@{digest}"


def test_a_registry_that_does_not_answer_is_the_whole_of_the_error() -> None:
    with pytest.raises(StepError) as told:
        Upstream(client, None).digest("127.0.0.1:1/team/os:1")
    assert "127.0.0.1:1" in told.value.message and "engine" not in told.value.message
