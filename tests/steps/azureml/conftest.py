"""A project on a target of Azure ML's, beside a stand-in that Prism judges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure.conftest import azurite, echo, judged_azure, ml_python, prism  # noqa: F401  # fixtures
from tests.azure.standin import StandIn
from tests.steps.azureml.project import Project


@pytest.fixture
def azure(judged_azure: StandIn, echo: str) -> Iterator[StandIn]:  # noqa: F811
    """Every deployment answers with what it is sent."""
    judged_azure.azure.serve = lambda *_: echo
    yield judged_azure


@pytest.fixture
def project(tmp_path: Path, azure: StandIn, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(tmp_path, azure, monkeypatch)
