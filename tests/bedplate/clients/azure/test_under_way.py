"""What becomes of what Azure does for a run when that is interrupted."""

from __future__ import annotations

import threading

import pytest

from bedplate.clients.azure import under_way as azure_under_way
from bedplate.clients.azure.under_way import UnderWay
from bedplate.errors import StepError


def refused() -> None:
    raise StepError("403 AuthorizationFailed", "a hint")


def test_what_goes_on_is_told_with_the_command_that_shows_it() -> None:
    under_way = UnderWay()
    with under_way.going_on("creating endpoint iris", "az show"), under_way.going_on("v-1", does="serves on"):
        said = list(under_way.interrupted())
    assert said == ["goes on in Azure: creating endpoint iris\n  shown by: `az show`", "serves on in Azure: v-1"]
    assert under_way.goes_on() == []


def test_all_runs_are_cancelled_and_what_is_not_is_told_with_the_command_that_does_it() -> None:
    under_way, cancelled = UnderWay(), threading.Event()
    with under_way.cancelling("run 1", cancelled.set, "az 1"), under_way.cancelling("run 2", refused, "az 2"):
        said = list(under_way.interrupted())
    assert cancelled.is_set()
    assert said == [
        "cancelled in Azure: run 1",
        "not cancelled in Azure: run 2: 403 AuthorizationFailed\n  cancelled by: `az 2`",
    ]


def test_one_that_does_not_answer_holds_up_no_other_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_under_way, "SILENT_S", 0.2)
    monkeypatch.setattr(azure_under_way, "CANCELLED_WITHIN_S", 0.3)
    under_way, cancelled, answer = UnderWay(), threading.Event(), threading.Event()
    with under_way.cancelling("run 1", lambda: bool(answer.wait(60)), "az 1"):
        with under_way.cancelling("run 2", cancelled.set, "az 2"):
            said = list(under_way.interrupted())
        answer.set()
    assert said == [
        "cancelling in Azure: run 1, run 2; Ctrl-C again does not wait for it",
        "not cancelled in Azure: run 1: no answer\n  cancelled by: `az 1`",
        "cancelled in Azure: run 2",
    ]


def test_what_is_just_beginning_is_waited_for_and_cancelled() -> None:
    under_way, asked, cancelled = UnderWay(), threading.Event(), threading.Event()

    def begin() -> None:
        with under_way.beginning("a build", "az list") as begun:
            asked.set()
            threading.Event().wait(0.2)
            under_way.go_no_further_if_over()  # this request is let through: its answer says what to cancel
            begun("run 1", cancelled.set, "az 1")

    threading.Thread(target=begin, daemon=True).start()
    assert asked.wait(30)
    assert list(under_way.interrupted()) == ["cancelled in Azure: run 1"]
    assert cancelled.is_set()


def test_what_may_have_begun_is_told_where_no_answer_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_under_way, "SILENT_S", 0.1)
    monkeypatch.setattr(azure_under_way, "BEGUN_WITHIN_S", 0.1)
    under_way = UnderWay()
    with under_way.beginning("a build", "az list"):
        assert list(under_way.interrupted()) == [
            "waiting for Azure's answer, to cancel a build; Ctrl-C again does not wait for it",
            "may have begun in Azure: a build\n  shown by: `az list`",
        ]


def test_the_threads_of_an_interrupted_run_change_nothing_any_more() -> None:
    under_way, changed = UnderWay(), threading.Event()
    list(under_way.interrupted())

    def change() -> None:
        under_way.go_no_further_if_over()
        changed.set()

    threading.Thread(target=change, daemon=True).start()
    assert not changed.wait(0.5)


def test_what_raises_cancels_its_run() -> None:
    under_way, cancelled = UnderWay(), threading.Event()
    with pytest.raises(StepError, match="too long"), under_way.cancelling("run 1", cancelled.set, "az 1"):
        raise StepError("too long")
    assert cancelled.is_set()
    assert list(under_way.interrupted()) == []


def test_ctrl_c_in_the_tasks_own_thread_is_told_all_the_same() -> None:
    under_way, cancelled = UnderWay(), threading.Event()
    with pytest.raises(KeyboardInterrupt), under_way.cancelling("run 1", cancelled.set, "az 1"):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), under_way.going_on("creating endpoint iris", "az show"):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), under_way.beginning("a build", "az list"):
        raise KeyboardInterrupt
    assert list(under_way.interrupted()) == [
        "cancelled in Azure: run 1",
        "goes on in Azure: creating endpoint iris\n  shown by: `az show`",
        "may have begun in Azure: a build\n  shown by: `az list`",
    ]
    assert cancelled.is_set()
