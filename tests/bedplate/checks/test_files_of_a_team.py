"""Azure ML's own YAML that a spec names: its mistakes are found before a run."""

from __future__ import annotations

from pathlib import Path

from bedplate import specfile
from bedplate.checks import services
from bedplate.checks.finding import Finding
from bedplate.errors import Mistake

SPEC = """\
version: 1
project: flowers
environments:
  env: {from: az/environment.yml}
services:
  blue: {environment: env}
targets:
  azure:
    workspace: {resource_group: rg, name: demo}
    registry: {kind: workspace}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, from: az/deployment.yml}
"""
ENVIRONMENT = "name: theirs\nimage: their.io/base:1\n"
DEPLOYMENT = "name: blue\nendpoint_name: theirs\ninstance_type: Standard_F2s_v2\n"


def found(root: Path, environment: str, deployment: str) -> list[Finding]:
    (root / "az").mkdir()
    for name, text in {
        "pipeline.yaml": SPEC,
        "az/environment.yml": environment,
        "az/deployment.yml": deployment,
    }.items():
        (root / name).write_text(text, encoding="utf-8")
    read = specfile.load(root / "pipeline.yaml")

    def at(keys: tuple[str, ...], message: str, hint: str) -> Mistake:
        return Mistake("pipeline.yaml", 0, 0, message, hint)

    return list(services.find(read.services["blue"], read, root, lambda name: None, at))


def test_files_without_a_mistake_give_nothing_to_say(tmp_path: Path) -> None:
    assert found(tmp_path, ENVIRONMENT, DEPLOYMENT) == []


def test_a_mistake_in_either_file_is_found_where_it_stands(tmp_path: Path) -> None:
    said = found(tmp_path, ENVIRONMENT + "conda_fil: x\n", DEPLOYMENT.replace("instance_type", "instance_typ"))
    places = {(one.mistake.file, one.mistake.line, one.code) for one in said}
    assert ("az/environment.yml", 3, "SpecMistake") in places
    assert ("az/deployment.yml", 3, "SpecMistake") in places
