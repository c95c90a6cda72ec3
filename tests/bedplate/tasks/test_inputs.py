"""doit inputs: the files, arguments and digests of an image, for people and as JSON that fits its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scratch import Scratch

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/inputs.schema.json").read_text(encoding="utf-8"))
PLAN = json.loads((Path(__file__).parents[3] / "schemas/plan.schema.json").read_text(encoding="utf-8"))
DIGEST = "sha256:" + "1" * 64
LOCK = (
    'version: 1\nimages:\n  "example.org/up:1":\n'
    f'    linux/amd64: {{digest: "{DIGEST}", taken: "2026-01-02T12:00:00Z"}}\n'
)
IMAGES = """\
os: {rootfs: {suite: bookworm, packages: [python3]}}
a: {context: a, from: {BASE: os}, args: {USED: '1', IDLE: '2'}, platform: linux/amd64}
r: {reference: 'example.org/up:1', platform: linux/amd64}
"""
ENVIRONMENTS = "environments:\n  a: {image: a, pip: needs.txt}\n  other: {image: a, pip: needs.txt}\n"


@pytest.fixture
def project(tmp_path: Path) -> Scratch:
    made = Scratch(tmp_path, IMAGES, "127.0.0.1:9")
    made.spec(IMAGES, ENVIRONMENTS)
    made.write(
        {
            "pipeline.lock": LOCK,
            "needs.txt": "numpy\n",
            "a/Dockerfile": "ARG BASE\nFROM example.org/up:1 AS up\nFROM $BASE\nARG USED\n"
            "COPY --from=up /x /x\nCOPY src/ bin /app/\nRUN echo $USED\n",
            "a/.dockerignore": "**/*.pyc\nnotes\n",
            "a/src/app.py": "app\n",
            "a/src/app.pyc": "no",
            "a/notes/today": "no",
            "a/beside": "not taken",
            "a/bin": "#!/bin/sh\n",
        }
    )
    (made.root / "a/bin").chmod(0o755)
    return made


def inputs(project: Scratch, name: str) -> dict[str, Any]:
    assert project.doit("inputs", "--json", name) == 0, project.output
    made: dict[str, Any] = json.loads(project.output)
    jsonschema.validate(made, SCHEMA)
    return made


def test_an_image_is_its_files_arguments_and_parents(project: Scratch) -> None:
    made = inputs(project, "a")
    sizes = {file["path"]: (file["size"], file["mode"]) for file in made["files"] if file["kind"] == "file"}
    assert sizes == {"a/bin": (10, "755"), "a/src/app.py": (4, "644")}
    assert made["ignore_file"] == "a/.dockerignore"
    assert {i["path"]: i["pattern"] for i in made["ignored"]} == {"notes": "notes", "src/app.pyc": "**/*.pyc"}
    assert {a["name"]: (a["value"], a["used"]) for a in made["arguments"]} == {
        "BASE": ("image os", True),
        "USED": ("1", True),
        "IDLE": ("2", False),
    }
    assert made["parents"] == [
        {
            "reference": "example.org/up:1",
            "platform": "linux/amd64",
            "digest": DIGEST,
            "file": "a/Dockerfile",
            "line": 2,
        }
    ]
    assert made["images"] == [{"image": "os", "fingerprint": inputs(project, "os")["fingerprint"]}]
    assert made["tag"] == f"fp-{made['fingerprint'][:16]}"


def test_what_is_shown_is_what_the_fingerprint_is_made_of(project: Scratch) -> None:
    first = inputs(project, "a")["fingerprint"]
    project.write({"a/beside": "changed", "a/notes/today": "changed", "a/src/app.pyc": "changed"})
    assert inputs(project, "a")["fingerprint"] == first
    project.write({"a/src/app.py": "changed"})
    assert inputs(project, "a")["fingerprint"] != first


def test_people_get_lines(project: Scratch) -> None:
    assert project.doit("inputs", "a") == 0
    for line in (
        "build_base:a",
        "files: 2, 14 B",
        "       10 B  a/bin  (executable)",
        "left out by a/.dockerignore:",
        "  notes  (notes)",
        "  IDLE=2  (not used)",
        f"  example.org/up:1 (linux/amd64)  {DIGEST[:19]}",
    ):
        assert line in project.output.splitlines(), project.output


def test_a_reference_image_is_the_digest_it_stands_for(project: Scratch) -> None:
    made = inputs(project, "r")
    assert [parent["digest"] for parent in made["parents"]] == [DIGEST]
    assert made["files"] == []


def test_only_the_image_and_what_it_stands_on_need_a_digest(project: Scratch) -> None:
    """The registry of the others need not answer, and their Dockerfiles may be wrong."""
    project.spec(f"{IMAGES}far: {{reference: '127.0.0.1:9/far:1'}}\nwrong: {{context: wrong}}\n", ENVIRONMENTS)
    project.write({"wrong/Dockerfile": "FROM 127.0.0.1:9/further:1\nCOPY nothing /\n"})
    assert inputs(project, "a")["fingerprint"]
    assert [image["image"] for image in inputs(project, "other")["images"]] == ["a"]
    assert project.doit("inputs", "far") == 1
    assert "127.0.0.1:9" in project.output
    assert project.doit("inputs", "wrong") == 3
    assert "there is no nothing in the context" in project.output


def test_what_a_build_fetches_is_named_by_inputs_and_plan(project: Scratch) -> None:
    project.write(
        {
            "a/Dockerfile": "ARG BASE\nFROM $BASE\nARG HOST=example.org\n"
            "ADD https://$HOST/model.bin /\n"
            "ADD https://github.com/example/code.git#main /code\n"
            f"ADD --checksum=sha256:{'2' * 64} https://example.org/held /\n"
            f"ADD https://github.com/example/code.git#{'3' * 40} /held\n"
            "# bedplate: ignore=UnpinnedDownload the newest list is wanted\n"
            "ADD https://example.org/excused /\n"
        }
    )
    model = {
        "file": "a/Dockerfile",
        "line": 4,
        "column": 5,
        "message": "what stands at https://example.org/model.bin is not part of the fingerprint: a change there is not "
        "noticed",
    }
    made = inputs(project, "a")["not_hashed"]
    assert made[0] == {**model, "column": made[0]["column"]} and [m["line"] for m in made] == [4, 5, 9]
    assert inputs(project, "r")["not_hashed"] == []
    assert project.doit("inputs", "a") == 0
    assert f"not hashed:\n  a/Dockerfile:4:{made[0]['column']}: {model['message']}\n" in project.output
    assert project.doit("plan", "--json", "a") == 2
    plan = json.loads(project.output)
    jsonschema.validate(plan, PLAN)
    assert plan["not_hashed"] == made
    assert project.doit("plan", "a") == 2
    assert f"warning: a/Dockerfile:4:{made[0]['column']}: {model['message']} [UnpinnedDownload]" in project.output
    assert "excused" not in project.output and "/held" not in project.output


def test_an_environment_is_named_alone_or_by_its_task_where_an_image_has_its_name(project: Scratch) -> None:
    assert inputs(project, "a")["task"] == "build_base:a"
    assert inputs(project, "create_environment:a")["task"] == "create_environment:a"
    made = inputs(project, "other")
    assert made["task"] == "create_environment:other"
    assert [file["path"] for file in made["files"]] == ["needs.txt"]
    assert [image["image"] for image in made["images"]] == ["a"]


def test_what_is_none_is_refused_with_what_was_meant(project: Scratch) -> None:
    assert project.doit("inputs", "othr") == 3
    assert "there is no image or environment 'othr'" in project.output and "did you mean 'other'?" in project.output
    assert project.doit("inputs") == 3
    assert "inputs takes one image" in project.output
    assert project.doit("inputs", "--jsno", "a") == 3
    assert "did you mean '--json'?" in project.output


def test_the_lines_that_doit_init_shows_are_those_of_the_project() -> None:
    from bedplate.tasks import LINES

    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    ours = text[text.index("[tool.doit]") :].split("\n[tool.", 2)[0].split()
    assert LINES.split() == ours
