"""What a run writes, on a terminal and elsewhere."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from bedplate import hidden
from bedplate.tasks.console import Console, complain, plain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_build_neither_clears_the_terminal_nor_colours_what_follows(tmp_path: Path) -> None:
    out = io.StringIO()
    with Console(out).task("build_base:one", tmp_path / "log") as log:
        log.line("\x1b[2J\x1b]0;title\x07\x1b[31mred\tand \x1b(Bblue\x07\x9b")
    assert out.getvalue() == "build_base:one | red\tand blue\ufffd\ufffd\n"
    assert (tmp_path / "log").read_text(encoding="utf-8") == "red\tand blue\ufffd\ufffd\n"


def test_what_a_task_goes_on_to_say_after_ctrl_c_goes_to_its_log_alone(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(out)
    with console.task("deploy:iris", tmp_path / "log") as log:
        console.interrupted = True
        for say in (log.line, log.note):
            of_a_task = threading.Thread(target=say, args=("Step 2/3",), daemon=True)
            of_a_task.start()
            of_a_task.join()
        log.note("the port is just changing hands: this is finished first")
    assert out.getvalue() == "deploy:iris  the port is just changing hands: this is finished first\n"
    assert (tmp_path / "log").read_text(encoding="utf-8").startswith("Step 2/3\n")


def test_the_display_is_safe_from_what_a_build_writes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    out = Terminal()
    console = Console(out)
    with console.task("build_base:one", tmp_path / "log") as log:
        log.line("a\x1b[5;5Hb")
    console.close()
    assert "build_base:one | ab" in out.getvalue()


def test_a_reader_that_has_gone_does_not_end_the_run() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as out:
        console = Console(out)
        console.say("one")
        console.say("two")


@pytest.mark.parametrize("text", ["plain", "tab\tand\nline", "Grüße [1] 你好"])
def test_ordinary_text_is_kept_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_on_a_narrow_terminal_the_display_keeps_the_task_its_time_and_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("CI", raising=False)
    out = Terminal()
    console = Console(out)
    with console.task("create_environment:iris", tmp_path / "log") as log:
        log.progress("pushing 127.0.0.1:5000/iris/environments/iris:fp-0123456789abcdef", 45, 100)
        console._live.refresh()
    console.close()
    assert "create_environment:iris 0 s 45% pushing 127.0.0.1" in out.getvalue()


def test_what_nobody_can_measure_is_shown_without_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    console = Console(Terminal())
    with console.task("deploy:iris", tmp_path / "log") as log:
        log.progress("endpoint iris: InProgress", 1.00335, None)
        shown = log.running.how_far
    console.close()
    assert shown == "endpoint iris: InProgress"


def test_the_display_is_drawn_while_another_thread_is_about_to_say_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each held one lock and waited for the other's: the run stood still, and Ctrl-C could not end it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    console = Console(Terminal())
    with console.task("build_base:one", tmp_path / "log"):
        drawing = threading.Thread(target=console._live.refresh, daemon=True)
        with console._lock:  # as `say` holds it when it hands its line to rich
            drawing.start()
            drawing.join(20)
            drawn = not drawing.is_alive()
        drawing.join()
    console.close()
    assert drawn


def test_a_question_is_seen_on_a_terminal_whose_display_is_taken_away_until_the_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    out = Terminal()
    console = Console(out)
    seen: list[str] = []

    class Typing(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            assert console._live is None
            seen.append(out.getvalue())
            return "y\n"

    monkeypatch.setattr("sys.stdin", Typing())
    with console.task("deploy:iris", tmp_path / "log") as log:
        assert log.ask("move all traffic? [y/N] ") == "y"
        assert console._live is not None
    console.close()
    assert seen[0].endswith("move all traffic? [y/N] ")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "move all traffic? [y/N] y\n"


def test_a_complaint_has_no_secret_and_no_escape(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2222@proxy.example:3128")
    hidden.learn("s3cret-token")
    complain("\x1b[2Jno answer by http://me:hunter2222@proxy.example:3128\n  hint: s3cret-token")
    assert capsys.readouterr().err == "no answer by http://***@proxy.example:3128\n  hint: ***\n"
