"""A pause before a request is sent again is told to whoever waits."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bedplate import log
from bedplate.clients import waiting
from tests.serving import Notes


def test_a_long_pause_is_told_in_the_tasks_log_and_a_short_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(waiting.time, "sleep", slept.append)
    notes = Notes()
    before = log.of_task.set(cast(Any, notes))
    try:
        waiting.pause(0.5, "GET rg/endpoint", 429)
        waiting.pause(30.0, "GET rg/endpoint", 429)
    finally:
        log.of_task.reset(before)
    waiting.pause(30.0, "GET rg/endpoint", 429)
    assert slept == [0.5, 30.0, 30.0]
    assert notes.notes == ["GET rg/endpoint: 429; asked again in 30 s"]
