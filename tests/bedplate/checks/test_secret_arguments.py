"""Secrets that reach a build as arguments: where the image keeps them, and where not."""

from __future__ import annotations

import pytest

from bedplate.checks import secret_arguments
from bedplate.dockerfile import reader


def lines(text: str, target: str | None = None) -> list[int]:
    dockerfile = reader.parse(text, "Dockerfile")
    return [found.mistake.line for found in secret_arguments.find(dockerfile, target, {"PIP_INDEX": object()})]


def test_a_run_after_the_argument_keeps_its_value_even_where_it_does_not_use_it() -> None:
    assert lines("FROM debian\nRUN one\nARG PIP_INDEX\nRUN two\n") == [3]


def test_an_argument_after_the_last_run_is_in_no_history() -> None:
    assert lines("FROM debian\nRUN one\nARG PIP_INDEX\nCOPY a /a\n") == []


@pytest.mark.parametrize("keeper", ["ENV A=$PIP_INDEX", "LABEL a=${PIP_INDEX:-x}", "WORKDIR /$PIP_INDEX"])
def test_words_that_are_expanded_keep_it(keeper: str) -> None:
    assert lines(f"FROM debian\nARG PIP_INDEX\n{keeper}\n") == [2]


def test_a_stage_that_is_only_copied_from_keeps_nothing_in_the_image() -> None:
    text = "FROM debian AS wheels\nARG PIP_INDEX\nRUN pip wheel x\nFROM debian\nCOPY --from=wheels /w /w\nRUN one\n"
    assert lines(text) == []
    assert lines(text, target="wheels") == [2]


def test_a_stage_that_the_image_stands_on_does() -> None:
    assert lines("FROM debian AS base\nARG PIP_INDEX\nRUN one\nFROM Base\nCOPY a /a\n") == [2]


def test_an_argument_before_the_first_from_reaches_no_run() -> None:
    assert lines("ARG PIP_INDEX\nFROM debian\nRUN one\n") == []


def test_the_message_says_which_instruction_and_the_hint_how_to_mend_it() -> None:
    dockerfile = reader.parse("FROM debian\nARG PIP_INDEX\nRUN one\n", "images/a/Dockerfile")
    (found,) = secret_arguments.find(dockerfile, None, {"PIP_INDEX"})
    assert "the RUN of line 3 leaves its value" in found.mistake.message
    assert "id=PIP_INDEX" in found.mistake.hint and found.code == "SecretsUsedInArgOrEnv"
