"""Which words of a command line are packages, and which of these are not held at one version."""

from __future__ import annotations

import pytest

from bedplate.checks import package_commands
from bedplate.checks.shell_commands import commands, of_run, unquoted_versions
from bedplate.dockerfile import reader as dockerfile_reader


def loose_pip(line: str) -> list[str]:
    found = []
    for command in commands(line):
        asked = package_commands.pip(command)
        if asked and not asked.constrained:
            found += [p for p in asked.packages if package_commands.unpinned_pip(p)]
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pip install numpy", ["numpy"]),
        ("python3.11 -m pip install -U --no-cache-dir pip wheel==0.43", ["pip"]),
        ("/opt/venv/bin/pip3 --no-cache-dir install 'torch>=2,<3'", ["torch>=2,<3"]),
        ("uv pip install --system ruff", ["ruff"]),
        ("conda run -n ml pip install shap", ["shap"]),
        ("sudo -H true; PIP_NO_CACHE_DIR=1 pip install dask[complete]", ["dask[complete]"]),
        ("if true; then pip install a; else pip install b==1; fi", ["a"]),
        ("pip install git+https://example.org/a.git", ["git+https://example.org/a.git"]),
        ("(cd /tmp && pip install a)", ["a"]),
        ('bash -exc "pip install a && pip install b==1"', ["a"]),
        ("su ada -c 'pip install a'", ["a"]),
    ],
)
def test_a_package_without_a_version_is_found(line: str, expected: list[str]) -> None:
    assert loose_pip(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "pip install numpy==2.0.0 'pandas === 2.2' \"scipy[all]==1.14\"",
        "pip install -r requirements.txt -c constraints.txt numpy",
        "pip install . ./lib /wheels/a.whl dist/*.whl .[gpu] -e src/a --editable=.",
        "pip install $PACKAGES torch==${TORCH} ${EXTRA}",
        "pip install -i https://example.org/simple --find-links /wheels --target /deps numpy==1",
        "pip install https://example.org/a-1.0.tar.gz",
        "pip install git+https://example.org/a.git@v1 'b @ https://example.org/b.whl'",
        "pip download numpy; pip uninstall -y numpy; pip list; pip config set install.user yes",
        "echo pip install numpy; printf 'pip install %s' numpy",
        "pip install numpy==2.0 2>/dev/null >log.txt <in.txt",
        "pip install numpy==2.0 # and no more pandas",
        "pip install --no-index --find-links=/wheels ours",
        "bash install.sh -c 'pip install numpy' | grep -c numpy",
        "bash build.sh numpy",
    ],
)
def test_nothing_else_is(line: str) -> None:
    assert loose_pip(line) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("conda install -y -c conda-forge numpy python=3.10", ["numpy"]),
        ("mamba create -n ml 'python>=3.9' conda-forge::git=2.40", ["python>=3.9"]),
        ("conda install -n base --file spec.txt", []),
        ("conda env create -f environment.yml", []),
        ("conda clean -afy && conda update -n base conda && conda activate ml", []),
        ("micromamba install -y -n base numpy==1.26.4 'scipy=1.11.*' pytorch=2.1=py3.10_cuda", []),
    ],
)
def test_conda_pins_with_one_equals_sign(line: str, expected: list[str]) -> None:
    found = [asked for command in commands(line) if (asked := package_commands.conda(command))]
    assert [p for asked in found for p in asked.packages if package_commands.unpinned_conda(p)] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pip install numpy>=2 pandas<3", ["numpy>=2", "pandas<3"]),
        ("pip install 'numpy>=2' \"pandas<3\" a==1 >log 2>&1", []),
        ("pip install a==1 2>/dev/null", []),
    ],
)
def test_the_shell_takes_angles_outside_of_quotes(line: str, expected: list[str]) -> None:
    assert list(unquoted_versions(line)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('RUN ["pip", "install", "a"]', [("pip", "install", "a")]),
        ('RUN ["/bin/bash", "-c", "pip install a && true"]', [("pip", "install", "a"), ("true",)]),
        ("RUN <<EOF\n# pip install no\npip install \\\n  a\nEOF", [("pip", "install", "a")]),
        ("RUN a \\\n  # a comment\n  b", [("a", "b")]),
    ],
)
def test_every_form_of_run_is_read(text: str, expected: list[tuple[str, ...]]) -> None:
    read = dockerfile_reader.parse(f"FROM a\n{text}\n", "Dockerfile")
    assert list(of_run(read.instructions[1])) == expected
