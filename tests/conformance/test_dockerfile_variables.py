"""BuildKit's own table of variable expansions, where the conformance data is at hand; a few of its rows always."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bedplate.dockerfile.words import expand

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "dockerfile-variables" / "cases.json"
FEW: list[dict[str, Any]] = [
    {"id": "default", "input": "${A:-${B:-c}}x", "env": {}, "expect": "cx"},
    {"id": "quotes", "input": "\"$A\"'$A'\\$A", "env": {"A": "1"}, "expect": "1$A$A"},
    {"id": "open", "input": "${A", "env": {}, "expect": None, "expect_error": True},
    {"id": "prefix", "input": "${A#*x}", "env": {"A": "axbxc"}, "expect": "bxc"},
    {"id": "suffix", "input": "${A%%x*}", "env": {"A": "axbxc"}, "expect": "a"},
    {"id": "words", "kind": "words", "input": "a$B", "env": {"B": "b  c"}, "expect": ["ab", "c"]},
]
CASES = [*FEW, *(json.loads(DATA.read_text("utf-8"))["cases"] if DATA.exists() else [])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_word_is_expanded_as_buildkit_expands_it(case: dict[str, Any]) -> None:
    if case.get("expect_error"):
        with pytest.raises(ValueError):  # each mistake has its own words
            expand(case["input"], case["env"])
        return
    found = expand(case["input"], case["env"])
    if case.get("kind") == "words":
        assert list(found.words) == case["expect"]
    else:
        assert found.text == case["expect"]
    if "matched" in case:
        assert sorted(found.used) == case["matched"]
        assert sorted(found.unset) == case["unmatched"]


def test_the_whole_table_was_there() -> None:
    if not DATA.exists():
        pytest.skip("the conformance data is not at hand: only the few cases of this file ran")
    assert len(CASES) == len(FEW) + 305
