"""What takes a finding back, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bedplate.checks import dockerfile, excuses
from bedplate.checks.excuses import Directive
from bedplate.checks.finding import Finding
from bedplate.dockerfile import reader as dockerfile_reader


def findings(text: str) -> list[Finding]:
    read = dockerfile_reader.parse(text, "Dockerfile")
    found = dockerfile.find(read, {}, "linux/amd64", read.instructions)
    return [f for f in found if not excuses.excused(f, read.source)] + list(excuses.bad("Dockerfile", read.source))


def codes(text: str) -> list[str]:
    return [f.code for f in findings(text)]


def test_an_excuse_above_an_instruction_covers_all_of_its_lines() -> None:
    text = "FROM a:1\n# bedplate: ignore=UnpinnedPip why\n# more words\nRUN true \\\n && pip install \\\n    numpy\n"
    assert codes(text) == []


def test_an_excuse_within_an_instruction_covers_the_line_below_only() -> None:
    text = (
        "FROM a:1\nRUN apt-get install \\\n    # bedplate: ignore=UnpinnedApt why\n    git && pip install \\\n  numpy\n"
    )
    assert codes(text) == ["UnpinnedPip"]


def test_an_excuse_excuses_only_its_codes() -> None:
    run = "RUN pip install a; apt-get install bb; conda install c\n"
    assert codes("FROM a:1\n# bedplate: ignore=UnpinnedPip,UnpinnedApt why\n" + run) == ["UnpinnedConda"]


def test_an_excuse_does_not_reach_the_next_instruction() -> None:
    text = "FROM a:1\n# bedplate: ignore=UnpinnedPip why\nRUN true\nRUN pip install numpy\n"
    assert codes(text) == ["UnpinnedPip"]


def test_an_unknown_code_and_a_missing_reason_are_told() -> None:
    unknown = "# bedplate: ignore=UnpinedPip why\nRUN pip install a\n"
    found = findings(f"FROM a:1\n{unknown}# bedplate: ignore=UnpinnedPip\nRUN pip install b\n")
    assert sorted(f.code for f in found) == ["BadIgnore", "BadIgnore", "UnpinnedPip", "UnpinnedPip"]
    assert "did you mean 'UnpinnedPip'?" in {f.mistake.hint for f in found}


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("skip=JSONArgsRecommended", {"StageNameCasing": "warning"}),
        ("skip=jsonargsrecommended, StageNameCasing", {}),
        ("skip=all", {}),
        ("error=true", {"JSONArgsRecommended": "error", "StageNameCasing": "error"}),
        ("skip=StageNameCasing;error=true", {"JSONArgsRecommended": "error"}),
        ("nonsense", {"JSONArgsRecommended": "warning", "StageNameCasing": "warning"}),
    ],
)
def test_dockers_directive_is_honoured(directive: str, expected: dict[str, str]) -> None:
    found = findings(f"# check={directive}\nFROM a:1 AS Train\nCMD python x.py\n")
    assert {f.code: f.weight for f in found} == expected


def test_dockers_directive_does_not_speak_of_our_own_checks() -> None:
    assert codes("# check=skip=all;error=true\nFROM a:1\nRUN pip install numpy\n") == ["UnpinnedPip"]


def test_an_experimental_check_is_asked_for() -> None:
    text = "FROM a:1\n\n# words\nARG X=1\n"
    assert codes(text) == []
    assert codes("# check=experimental=all\n" + text) == ["InvalidDefinitionDescription"]


def test_parts_of_a_directive_are_read() -> None:
    parsed = Directive.parse("skip=A,B; error=True;experimental=all")
    assert parsed == Directive(frozenset({"a", "b"}), frozenset({"all"}), True)


def test_a_finding_says_where_what_and_how_to_mend_it() -> None:
    (finding,) = findings("FROM a:1\nRUN pip install numpy\n")
    assert str(finding) == (
        "Dockerfile:2:17: pip install without a version: numpy [UnpinnedPip]\n"
        "    RUN pip install numpy\n                    ^\n"
        "  hint: write NAME==VERSION, or -r a file that `pip freeze` or `pip-compile` wrote"
    )
    assert Path(finding.mistake.file).name == "Dockerfile"
