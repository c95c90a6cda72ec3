"""Two machines that share a registry; and an engine that is killed and comes back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import Pipeline
from tests.engines import SecondEngine, second_engine

pytestmark = [pytest.mark.engine, pytest.mark.skipif(os.geteuid() != 0, reason="a second engine needs root")]


@pytest.fixture(scope="module")
def other_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondEngine]:
    with second_engine(tmp_path_factory.mktemp("e")) as engine:
        yield engine


@pytest.fixture(scope="module")
def other(
    pipeline: Pipeline, other_engine: SecondEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """A fresh checkout on another engine, of a project that is built and pushed already."""
    pipeline.run()
    folder: Path = tmp_path_factory.mktemp("other")
    (folder / "work").mkdir()
    clone = Pipeline(folder / "work", pipeline.home, pipeline.project, pipeline.registry_port)
    clone.engine = other_engine.address
    yield clone


def test_a_fresh_checkout_builds_and_pushes_nothing(other: Pipeline, other_engine: SecondEngine) -> None:
    tasks = other.run()
    assert set(tasks) >= {"build_base:os", "build_base:base", "create_environment:iris", "deploy:iris"}
    assert other.output.count("reused") == 3, other.output
    assert "pushed" not in other.output and "#1" not in other.output
    assert requests.get(f"{other.url}/", timeout=5).text == "Healthy"
    held = other_engine.docker("images", "--format", "{{.Repository}}").stdout.split()
    assert not [name for name in held if name.endswith(("/os", "/base"))], "only what deploy needs was pulled"
    assert other.run() == []


def test_the_service_is_back_after_its_engine_was_killed(other: Pipeline, other_engine: SecondEngine) -> None:
    other.run()
    other_engine.kill()
    refused = other.doit()
    assert refused.returncode in (0, 1), other.output
    other_engine.start()
    assert set(other.run()) <= {"deploy:iris"}
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if requests.get(f"{other.url}/", timeout=1).ok:
                break
        except requests.ConnectionError:
            time.sleep(0.1)
    assert requests.get(f"{other.url}/", timeout=5).text == "Healthy"
    assert other.run() == []
