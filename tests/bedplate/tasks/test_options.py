"""options: a wrong option, and a wrong value of one, are refused in the words of whoever typed it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch import Scratch


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    made = Scratch(tmp_path_factory.mktemp("options"), "base: {context: images/base}", "127.0.0.1:1")
    made.write({"images/base/Dockerfile": "FROM scratch\n"})
    return made


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ("-n x", "option -n: 'x' is no whole number", "`doit help run` lists the options"),
        ("run -n -3", "option -n: -3 is no number of tasks to run at a time", "0 or more"),
        ("run -v loud", "option -v: 'loud' is no whole number", "`doit help run` lists the options"),
        ("run -r consle", "option -r: 'consle' is none of 'console'", "did you mean 'console'?"),
        ("--tardet local", "option --tardet not recognized", "did you mean '--target'?"),
        ("plan --jsn", "option --jsn not recognized", "did you mean '--json'?"),
        ("lock --chek", "option --chek not recognized", "did you mean '--check'?"),
        ("outdated --x", "option --x not recognized", "`doit help outdated` lists the options"),
        ("check --ofline", "option --ofline not recognized", "did you mean '--offline'?"),
        ("inputs --jason base", "option --jason not recognized", "did you mean '--json'?"),
        ("pln", "there is no task 'pln' for target 'local'", "did you mean 'plan'?"),
        ("run pln", "there is no task 'pln' for target 'local'", "`doit list --all` shows the tasks"),
    ],
)
def test_it_is_told_in_a_line_and_a_hint(project: Scratch, words: str, said: str, hint: str) -> None:
    assert project.doit(*words.split()) == 3
    lines = project.output.strip().splitlines()
    assert said in lines[0]
    assert lines[1:] == [f"  hint: {hint}"]


def test_options_that_are_right_do_what_they_say(project: Scratch, tmp_path: Path) -> None:
    assert project.doit("inputs", "--json", "base") == 0
    assert '"task": "build_base:base"' in project.output
    assert project.doit("lock", "--check") == 0
    assert "all locked" in project.output
