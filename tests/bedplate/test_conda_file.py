"""Conda and pip files, and whether they bring what serves a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate import conda_file
from bedplate.errors import SpecError

CONDA = """\
name: env
channels: [conda-forge]
dependencies:
  - numpy=1.26
  - conda-forge::Scikit_Learn
  - python=3.10
  - pip:
      - -r more.txt
      - scipy
"""


def read(text: str, **others: str) -> conda_file.CondaFile:
    texts = {"services/a/conda.yml": text, **{f"services/a/{n}.txt": t for n, t in others.items()}}
    return conda_file.of_conda("services/a/conda.yml", texts)


def mistake(text: str, **others: str) -> str:
    with pytest.raises(SpecError) as caught:
        conda_file.with_defaults(read(text, **others))
    (found,) = caught.value.mistakes
    return f"{found.file}:{found.line}: {found.message} | {found.hint}"


def test_includes_stand_where_they_are_named() -> None:
    found = read(CONDA, more="pandas  # frames\n-r least.txt\n", least="azureml-defaults\n")
    assert [line.text for line in found.pip] == ["pandas", "azureml-defaults", "scipy"]


def test_python_comes_first_as_in_azureml_core() -> None:
    document = read(CONDA, more="pandas").document()
    assert document == {
        "name": "env",
        "dependencies": ["python=3.10", {"pip": ["pandas", "scipy"]}, "numpy=1.26", "conda-forge::Scikit_Learn"],
        "channels": ["conda-forge"],
    }


def test_the_server_is_added_where_it_is_missing() -> None:
    found, added = conda_file.with_defaults(read(CONDA, more="pandas"))
    assert added == "azureml-defaults>=1.0.45"
    assert [line.text for line in found.pip] == ["pandas", "scipy", "azureml-defaults>=1.0.45"]


def test_the_server_is_left_as_the_user_wrote_it() -> None:
    asked = read("dependencies:\n- pip:\n  - AzureML_Defaults[x]==1.56\n")
    assert conda_file.with_defaults(asked) == (asked, "")


def test_a_server_that_is_too_old_is_an_error_at_its_line() -> None:
    assert mistake(CONDA, more="pandas\n\nazureml-defaults<1.0.45\n") == (
        "services/a/more.txt:3: 'azureml-defaults<1.0.45' is too old: Azure ML v1 needs azureml-defaults>=1.0.45"
        " | pin azureml-defaults to 1.0.45 or a later version"
    )


@pytest.mark.parametrize(
    ("requirement", "old"),
    [
        ("azureml-defaults", False),
        ("azureml-defaults>=1.0.45", False),
        ("azureml-defaults==1.0.45", False),
        ("azureml-defaults==1.13.0", False),
        ("azureml-defaults==1.0.44", True),
        ("azureml-defaults == 1.0.33 ; python_version > '3.6'", True),
        ("azureml-defaults>=1.0,<1.1", False),
        ("azureml-defaults>=1.0,<1.0.45", True),
        ("azureml-defaults<=1.0.45", False),
        ("azureml-defaults<=1.0.44", True),
        ("azureml-defaults==1.0.*", False),
        ("azureml-defaults==1.0.33.*", True),
        ("azureml-defaults==0.*", True),
        ("azureml-defaults~=1.0.33", False),
        ("azureml-defaults~=0.9", True),
        ("azureml-defaults>1.0.2", False),
        ("azureml-defaults!=1.0.2", False),
        ("azureml-defaults==1.0.45.post1", False),
    ],
)
def test_what_is_too_old(requirement: str, old: bool) -> None:
    assert conda_file.too_old(requirement, conda_file.DEFAULTS_LEAST) is old


@given(st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(0, 60)))
def test_one_version_is_too_old_exactly_when_it_is_below_the_least(version: tuple[int, int, int]) -> None:
    text = ".".join(map(str, version))
    assert conda_file.too_old(f"azureml-defaults=={text}", "1.0.45") is (version < (1, 0, 45))


def test_constraints_and_files_that_are_not_there_are_errors_at_their_line() -> None:
    assert mistake("dependencies:\n- pip:\n  - -c limits.txt\n").startswith(
        "services/a/conda.yml:3: constraints do not reach Azure ML"
    )
    assert "no file services/a/gone.txt" in mistake("dependencies:\n- pip:\n  - -r gone.txt\n")
    assert "includes itself" in mistake("dependencies:\n- pip:\n  - -r a.txt\n", a="-r a.txt\n")


def test_what_is_no_conda_file_is_an_error() -> None:
    assert "no list `dependencies`" in mistake("numpy\n")
    assert mistake("dependencies:\n- {numpy: [1]}\n").startswith("services/a/conda.yml:2: a dependency is a text")


def test_an_empty_requirement_is_passed_over() -> None:
    assert read("dependencies:\n- pip:\n  - ''\n  - numpy\n").pip[0].text == "numpy"


def test_a_requirement_that_is_no_text_is_named() -> None:
    assert mistake("dependencies:\n- pip:\n  - [a]\n").startswith(
        "services/a/conda.yml:3: a requirement of pip is a text"
    )


def test_a_pip_file_becomes_an_environment_with_a_python() -> None:
    found = conda_file.of_pip("a/requirements.txt", {"a/requirements.txt": "numpy==1.26 \\\n  --hash=sha256:00\n"})
    assert [line.text for line in found.pip] == ["numpy==1.26   --hash=sha256:00"]
    assert found.document()["dependencies"][0] == conda_file.PYTHON


def test_a_service_without_a_server_is_told_which_line_to_add() -> None:
    asked = read("dependencies:\n- pip:\n  - numpy\n")
    missing = conda_file.missing_server(asked, "services/a/conda.yml", "1.5.1")
    assert missing is not None
    line = "add the line azureml-inference-server-http==1.5.1 to its pip requirements"
    assert missing.hint == f"{line}, or write inference_config"
    assert conda_file.missing_server(conda_file.with_defaults(asked)[0], "services/a/conda.yml", "1.5.1") is None
