from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bedplate.model import LocalEnvironment, LocalRegistry, PushedImage
from bedplate.questions import AskManifest, Unreachable
from bedplate.step import Task
from steps import push

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
FP = "fp-0123456789abcdef"
OUTPUT = PushedImage("base", "127.0.0.1:5000/iris/base", ONE, "0123456789abcdef" * 4, ("v1", FP))


def spec(**images: tuple[str, ...]) -> Any:
    entries = {name: SimpleNamespace(name=name, tags=tags, requires={}) for name, tags in images.items()}
    target = SimpleNamespace(name="local", registry=LocalRegistry(5000), environment=LocalEnvironment())
    return SimpleNamespace(project="iris", images=entries, environments={}, target=target)


def test_every_image_is_pushed_below_the_projects_name() -> None:
    assert list(push.tasks(spec(os=("latest",), base=("v1", "v2")))) == [
        Task("push", "os", push.Inputs("iris/os", ("latest",), {}), needs=("build_base:os", "resolve_registry")),
        Task("push", "base", push.Inputs("iris/base", ("v1", "v2"), {}), needs=("build_base:base", "resolve_registry")),
    ]


def test_every_tag_is_asked_for() -> None:
    asked = push.asks(OUTPUT, spec())
    assert [(q.repository, q.reference) for q in asked if isinstance(q, AskManifest)] == [
        ("iris/base", "v1"),
        ("iris/base", FP),
    ]


@pytest.mark.parametrize(
    ("v1", "fp", "reason"),
    [
        (ONE, ONE, None),
        (TWO, ONE, "tag v1 moved in the registry"),
        (None, ONE, "tag v1 not in the registry"),
        (ONE, None, f"tag {FP} not in the registry"),
        (ONE, TWO, f"tag {FP} moved in the registry"),
        (Unreachable(), Unreachable(), None),
    ],
)
def test_an_image_is_there_while_each_of_its_tags_is(v1: Any, fp: Any, reason: str | None) -> None:
    answers = dict(zip(push.asks(OUTPUT, spec()), (v1, fp), strict=True))
    assert push.present(OUTPUT, answers) == reason
