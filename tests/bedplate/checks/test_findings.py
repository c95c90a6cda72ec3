"""What a finding is called: its code travels with the mistake that it was made of."""

from __future__ import annotations

import re
from pathlib import Path

import bedplate
from bedplate.checks.codes import CODES
from bedplate.checks.finding import of_mistake
from bedplate.errors import Mistake

CODE = re.compile(r'code="(\w+)"')


def test_a_mistake_keeps_its_own_code_whatever_its_words() -> None:
    assert of_mistake(Mistake("Dockerfile", 1, 1, "words", code="MissingSource"), "Dockerfile").code == "MissingSource"


def test_a_mistake_without_a_code_is_one_of_the_file_that_it_stands_in() -> None:
    assert of_mistake(Mistake("Dockerfile", 1, 1, "there is no x in the context"), "Dockerfile").code == (
        "DockerfileMistake"
    )
    assert of_mistake(Mistake("requirements.txt", 1, 1, "there is no file x"), "Dockerfile").code == "SpecMistake"


def test_every_code_that_a_mistake_is_given_is_explained() -> None:
    root = Path(bedplate.__file__).parent
    sources = [*root.glob("context/*.py"), *root.glob("dockerfile/*.py"), *root.glob("*.py")]
    given = {found[1] for path in sources for found in CODE.finditer(path.read_text(encoding="utf-8"))}
    assert {"CopyIgnoredFile", "MissingSource", "MissingFile", "NothingMatches", "UnknownSource"} <= given
    assert given <= set(CODES)
