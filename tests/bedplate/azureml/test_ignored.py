"""What .amlignore and .gitignore leave out, decided as pathspec decides it for azure-ai-ml."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bedplate.azureml import ignored
from tests.oracles import judge

PATTERNS = (
    ("*.log", "!keep.log"),
    ("drafts/",),
    ("/drafts",),
    ("a/b",),
    ("/a/*.py",),
    ("**/x.py",),
    ("a/**",),
    ("a/**/x.py",),
    ("**",),
    ("data?.csv", "[ab].txt", "[!ab].md", "\\!bang", "\\#hash", "# a comment", "", "  "),
    ("*", "!*.py"),
    ("a", "!a/x.py"),
    ("x.py/",),
    ("!x.py",),
    ("sp ace.txt", "trailing.txt   "),
    ("a\\*b",),
)
PATHS = (
    *("x.py", "a/x.py", "a/b/x.py", "a/b", "a", "run.log", "keep.log", "a/run.log", "drafts/a.py", "a/drafts/b.py"),
    *("data1.csv", "data12.csv", "a.txt", "c.txt", "c.md", "a.md", "!bang", "#hash", "sp ace.txt", "trailing.txt"),
    *("a*b", "axb", ".hidden", "a/.hidden", "drafts"),
)
PROGRAM = """
import json, sys
from pathspec import PathSpec
patterns, paths = json.load(sys.stdin)
specs = [PathSpec.from_lines("gitwildmatch", some) for some in patterns]
print(json.dumps([[path for path in paths if spec.match_file(path)] for spec in specs]))
"""


@pytest.mark.judges
def test_paths_are_left_out_as_pathspec_leaves_them_out() -> None:
    asked = json.dumps([PATTERNS, PATHS])
    ran = subprocess.run(
        [judge.python(*judge.V1), "-c", PROGRAM], input=asked, capture_output=True, text=True, check=True
    )
    ours = [[path for path in PATHS if ignored.matcher("\n".join(some))(path)] for some in PATTERNS]
    for patterns, one, other in zip(PATTERNS, ours, json.loads(ran.stdout), strict=True):
        assert one == other, patterns


def test_the_file_of_azure_ml_counts_before_that_of_git(tmp_path: Path) -> None:
    assert not ignored.in_folder(tmp_path)("a.py")
    (tmp_path / ".gitignore").write_text("*.py\n", encoding="utf-8")
    assert ignored.in_folder(tmp_path)("a.py")
    (tmp_path / ".amlignore").write_text("*.txt\n", encoding="utf-8")
    assert not ignored.in_folder(tmp_path)("a.py") and ignored.in_folder(tmp_path)("b.txt")
