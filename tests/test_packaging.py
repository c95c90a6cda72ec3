"""What is published: the wheel and the source archive, and bedplate installed away from its repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent
TOP = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "dodo.py", "pipeline.yaml", ".gitignore")
FOLDERS = ("bedplate", "steps", "schemas", "images", "services", "tests")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, made from a copy of the repository as a clone has it."""
    copy = tmp_path_factory.mktemp("source")
    for name in TOP:
        shutil.copy(REPO / name, copy)
    for name in FOLDERS:
        shutil.copytree(REPO / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    subprocess.run([sys.executable, "-m", "hatchling", "build"], cwd=copy, check=True, capture_output=True)
    return copy / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked into a folder, as pip does it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder


def python(*args: str, cwd: Path, path: Path) -> str:
    ran = subprocess.run(
        [sys.executable, *args],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


def a_folder_of_a_user(folder: Path) -> Path:
    """What the README asks for: an own pipeline.yaml, a short dodo.py and the lines for doit."""
    folder.mkdir(exist_ok=True)
    shutil.copy(REPO / "dodo.py", folder)
    for name in ("images", "services"):
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = (REPO / "pipeline.yaml").read_text(encoding="utf-8")
    (folder / "pipeline.yaml").write_text(text.replace("project: iris", "project: theirs", 1), encoding="utf-8")
    lines = (REPO / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        lines[lines.index("[tool.doit]") :].split("\n[tool.", 2)[0] + "\n", encoding="utf-8"
    )
    return folder


def test_the_wheel_holds_the_two_packages_and_the_schema_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {n.split("/")[0] for n in names if ".dist-info/" not in n} == {"bedplate", "steps"}
    modules = {p.relative_to(REPO).as_posix() for f in ("bedplate", "steps") for p in (REPO / f).rglob("*.py")}
    assert modules <= set(names)
    assert "bedplate/schemas/pipeline.schema.json" in names
    assert any(n.endswith("/licenses/LICENSE") for n in names)


def test_the_source_archive_can_be_built_and_tested(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {n.split("/", 1)[1] for n in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "schemas/pipeline.schema.json"} <= names
    assert "tests/test_packaging.py" in names
    assert not any(".venv" in n or "__pycache__" in n or ".bedplate" in n for n in names)


def test_the_wheel_is_the_same_when_built_twice(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    again = next(tmp_path.glob("bedplate-*"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=again, check=True, capture_output=True
    )
    assert next((again / "dist").glob("*.whl")).read_bytes() == next(built.glob("*.whl")).read_bytes()


def test_installed_it_finds_its_own_modules(installed: Path, tmp_path: Path) -> None:
    where = "import bedplate, steps; print(bedplate.__file__); print(steps.__file__)"
    assert python("-c", where, cwd=tmp_path, path=installed).splitlines() == [
        f"{installed}/bedplate/__init__.py",
        f"{installed}/steps/__init__.py",
    ]


def test_another_folder_works_with_a_short_dodo_and_the_lines_for_doit(installed: Path, tmp_path: Path) -> None:
    theirs = a_folder_of_a_user(tmp_path / "theirs")
    doit = str(Path(sys.executable).with_name("doit"))
    listed = python(doit, "list", "--all", "-q", cwd=theirs, path=installed).split()
    assert {"resolve_registry", "build_base:os", "build_base:base", "deploy:iris", "smoke_test:iris"} <= set(listed)


@pytest.mark.long
def test_pip_installs_it_into_a_fresh_environment(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv/bin"
    source = tmp_path / "source"
    source.mkdir()
    for name in TOP:
        shutil.copy(REPO / name, source)
    for name in ("bedplate", "steps", "schemas"):
        shutil.copytree(REPO / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([bin_ / "pip", "install", "-q", source], check=True, timeout=300)
    theirs = a_folder_of_a_user(tmp_path / "theirs")
    listed = subprocess.run([bin_ / "doit", "list"], cwd=theirs, check=True, capture_output=True, text=True).stdout
    assert "smoke_test" in listed
    subprocess.run([bin_ / "pip", "check"], check=True)
