"""Which images of others a project locks, and what happens where nobody says a digest."""

from __future__ import annotations

from pathlib import Path

import pytest

import steps
from bedplate.azureml.v1 import DEFAULT_IMAGE
from bedplate.checks import project
from bedplate.errors import StepError
from bedplate.tasks.locking import Upstreams
from bedplate.tasks.session import Session

ONNX = "mcr.microsoft.com/azureml/onnxruntime:latest"
TEXT = f"""\
version: 1
project: demo
images:
  onnx: {{reference: "{ONNX}", platform: linux/amd64}}
environments:
  plain: {{user_managed: true}}
  onnx: {{image: onnx, user_managed: true}}
targets:
  azure:
    workspace: {{resource_group: rg, name: demo}}
    registry: {{kind: workspace}}
    environment: {{kind: azureml}}
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """In a network in which no registry but that of `onnx` answers."""
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "pipeline.yaml").write_text(TEXT, encoding="utf-8")

    def digests(self: Upstreams, references: list[str]) -> dict[str, str | StepError]:
        return {r: "sha256:" + "1" * 64 if r == ONNX else StepError(f"{r}: no such host") for r in references}

    monkeypatch.setattr(Upstreams, "digests", digests)
    monkeypatch.setattr(Upstreams, "triggers", lambda self, wanted: dict.fromkeys(wanted, ()))
    return Session(tmp_path, None)


def test_the_default_image_of_an_environment_is_locked_like_any_other(session: Session) -> None:
    missing = session.pins.missing(session.upstreams.of())
    assert [(r.text, r.line, r.needed) for r in missing] == [(ONNX, 4, True), (DEFAULT_IMAGE, 6, False)]


def test_work_goes_on_by_the_tag_of_the_default_where_nobody_says_its_digest(session: Session) -> None:
    lines = list(session.upstreams.pin(locked=False, write=True))
    assert lines == [f"{ONNX} (linux/amd64) locked as sha256:{'1' * 12}"]
    assert [str(why) for why in session.pins.unknown.values()] == [f"{DEFAULT_IMAGE}: no such host"]


def test_a_default_that_is_not_locked_is_doubtful_where_it_stands(session: Session) -> None:
    list(session.upstreams.pin(locked=False, write=True))
    tasks = [task for step in steps.load().values() for task in step.tasks(session.spec)]
    (found,) = project.find(session.spec, tasks, session.reads, session.pins.digest)
    assert (found.code, found.mistake.line) == ("UnpinnedImage", 6)
    assert found.mistake.message.startswith(DEFAULT_IMAGE)
