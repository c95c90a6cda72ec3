"""scoring: whether Azure ML's inference server could load a service's code; it is read, never run."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from bedplate.checks.finding import Finding
from bedplate.errors import Mistake

FUNCTIONS = ("init", "run")  # azureml-inference-server-http, "Server routes": what it calls
LARGEST = 1_000_000


def find(code: str, entry_script: str, root: Path) -> Iterator[Finding]:
    """`code`: the folder below the project's root; `entry_script` lies in it."""
    path = f"{code}/{entry_script}"
    if not (root / path).is_file():
        folder = (root / path).parent
        near = sorted(p.name for p in folder.glob("*.py"))[:5] if folder.is_dir() else []
        hint = f"there are: {', '.join(near)}" if near else ""
        yield Finding("MissingFile", Mistake(path, 0, 0, "the entry_script is not there", hint))
        return
    for file in _python_files(root / code):
        name = file.relative_to(root).as_posix()
        try:
            content = file.read_bytes()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a doubtful escape in a string is the author's affair
                tree = ast.parse(content, name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            yield _invalid(name, error)
        except OSError:
            continue
        else:
            if name == Path(path).as_posix():
                yield from _functions(name, tree)


def _python_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*.py")):
        inner = file.relative_to(folder).parts[:-1]
        hidden = any(part.startswith(".") or part in ("__pycache__", "node_modules", "site-packages") for part in inner)
        if not hidden and file.is_file() and file.stat().st_size <= LARGEST:
            yield file


def _invalid(file: str, error: BaseException) -> Finding:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    line, column, source, what = 0, 0, "", str(error)
    if isinstance(error, SyntaxError):
        line, column, what = error.lineno or 0, error.offset or 0, error.msg
        source = (error.text or "").rstrip("\n")
    hint = "`# bedplate: ignore=ScoringCodeInvalid ...` if the image has a newer Python" if line else ""
    return Finding("ScoringCodeInvalid", Mistake(file, line, column, f"Python {version}: {what}", hint, source))


def _functions(file: str, tree: ast.Module) -> Iterator[Finding]:
    names = set(_top_names(tree.body))
    if "*" in names:
        return  # what a star brings is not known without running it
    for function in FUNCTIONS:
        if function not in names:
            what = "before the first request" if function == "init" else "for every request"
            arguments = "" if function == "init" else "raw_data"
            message = f"there is no function {function}(): the inference server calls it {what}"
            yield Finding(
                "ScoringFunctionMissing", Mistake(file, 0, 0, message, f"write def {function}({arguments}): ...")
            )


def _top_names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
        else:
            for inner in ("body", "orelse", "finalbody"):
                yield from _top_names(getattr(node, inner, []))
            for handler in getattr(node, "handlers", []):
                yield from _top_names(handler.body)
