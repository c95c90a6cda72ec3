"""What may import what, and the rules that every module keeps."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"bedplate", "steps"}

# package: (what of ours it may import, which third parties)
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "bedplate": ({"bedplate"}, {"yaml", "jsonschema", "packaging"}),
    "bedplate.clients": ({"bedplate", "bedplate.clients"}, {"yaml", "jsonschema", "docker", "azure", "requests", "h2"}),
    "bedplate.builders": (
        {"bedplate", "bedplate.clients", "bedplate.builders"},
        {"yaml", "jsonschema"},
    ),
    "steps": ({"bedplate", "bedplate.clients", "bedplate.builders", "steps"}, {"yaml", "jsonschema"}),
    "bedplate.tasks": (
        {"bedplate", "bedplate.clients", "bedplate.builders", "bedplate.tasks", "steps"},
        {"yaml", "jsonschema", "doit", "rich"},
    ),
}
STEPS = ("resolve_registry", "build_base", "push", "create_environment", "deploy", "smoke_test")


def package(module: str) -> str:
    """`bedplate.clients.answers` -> `bedplate.clients`; a module of bedplate itself -> `bedplate`."""
    parts = module.split(".")
    return next((p for p in (".".join(parts[:2]), parts[0]) if p in TABLE), module)


def modules() -> Iterator[tuple[str, Path]]:
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            if node.module in ("bedplate", "steps"):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def only_for_types(path: Path) -> set[int]:
    """Lines below `if TYPE_CHECKING:`: they are never run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    return {n.lineno for block in blocks for n in ast.walk(block) if hasattr(n, "lineno")}


def test_imports_keep_to_the_table() -> None:
    wrong = []
    for name, path in modules():
        ours, third = TABLE[package(name)]
        for imported, line in imports(path):
            top = imported.split(".")[0]
            if top in OURS:
                # a type that a contract names is no dependency of the code
                if package(imported) not in ours and line not in only_for_types(path):
                    wrong.append(f"{name}:{line} imports {imported}")
            elif top not in {*sys.stdlib_module_names, *third} and line not in only_for_types(path):
                wrong.append(f"{name}:{line} imports {imported}")
    assert wrong == []


def test_steps_do_not_import_one_another() -> None:
    wrong = []
    for name, path in modules():
        parts = name.split(".")
        if parts[0] == "steps" and len(parts) > 1:
            for imported, line in imports(path):
                other = imported.split(".")
                if other[0] == "steps" and len(other) > 1 and other[1] in STEPS and other[1] != parts[1]:
                    wrong.append(f"{name}:{line} imports {imported}")
    assert wrong == []


def test_every_module_says_in_one_sentence_what_it_owns() -> None:
    silent = [name for name, path in modules() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_no_class_of_ours_inherits_but_exceptions_and_where_doit_asks_for_it() -> None:
    allowed = {"Exception", "Protocol", "NamedTuple", "TypedDict"}
    wrong = []
    for name, path in modules():
        if name.startswith("bedplate.tasks"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases}
                if any(b not in allowed and not b.endswith("Error") for b in bases):
                    wrong.append(f"{name}: {node.name}({', '.join(bases)})")
    assert wrong == []


def test_frozen_dataclasses_are_those_that_are_made_quickly() -> None:
    wrong = []
    for name, path in modules():
        text = path.read_text(encoding="utf-8")
        if "@dataclass(frozen=True" in text and "from bedplate.frozen import dataclass" not in text:
            wrong.append(name)
    assert wrong == []


def test_no_heavy_library_is_imported_where_a_no_op_passes() -> None:
    code = (
        "import sys, bedplate.tasks.loader, bedplate.tasks.run, bedplate.tasks.session, steps; steps.load()\n"
        "heavy = {'yaml', 'jsonschema', 'docker', 'requests', 'azure', 'rich', 'urllib3', 'h2'}\n"
        "print(sorted(heavy & {m.split('.')[0] for m in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]],
    ids=["mypy --strict", "ruff check", "ruff format"],
)
def test_the_code_passes(command: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
