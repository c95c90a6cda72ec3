"""How the stand-in reads a task: it must refuse what ACR Tasks would refuse, or take for something else."""

from __future__ import annotations

import base64
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.azure.standin import task_file
from tests.azure.standin.task_file import TaskRefused

BUILD = 'steps: [{build: "%s"}]'


def task(text: str, **values: str) -> dict[str, Any]:
    sent = [{"name": name, "value": value} for name, value in values.items()]
    return {"encodedTaskContent": base64.b64encode(text.encode()).decode(), "values": sent}


def test_templates_come_before_yaml_and_yaml_before_words() -> None:
    text = "version: v1.0.0\nsteps:\n- build: -t {{.Run.Registry}}/a:{{.Run.ID}} --build-arg A='{{.Values.a}}' .\n"
    (step,) = task_file.read(task(text + "  {{.Values.more}}", a="b c", more="timeout: 7"), "ca1", "r.io")
    assert step.words == ("-t", "r.io/a:ca1", "--build-arg", "A=b c", ".")
    assert step.timeout == 7 and step.id == "acb_step_0"


def test_a_step_that_says_nothing_of_its_time_has_ten_minutes() -> None:
    first, second = task_file.read(task("stepTimeout: 9\nsteps: [{build: .}, {push: [a], timeout: 8}]"), "r", "a")
    assert (first.timeout, second.timeout) == (9, 8)
    assert task_file.read(task(BUILD % "."), "r", "a")[0].timeout == 600


def test_the_environment_of_a_task_is_that_of_each_step() -> None:
    (step,) = task_file.read(task('env: ["A=1", "B=1"]\nsteps: [{build: ., env: ["B=2"]}]'), "r", "a")
    assert step.environ == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [", "failed to deserialize"),
        ("version: v9\nsteps: [{build: .}]", "invalid version"),
        ("steps: []", "no steps"),
        ("steps: [{bild: .}]", "cannot unmarshal"),
        ("steps: [{build: ., push: [a]}]", "single build, cmd, or push"),
        ("steps: [{build: {{ .Values.x | nonsense }}}]", "failed to parse template"),
        ("steps: [{build: '{{'}]", "unclosed action"),
        ('steps: [{build: ., env: ["A"]}]', "cannot parse step environment variable"),
        ('steps: [{build: ., env: ["A=b c"]}]', "a shell would not read variable A"),
        ('steps: [{build: ., env: ["A=$b"]}]', r"a shell would read \$"),
        (BUILD % "--build-arg A=$b .", r"a shell would read \$"),
        (BUILD % "--build-arg A=b; .", "a shell would read ;"),
        (BUILD % "--build-arg 'A=b .", "a quote is left open"),
        (BUILD % "-t a --build-arg 'A=x -t b' .", "failed to scan dependencies"),
    ],
)
def test_a_task_that_would_fail_or_mean_something_else_is_refused(text: str, said: str) -> None:
    with pytest.raises(TaskRefused, match=said):
        task_file.read(task(text), "ca1", "a")


def test_what_is_no_base64_is_refused() -> None:
    with pytest.raises(TaskRefused, match="failed to decode"):
        task_file.read({"encodedTaskContent": "steps: []"}, "ca1", "a")


@given(st.text(st.sampled_from("ab '\"\\ \t-="), max_size=12))
def test_the_words_of_a_shell_are_those_of_the_shell_of_this_machine(text: str) -> None:
    try:
        words = task_file.by_shell(text)
    except TaskRefused:
        return
    script = 'eval "set -- $0"; for one; do printf "%s\\0" "$one"; done'
    said = subprocess.run(["/bin/sh", "-c", script, text], capture_output=True, text=True, check=True).stdout
    assert words == said.split("\0")[:-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc\r\nd", ["a", "b", "c", "d"]),
        ("'a b'\"c d\"e ''", ["a bc de", ""]),
        (r"a\ b \' \" \\ \n", ["a b", "'", '"', r"\\", r"\n"]),
        (r'"a\"b" "c\\d" "e\f"', ['a"b', r"c\\d", r"e\f"]),
        (r"'a\' $HOME `id` ; |", ["a\\", "$HOME", "`id`", ";", "|"]),
    ],
)
def test_the_words_of_the_program_itself_know_quotes_and_no_shell(text: str, words: list[str]) -> None:
    assert task_file.by_itself(text) == words
