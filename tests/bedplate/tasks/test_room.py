"""What building took, as the record has it, beside what is free."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from bedplate.state import State
from bedplate.step import Task
from bedplate.tasks import room

GB = 1_000_000_000
TASKS = (
    Task("build_base", "os", None),
    Task("build_base", "base", None, needs=("build_base:os", "resolve_registry")),
    Task("create_environment", "main", None, needs=("build_base:base",)),
    Task("push", "os", None, needs=("build_base:os",)),
)


def state(folder: Path, took: Mapping[str, tuple[int, int]]) -> State:
    made = State(folder / "local.jsonl")
    for name, (image, context) in took.items():
        values = {"parts": {}, "output": {}, "identity": "", "took": {"image": image, "context": context}}
        made.put(name, {"_values_:": values})
    return made


def said(folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, took: Mapping[str, tuple[int, int]]) -> list[str]:
    class Usage:
        pass

    Usage.free = free  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    return [finding.mistake.message for finding in room.find(TASKS, state(folder, took), folder, None)]


TOOK = {"build_base:os": (2 * GB, 0), "build_base:base": (5 * GB, GB), "create_environment:main": (6 * GB, 0)}


def test_layers_that_images_share_and_the_files_that_were_sent_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(tmp_path, monkeypatch, 7 * GB, TOOK) == []
    (message,) = said(tmp_path, monkeypatch, 7 * GB - 1, TOOK)
    assert message == (
        f"7.0 GB are free at {tmp_path}; building all images took 7.0 GB last time"
        " (build_base:base 4.0 GB, build_base:os 2.0 GB, create_environment:main 1.0 GB)"
    )


def test_an_image_whose_base_is_not_recorded_counts_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = {"build_base:base": (5 * GB, 0)}
    assert said(tmp_path, monkeypatch, 5 * GB, only) == []
    assert "took 5.0 GB last time" in said(tmp_path, monkeypatch, 5 * GB - 1, only)[0]


def test_before_the_first_build_a_small_image_has_to_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(tmp_path, monkeypatch, 2 * GB, {}) == []
    assert said(tmp_path, monkeypatch, GB, {}) == [
        f"1.0 GB are free at {tmp_path}; a small image takes 2.0 GB while it is built"
    ]


def test_what_building_took_tells_no_two_records_apart(tmp_path: Path) -> None:
    one, other = state(tmp_path, {"x": (1, 2)}).record("x"), state(tmp_path, {"x": (3, 4)}).record("x")
    assert one is not None and one.took == {"image": 1, "context": 2}
    assert one == other
