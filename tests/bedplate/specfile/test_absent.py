"""absent: a file that the spec names and that is not there is told where the spec names it, with what was meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scratch import Scratch

from bedplate import specfile
from bedplate.errors import SpecError

WHOLE = """\
version: 1
project: iris
images:
  base: {context: images/base}
  gpu: {context: images/gpu, dockerfile: docker/Dockerfile}
environments:
  iris: {image: base, pip: services/iris/requirements.txt}
  far: {image: base, conda: conda.yml}
models:
  iris: {path: services/iris/model}
services:
  iris:
    environment: iris
    code: services/iris
    entry_script: score.py
    smoke_test:
      - request: {file: services/iris/request.json}
targets:
  local: {registry: {kind: local}, deploy: {kind: container}}
  azure:
    workspace: {resource_group: rg, name: iris-ws}
    registry: {kind: workspace}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, from: deployment.yml}
"""
FILES = (
    "images/base/Dockerfile",
    "images/gpu/docker/Dockerfile",
    "services/iris/requirements.txt",
    "services/iris/score.py",
    "services/iris/request.json",
    "services/iris/model/weights.json",
    "conda.yml",
    "deployment.yml",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n", encoding="utf-8")
    (tmp_path / "pipeline.yaml").write_text(WHOLE, encoding="utf-8")
    return tmp_path


def edit(project: Path, old: str, new: str) -> None:
    assert WHOLE.count(old) == 1
    (project / "pipeline.yaml").write_text(WHOLE.replace(old, new), encoding="utf-8")


def told(project: Path, cache: Path | None = None) -> list[str]:
    try:
        specfile.load(project / "pipeline.yaml", cache=cache, looked=set())
    except SpecError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


def line(text: str) -> int:
    return WHOLE[: WHOLE.index(text)].count("\n") + 1


def test_a_project_whose_files_are_there_has_no_mistake_and_every_path_was_looked_at(project: Path) -> None:
    looked: set[str] = set()
    specfile.load(project / "pipeline.yaml", looked=looked)
    assert looked == {f"{project}/{name.removesuffix('/weights.json')}" for name in FILES}


@pytest.mark.parametrize("name", [name for name in FILES if "model" not in name])
def test_each_file_that_is_gone_is_one_mistake_with_line_column_and_caret(project: Path, name: str) -> None:
    (project / name).unlink()
    (one,) = told(project)
    assert one.startswith("pipeline.yaml:")
    assert f"there is no file '{name}'" in one
    where, source, caret = one.splitlines()[:3]
    _, number, column = where.split(": ")[0].split(":")
    assert source.removeprefix("    ") == WHOLE.splitlines()[int(number) - 1]
    assert len(caret.removeprefix("    ")) == int(column)
    assert caret.endswith(" ^")


def test_a_missing_folder_is_told_alone_and_not_with_what_should_lie_in_it(project: Path) -> None:
    (project / "images/base/Dockerfile").unlink()
    (project / "images/base").rmdir()
    (one,) = told(project)
    assert f"pipeline.yaml:{line('base: {context')}:19: images.base.context: there is no folder 'images/base'" in one


def test_missing_files_stand_among_the_other_mistakes_in_file_order(project: Path) -> None:
    edit(project, "images/base}", "images/bse, tag: [v1]}")
    (project / "conda.yml").unlink()
    said = [one.splitlines()[0] for one in told(project)]
    assert [s.split(": ")[0] for s in said] == ["pipeline.yaml:4:19", "pipeline.yaml:4:31", "pipeline.yaml:8:29"]
    assert "there is no folder 'images/bse'" in said[0]
    assert "unknown key 'tag'" in said[1]
    assert "there is no file 'conda.yml'" in said[2]


def test_a_file_that_goes_missing_is_told_although_the_checked_spec_is_kept(project: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert told(project, cache) == []
    (project / "conda.yml").unlink()
    (one,) = told(project, cache)
    assert one.startswith("pipeline.yaml:8:29: environments.far.conda: there is no file 'conda.yml'")
    (project / "conda.yml").write_text("", encoding="utf-8")
    assert told(project, cache) == []


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("images/base}", "image/bsae}", "did you mean 'images/base'?"),
        ("docker/Dockerfile", "images/gpu/docker/Dockerfile", "'docker/Dockerfile'? the path is relative to 'context'"),
        ("docker/Dockerfile", "docker/Dokcerfile", "did you mean 'docker/Dockerfile'?"),
        ("images/gpu, dockerfile: docker/Dockerfile", "images/gpu/docker, dockerfile: D", "did you mean|there are"),
        ("services/iris/requirements.txt", "requirements.txt", "did you mean 'services/iris/requirements.txt'?"),
        ("score.py", "scroe.py", "did you mean 'score.py'?"),
        ("score.py", "services/iris/score.py", "did you mean 'score.py'? the path is relative to 'code'"),
        ("services/iris/model}", "services/iris/Model}", "did you mean 'services/iris/model'?"),
        ("deployment.yml", "zzz", "in the folder of pipeline.yaml there are 'conda.yml'"),
    ],
)
def test_the_hint_is_the_nearest_path_that_is_there(project: Path, old: str, new: str, hint: str) -> None:
    edit(project, old, new)
    (one,) = told(project)
    assert any(part in one for part in hint.split("|")), one


def test_a_hint_taken_at_its_word_is_accepted(project: Path) -> None:
    outside = project.parent / f"{project.name}-outside"
    outside.mkdir()
    (outside / "conda.yaml").write_text("", encoding="utf-8")
    (project / "conda.yml").unlink()
    (project / "conda.yaml").symlink_to(outside / "conda.yaml")  # the nearest name, and it would be refused
    (project / "cond.yml").mkdir()  # a folder is no file
    (one,) = told(project)
    assert "conda.yaml" not in one.split("hint:")[-1].split("there are")[0], one
    assert "did you mean" not in one


def test_a_default_dockerfile_is_told_at_the_context_with_what_lies_there(project: Path) -> None:
    (project / "images/base/Dockerfile").rename(project / "images/base/Dockerfile.cpu")
    (one,) = told(project)
    assert one.startswith("pipeline.yaml:4:19: images.base.context: there is no file 'images/base/Dockerfile'")
    assert "write `dockerfile: Dockerfile.cpu` beside 'context'" in one


def test_a_folder_for_a_file_a_file_for_a_folder_and_a_pipe_are_told_as_what_they_are(project: Path) -> None:
    (project / "conda.yml").unlink()
    (project / "conda.yml").mkdir()
    (project / "deployment.yml").unlink()
    os.mkfifo(project / "deployment.yml")
    edit(project, "context: images/base}", "context: images/base/Dockerfile}")
    said = "\n".join(told(project))
    assert "'images/base/Dockerfile' is a file, not a folder" in said
    assert "'conda.yml' is a folder, not a file" in said
    assert "'deployment.yml' is no file, but a pipe or a device" in said


def test_a_link_to_nothing_is_told_as_that(project: Path) -> None:
    (project / "conda.yml").unlink()
    (project / "conda.yml").symlink_to("gone.yml")
    (one,) = told(project)
    assert "the link 'conda.yml' leads to no file" in one


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_a_pipeline_yaml_that_is_no_file_is_told_as_what_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pipeline.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("gone.yaml")
    (one,) = told(tmp_path)
    words = {"folder": "is a folder", "pipe": "is a pipe or a device", "link": "is a link that leads to no file"}
    assert one.startswith(f"pipeline.yaml: {words[kind]}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_pipeline_yaml_without_the_right_to_read_it_says_so(project: Path) -> None:
    (project / "pipeline.yaml").chmod(0)
    (one,) = told(project)
    assert one.startswith("pipeline.yaml: cannot be read: Permission denied")


def test_every_command_tells_it_with_its_place_and_check_goes_on_to_the_other_findings(tmp_path: Path) -> None:
    made = Scratch(tmp_path, "one: {context: images/one}\ntwo: {context: images/wto}", "127.0.0.1:1")
    made.write({"images/one/Dockerfile": "FROM scratch AS x\nCMD a\n", "images/two/Dockerfile": "FROM scratch\n"})
    told = "pipeline.yaml:5:18: images.two.context: there is no folder 'images/wto'"
    for words in ((), ("list",), ("plan",), ("lock", "--check"), ("inputs", "two"), ("info", "push:one")):
        code = made.doit(*words)
        assert code == 3, words
        assert made.output.count(told) == 1, made.output
        assert "did you mean 'images/two'?" in made.output
    code = made.doit("check", "--offline")
    assert code == 1
    assert made.output.count("images/wto") == 2, "the message and the line that it stands in"
    assert told in made.output
    assert "JSONArgsRecommended" in made.output, "what the other Dockerfile gives to say"


def test_a_run_with_nothing_to_do_notices_that_a_file_of_no_task_is_gone(tmp_path: Path) -> None:
    made = Scratch(tmp_path, "one: {context: images/one}", "127.0.0.1:1")
    made.write({"images/one/Dockerfile": "FROM scratch\n", "weights": "1"})
    made.spec("one: {context: images/one}", "models: {unused: {path: weights}}\n")
    from bedplate.tasks.session import Session

    assert f"{made.root}/weights" in Session(made.root, None).looked
