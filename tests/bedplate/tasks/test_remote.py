"""What `doit plan --remote` says of what was found, and of what could not be compared."""

from __future__ import annotations

from pathlib import Path

from bedplate.azureml.drift import Difference
from bedplate.tasks import remote
from bedplate.tasks.remote import Drift
from bedplate.tasks.session import Session

SPEC = """\
version: 1
project: flowers
environments:
  iris: {conda: conda.yml}
services:
  iris: {environment: iris, code: code, entry_script: score.py}
targets:
  azure:
    workspace: {resource_group: rg, name: demo}
    registry: {kind: workspace}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, instance_type: Standard_DS3_v2}
  v1:
    workspace: {resource_group: rg, name: demo}
    registry: {kind: workspace}
    environment: {kind: azureml_v1}
    deploy: {kind: azureml_v1, compute_type: local}
"""


def session(root: Path, target: str) -> Session:
    (root / "code").mkdir()
    for name, text in {"pipeline.yaml": SPEC, "conda.yml": "dependencies: [pip]\n", "code/score.py": ""}.items():
        (root / name).write_text(text, encoding="utf-8")
    return Session(root, target)


def test_what_was_never_done_here_is_not_compared_and_counts(tmp_path: Path) -> None:
    opened = session(tmp_path, "azure")
    found = remote.drifts(opened, [opened.verdicts["deploy:iris"]])
    assert found == [Drift("deploy:iris", (), "create_environment:iris")]
    assert remote.drifted(found)
    assert remote.lines(opened, found) == [
        "in Azure:",
        "  deploy:iris  not compared: what create_environment:iris made is not known here",
    ]


def test_a_target_that_keeps_nothing_in_azure_says_so(tmp_path: Path) -> None:
    opened = session(tmp_path, "v1")
    found = remote.drifts(opened, list(opened.verdicts.values()))
    assert (found, remote.drifted(found)) == ([], False)
    assert remote.lines(opened, found) == ["in Azure: target v1 keeps nothing there that can be compared"]


def test_each_difference_has_a_line_and_a_task_that_runs_anyway_needs_no_command(tmp_path: Path) -> None:
    opened = session(tmp_path, "azure")
    found = [Drift("deploy:iris", (Difference("endpoint iris", "auth_mode", "key", "aad_token"),))]
    assert remote.lines(opened, found) == [
        "in Azure:",
        "  deploy:iris  endpoint iris: auth_mode: aad_token in Azure, key in the spec",
    ]
    assert remote.to_json(found)[0]["differences"][0]["azure"] == "aad_token"


def test_no_difference_is_one_line(tmp_path: Path) -> None:
    opened, found = session(tmp_path, "azure"), [Drift("deploy:iris", ())]
    assert remote.lines(opened, found) == ["in Azure: all is as the spec says"]
    assert not remote.drifted(found)
