"""What `doit clean` says of what it leaves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bedplate import specfile
from bedplate.model import GenericRegistry, Spec
from bedplate.tasks.actions import Clean, images_stay

REPO = Path(__file__).parents[3]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spec:
    monkeypatch.setenv("XDG_DATA_HOME", "/home/me/my data")
    return specfile.load(REPO / "pipeline.yaml", None, tmp_path, None)


def test_the_commands_that_remove_images_are_said_once_and_only_where_something_was_stopped(
    spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = {"one": None, "two": "removed container two", "three": "removed container three"}
    session = cast("Any", SimpleNamespace(spec=spec, _shared={}, stop=lambda task: stopped[task.name]))
    for name in stopped:
        Clean(cast("Any", SimpleNamespace(name=name, step="deploy")), session)()
    said = capsys.readouterr().out
    assert said.startswith("one: nothing to stop\ntwo: removed container two\nimages stay in engine and registry")
    assert said.count("images stay") == 1 and "docker rmi -f $(docker images -q --filter label=" in said
    assert "rm -r '/home/me/my data/bedplate/registry/5000'" in said


def test_of_a_registry_elsewhere_its_repositories_are_named(spec: Spec) -> None:
    registry = GenericRegistry("registry.example.org", None, None, insecure=False)
    other = dataclasses.replace(spec, target=dataclasses.replace(spec.target, registry=registry))
    assert f"its repositories below {spec.project}/" in images_stay(other)
