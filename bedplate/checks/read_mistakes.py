"""read_mistakes: the codes of what reading a Dockerfile, its context or the spec has found wrong."""

from __future__ import annotations

import re

from bedplate.checks.finding import Finding
from bedplate.errors import Mistake

# in this order; the words are those of context_sources, dockerfile_takes and context
_CODES = (
    (re.compile(r"is in the context, but .* takes it out"), "CopyIgnoredFile"),
    (re.compile(r"in the context$|which is not in the context"), "MissingSource"),
    (re.compile(r"^there is no such file$|build context is not there|is not there$|there is no file "), "MissingFile"),
)
_WARNINGS = (
    (re.compile(r"is not part of the fingerprint"), "UnpinnedDownload"),
    (re.compile(r"has no value here: if the parent image"), "UnknownSource"),
    (re.compile(r"^nothing in the context matches"), "NothingMatches"),
)


def of_error(mistake: Mistake, dockerfile: str) -> Finding:
    """`dockerfile`: the path of the one that was read; a mistake elsewhere is one of the spec or of its files."""
    other = "DockerfileMistake" if mistake.file == dockerfile else "SpecMistake"
    return Finding(next((code for words, code in _CODES if words.search(mistake.message)), other), mistake)


def of_warning(mistake: Mistake) -> Finding:
    code = next((code for words, code in _WARNINGS if words.search(mistake.message)), "UnknownSource")
    return Finding(code, mistake)
