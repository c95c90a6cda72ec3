"""Docker's own table of `.dockerignore` patterns, where the conformance data is at hand; a few of its rows always."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bedplate import ignorefile

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "dockerignore-patterns" / "cases.json"
FEW: list[dict[str, Any]] = [
    {"id": "exception", "patterns": ["docs", "!docs/README.md"], "path": "docs/README.md", "expect_match": False},
    {"id": "parent", "patterns": ["**/dir2/**"], "path": "dir/dir2/dir3/file/", "expect_match": True},
    {"id": "one level", "patterns": ["a/*.txt"], "path": "a/dir/file.txt", "expect_match": False},
    {"id": "bad", "patterns": ["[a-b-c]"], "path": "a", "expect_match": None, "expect_error": True},
    {"id": "read", "content": "\ufeffa \n#b\n !/c/\n", "expect_patterns": ["a", "!c"]},
]
CASES = [*FEW, *(json.loads(DATA.read_text("utf-8"))["cases"] if DATA.exists() else [])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_path_is_taken_out_as_docker_takes_it_out(case: dict[str, Any]) -> None:
    if "content" in case:
        assert ignorefile.read(case["content"]) == case["expect_patterns"]
    elif case.get("expect_error"):
        with pytest.raises(ValueError, match="bad pattern"):
            ignorefile.Matcher(case["patterns"])
    else:
        assert ignorefile.Matcher(case["patterns"]).excluded(case["path"]) is case["expect_match"]


def test_the_whole_table_was_there() -> None:
    if not DATA.exists():
        pytest.skip("the conformance data is not at hand: only the few cases of this file ran")
    assert len(CASES) == len(FEW) + 140
