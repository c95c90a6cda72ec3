"""What a run says of what it is about to build, and what the policy keeps it from."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from scratch import Scratch

from bedplate.errors import SpecError
from bedplate.tasks import names
from bedplate.tasks.session import Session

SPEC = """
version: 1
project: runwarnings
policy: {{pins: {pins}}}
images: {{one: {{context: one}}, two: {{context: two}}}}
targets: {{local: {{registry: {{kind: local, port: 29870}}}}}}
"""


def session(folder: Path, pins: str = "warn", run: str = "pip install numpy") -> Session:
    (folder / "pipeline.yaml").write_text(SPEC.format(pins=pins), encoding="utf-8")
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(f"FROM scratch\nRUN {run}\n", encoding="utf-8")
    return Session(folder, None)


def test_each_image_that_is_built_gives_its_warnings_in_a_line_each(tmp_path: Path) -> None:
    said = session(tmp_path).warnings({"build_base:one"})
    assert said == ["warning: one/Dockerfile:2:17: pip install without a version: numpy [UnpinnedPip]"]


def test_many_are_cut_short(tmp_path: Path) -> None:
    made = session(tmp_path)
    text = "FROM scratch\n" + "RUN pip install numpy\n" * 12
    (tmp_path / "one" / "Dockerfile").write_text(text, encoding="utf-8")
    said = made.warnings({"build_base:one"})
    assert len(said) == 9 and said[-1].startswith("4 more: `doit check`")


def test_notes_are_left_to_doit_check(tmp_path: Path) -> None:
    assert session(tmp_path, run="apt-get install -y git").warnings({"build_base:one"}) == []


def test_what_is_not_built_is_not_looked_at(tmp_path: Path) -> None:
    assert session(tmp_path).warnings(set()) == []


def test_a_run_of_some_tasks_is_about_them_and_what_they_need(tmp_path: Path) -> None:
    made = session(tmp_path)
    assert names.of_run(made, ["build_base:one"]) == {"build_base:one", "resolve_registry"}
    assert names.of_run(made, ["push:o*"]) == {"push:one", "build_base:one", "resolve_registry"}
    assert names.of_run(made, ["build_base", "push:two"]) == set(made.by_name) - {"push:one"}
    assert names.of_run(made, ["build_base:one", "task_of_the_user"]) == names.of_run(made, []) == set(made.by_name)


def test_a_run_warns_of_what_it_is_asked_to_build_alone(tmp_path: Path) -> None:
    project = Scratch(tmp_path / "work", "{one: {context: one}, two: {context: two}}", "127.0.0.1:9")
    project.write({f"{name}/Dockerfile": "FROM scratch as x\nLABEL a=b\n" for name in ("one", "two")})
    project.doit("build_base:one")
    assert "one/Dockerfile:1:14" in project.output and "two/Dockerfile" not in project.output
    project.doit()
    assert "one/Dockerfile:1:14" in project.output and "two/Dockerfile:1:14" in project.output


def test_what_is_made_once_more_is_warned_of_again(tmp_path: Path) -> None:
    made = session(tmp_path)
    made.again = True
    with patch.object(Session, "dirty", []):
        assert len(made.warnings({"build_base:one"})) == 1


def test_the_policy_keeps_a_run_from_building_what_is_not_pinned(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="pip install without a version: numpy"):
        session(tmp_path, pins="require").warnings({"build_base:one"})


def test_the_policy_can_be_silent(tmp_path: Path) -> None:
    assert session(tmp_path, pins="off").warnings({"build_base:one"}) == []


def test_what_will_fail_is_called_an_error(tmp_path: Path) -> None:
    for name, text in {
        "pipeline.yaml": (
            "version: 1\nproject: runwarnings\nimages: {os: {rootfs: {suite: bookworm}}}\n"
            "environments: {main: {image: os}}\n"
            "services: {main: {environment: main, code: code, entry_script: score.py}}\n"
            "targets: {local: {registry: {kind: local, port: 29870}, deploy: {kind: container, port: 29871}}}\n"
        ),
        "code/score.py": "def init(): pass\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (said,) = Session(tmp_path, None).warnings({"deploy:main"})
    assert said.startswith("error: code/score.py") and said.endswith("[ScoringFunctionMissing]")
