"""Findings as text, as JSON, and as annotations of the two services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from bedplate.checks.finding import Finding
from bedplate.errors import Mistake
from bedplate.tasks import findings_said

REPO = Path(__file__).parents[3]
DOIT = Path(sys.executable).with_name("doit")
FINDINGS = [
    Finding("PortTaken", Mistake("pipeline.yaml", 0, 0, "port 1 is held")),
    Finding("UnpinnedPip", Mistake("a,b/Docker:file", 3, 17, "100% of\nnumpy; [x]", "write it")),
    Finding("UnpinnedApt", Mistake("Dockerfile", 2, 1, "git")),
]


def test_each_severity_stands_below_its_title() -> None:
    text = findings_said.as_text(FINDINGS, None)
    titles = [line for line in text.splitlines() if line in ("errors:", "warnings:", "notes:")]
    assert titles == ["errors:", "warnings:", "notes:"]
    assert text.endswith("1 error, 1 warning, 1 note: docs/checks.md explains the codes\n")


def test_json_is_as_its_schema_says() -> None:
    schema = json.loads((REPO / "schemas" / "check.schema.json").read_text(encoding="utf-8"))
    document = json.loads(findings_said.as_json(FINDINGS, None))
    jsonschema.validate(document, schema)
    assert [f["severity"] for f in document["findings"]] == ["error", "warning", "note"]


def test_github_gets_workflow_commands() -> None:
    assert list(findings_said.for_service(FINDINGS, {"GITHUB_ACTIONS": "true"}, REPO)) == [
        "::error file=pipeline.yaml,title=PortTaken::port 1 is held",
        "::warning file=a%2Cb/Docker%3Afile,line=3,col=17,title=UnpinnedPip::100%25 of%0Anumpy; [x] (write it)",
        "::notice file=Dockerfile,line=2,col=1,title=UnpinnedApt::git",
    ]


def test_azure_pipelines_gets_logging_commands() -> None:
    assert list(findings_said.for_service(FINDINGS, {"TF_BUILD": "True"}, REPO)) == [
        "##vso[task.logissue type=error;sourcepath=pipeline.yaml;code=PortTaken;]port 1 is held",
        "##vso[task.logissue type=warning;sourcepath=a,b/Docker:file;linenumber=3;columnnumber=17;code=UnpinnedPip;]"
        "100%AZP25 of%0Anumpy; [x] (write it)",
    ]


@pytest.mark.parametrize(
    ("service", "below"), [("GITHUB_ACTIONS", "GITHUB_WORKSPACE"), ("TF_BUILD", "BUILD_SOURCESDIRECTORY")]
)
def test_paths_begin_where_the_repository_does(service: str, below: str) -> None:
    said = list(findings_said.for_service(FINDINGS, {service: "true", below: "/r"}, Path("/r/projects/one")))
    assert "=projects/one/pipeline.yaml" in said[0]
    said = list(findings_said.for_service(FINDINGS, {service: "true", below: "/elsewhere"}, Path("/r/projects/one")))
    assert "=pipeline.yaml" in said[0]


def test_without_a_session_the_first_line_is_a_title() -> None:
    assert findings_said.as_text(FINDINGS, None).startswith("errors:\n")


def test_elsewhere_nobody_gets_annotations() -> None:
    assert list(findings_said.for_service(FINDINGS, {}, REPO)) == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lines = (REPO / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(lines[lines.index("[tool.doit]") :].split("\n[tool.", 2)[0])
    (tmp_path / "dodo.py").write_text((REPO / "dodo.py").read_text(encoding="utf-8"))
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Dockerfile").write_text("FROM debian:12\nCMD python3\n")
    (tmp_path / "pipeline.yaml").write_text(
        "version: 1\nproject: said\npolicy: {pins: off}\nimages: {base: {context: image}}\n"
        "targets: {local: {registry: {kind: local, port: 29873}}}\n"
    )
    return tmp_path


def run(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environ.setdefault("DOCKER_HOST", "tcp://127.0.0.1:1")
    command = [DOIT, "check", "--offline", *words]
    given = {**os.environ, **environ}
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)


def test_a_warning_alone_is_exit_code_0(project: Path) -> None:
    ran = run(project, GITHUB_ACTIONS="true")
    assert (ran.returncode, "[JSONArgsRecommended]" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert ran.stderr.startswith("::warning file=image/Dockerfile,line=2,col=1,title=JSONArgsRecommended::")


def test_an_error_is_exit_code_1(project: Path) -> None:
    (project / "image" / "Dockerfile").write_text("FROM debian:12\nCOPY nothing /\n")
    ran = run(project, "--json", "base")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert [f["code"] for f in json.loads(ran.stdout)["findings"]] == ["MissingSource"]


def test_a_spec_that_cannot_be_used_is_exit_code_3_and_one_finding(project: Path) -> None:
    (project / "pipeline.yaml").write_text("version: 1\nproject: said\nimage: {}\n")
    ran = run(project, "--json")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert {f["code"] for f in json.loads(ran.stdout)["findings"]} == {"SpecMistake"}


def test_an_unknown_image_is_refused(project: Path) -> None:
    ran = run(project, "bass")
    assert ran.returncode == 3 and "did you mean 'base'?" in ran.stderr


def test_nothing_is_changed(project: Path) -> None:
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    run(project)
    after = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    assert {p for p in after if p not in before and ".bedplate/cache" not in p.as_posix()} <= {
        p for p in after if "__pycache__" in p.as_posix()
    }
    assert all(after[p] == content for p, content in before.items())
