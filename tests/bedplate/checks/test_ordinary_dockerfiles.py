"""Fifty Dockerfiles as machine learning projects have them: each finding was looked at, and no other comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate.checks import dockerfile, excuses, image_pins
from bedplate.checks.finding import Finding, ordered
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.dockerfile import stages as dockerfile_stages
from bedplate.pins import Reference

FOLDER = Path(__file__).parent / "dockerfiles"
GOLDEN = FOLDER / "findings.txt"
FILES = sorted(FOLDER.glob("*.Dockerfile"))
CONTEXT = {  # what the context of each of them holds, as far as a check reads it
    "requirements.txt": "numpy==2.0.0\npandas==2.2.2 ; python_version > '3.8'\n",
    "environment.yml": "dependencies:\n  - python=3.11\n  - numpy=1.26.4\n  - pip\n  - pip:\n    - mlflow==2.14\n",
}
CONTEXT["env.yaml"] = CONTEXT["environment.yml"]


def findings(path: Path) -> list[Finding]:
    read = dockerfile_reader.parse(path.read_bytes(), path.name)
    needed = dockerfile_stages.needed(read, None, {}, "linux/amd64")
    found = dockerfile.find(read, {}, "linux/amd64", needed.instructions, in_context)
    missing = [
        (Reference(p.reference, p.platform, path.name, p.line, p.column), "")
        for p in needed.parents
        if "@" not in p.reference
    ]
    found += image_pins.find(missing)
    return ordered([f for f in found if not excuses.excused(f, read.source)])


def in_context(name: str) -> tuple[str, str] | None:
    base = name.rpartition("/")[2]
    return (base, CONTEXT[base]) if base in CONTEXT else None


def lines() -> Iterator[str]:
    for path in FILES:
        yield f"{path.stem}:"
        for f in sorted(findings(path), key=lambda f: (f.mistake.line, f.mistake.column, f.code)):
            if f.code != "UnpinnedImage":  # every one of them, until `doit lock` has run
                yield f"  {f.mistake.line}:{f.mistake.column} {f.code}: {f.mistake.message}"


def test_there_are_fifty() -> None:
    assert len(FILES) == 50


def test_each_gives_the_findings_that_were_looked_at(request: pytest.FixtureRequest) -> None:
    text = "\n".join(lines()) + "\n"
    if request.config.getoption("--update-findings", default=False):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_public_image_is_pinned_by_its_digest_alone(path: Path) -> None:
    found = [f for f in findings(path) if f.code in ("UnpinnedImage", "LatestTag")]
    assert bool(found) == ("@sha256:" not in path.read_text(encoding="utf-8"))
