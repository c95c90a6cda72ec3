"""conda_file: what a conda or pip file asks for, and whether it brings what serves a model."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedplate import requirements
from bedplate.errors import Mistake, SpecError
from bedplate.frozen import dataclass
from bedplate.yamlfile import nodes as yaml_nodes

DEFAULTS = "azureml-defaults"  # brings the inference server of Azure ML v1
DEFAULTS_LEAST = "1.0.45"  # "Deploy a model using a custom Docker base image": the first that serves
SERVER = "azureml-inference-server-http"
NAME = "project_environment"  # azureml-core's own
CHANNELS = ("conda-forge",)
PYTHON = "python=3.10"  # where no conda file says which


@dataclass(frozen=True)
class Line:
    """One requirement of pip with the place it stands at; `line` 0: the file as a whole."""

    text: str
    file: str
    line: int


@dataclass(frozen=True)
class CondaFile:
    """`conda`: package specs as they stand; `pip`: what its pip part says, includes taken in."""

    name: str
    channels: tuple[str, ...]
    conda: tuple[str, ...]
    pip: tuple[Line, ...]

    def document(self) -> dict[str, Any]:  # Any: it is YAML
        """As azureml-core holds it: the Python and pip first, then the other packages, then the channels."""
        python = [spec for spec in self.conda if package(spec) == "python"]
        others = [spec for spec in self.conda if package(spec) != "python"]
        pip = [{"pip": [line.text for line in self.pip]}] if self.pip else []
        return {"name": self.name, "dependencies": [*python, *pip, *others], "channels": list(self.channels)}


def of_conda(path: str, texts: Mapping[str, str]) -> CondaFile:
    """The conda file at `path`. `texts`: its text and those of all it includes, by path. Raises SpecError."""
    from bedplate.specfile import places
    from bedplate.yamlfile import text as yaml_text

    root, mistakes = yaml_text.read(texts[path].encode(), path)
    if not isinstance(root, yaml_nodes.Mapping) or "dependencies" not in root.entries:
        mistakes.add(None, "is not a conda environment file: it has no list `dependencies`")
        raise SpecError(mistakes.all())
    specs: list[str] = []
    pip: list[Line] = []
    for node in _items(root.entries["dependencies"][1]):
        if isinstance(node, yaml_nodes.Scalar):
            specs.append(node.text)
        elif isinstance(node, yaml_nodes.Mapping) and list(node.entries) == ["pip"]:
            for line in _items(node.entries["pip"][1]):
                if isinstance(line, yaml_nodes.Scalar):
                    pip += _expanded(Line(line.text.strip(), path, line.line), texts, (path,))
                else:
                    mistakes.add(line, "a requirement of pip is a text")
        else:
            mistakes.add(node, "a dependency is a text, or `pip:` with a list")
    if mistakes:
        raise SpecError(mistakes.all())
    name = places.at(root, ("name",))
    channels = [c.text for c in _items(places.at(root, ("channels",))) if isinstance(c, yaml_nodes.Scalar)]
    named = name.text if isinstance(name, yaml_nodes.Scalar) else NAME
    return CondaFile(named, tuple(channels), tuple(specs), tuple(pip))


def of_pip(path: str, texts: Mapping[str, str]) -> CondaFile:
    """A requirements file as a conda environment of its own, with the Python that we choose. Raises SpecError."""
    lines = _expanded(Line(f"-r {path.rpartition('/')[2]}", path, 0), texts, ())
    return CondaFile(NAME, CHANNELS, (PYTHON, "pip"), tuple(lines))


def of_nothing() -> CondaFile:
    return CondaFile(NAME, CHANNELS, (PYTHON, "pip"), ())


def with_defaults(conda: CondaFile) -> tuple[CondaFile, str]:
    """With azureml-defaults as v1 needs it, and what was added ("": it was there).

    Raises SpecError where the file asks for one that is too old to serve."""
    for line in conda.pip:
        if package(line.text) != DEFAULTS:
            continue
        if too_old(line.text, DEFAULTS_LEAST):
            message = f"'{line.text}' is too old: Azure ML v1 needs {DEFAULTS}>={DEFAULTS_LEAST}"
            hint = f"pin {DEFAULTS} to {DEFAULTS_LEAST} or a later version"
            raise SpecError([Mistake(line.file, line.line, 0, message, hint)])
        return conda, ""
    added = f"{DEFAULTS}>={DEFAULTS_LEAST}"
    specs = conda.conda if any(package(spec) == "pip" for spec in conda.conda) or conda.pip else (*conda.conda, "pip")
    return CondaFile(conda.name, conda.channels, specs, (*conda.pip, Line(added, "", 0))), added


def serves(conda: CondaFile) -> bool:
    """Whether a service that runs on these packages alone has Azure ML's inference server."""
    return any(package(line.text) in (DEFAULTS, SERVER) for line in conda.pip)


def missing_server(conda: CondaFile, file: str, version: str) -> Mistake | None:
    """What to tell who deploys this on an image without the server (v2), or None."""
    return None if serves(conda) else server_missing(file, version)


def server_missing(file: str, version: str) -> Mistake:
    message = f"Azure ML's inference server is missing: nothing here would answer a request ({SERVER} or {DEFAULTS})"
    hint = f"add the line {SERVER}=={version} to its pip requirements, or write inference_config"
    return Mistake(file, 0, 0, message, hint)


def package(spec: str) -> str:
    """The package that a spec of conda or pip names, as PEP 503 writes it: `conda-forge::NumPy >=1` is numpy."""
    found = re.match(r"\s*(?:[\w./-]+::)?([A-Za-z0-9][A-Za-z0-9._-]*)", spec)
    return requirements.normal(found[1]) if found else ""


def too_old(requirement: str, least: str) -> bool:
    """Whether a requirement excludes every version from `least` on (PEP 440, "Version specifiers")."""
    bounds = requirement.split(";")[0].split(" --")[0]
    for operator, version in re.findall(r"(===|==|~=|<=|<|>=|>|!=)\s*([0-9][\w.*+!-]*)", bounds):
        wanted, floor = _release(version), _release(least)
        if operator in ("==", "===") and version.endswith(".*"):
            old = wanted < floor[: len(wanted)]
        elif operator == "~=":
            old = wanted[:-1] < floor[: len(wanted) - 1]
        elif operator == "<":
            old = wanted <= floor
        else:
            old = operator in ("==", "===", "<=") and wanted < floor
        if old:
            return True
    return False


# ---- reading


def _items(node: yaml_nodes.Node) -> Sequence[yaml_nodes.Node]:
    return node.items if isinstance(node, yaml_nodes.Sequence) else ()


def _expanded(line: Line, texts: Mapping[str, str], within: tuple[str, ...]) -> Iterator[Line]:
    """The line itself or, for `-r FILE`, the lines of that file: Azure gets one file, which can include no other."""
    included = requirements.INCLUDE.match(line.text)
    if not included:
        if line.text:
            yield line
        return
    if line.text.startswith(("-c", "--constraint")):
        hint = f"write the versions in {line.file}"
        raise SpecError([Mistake(line.file, line.line, 0, "constraints do not reach Azure ML", hint)])
    path = _below(line.file, included[1].strip().strip("\"'"))
    if path in within:
        raise SpecError([Mistake(line.file, line.line, 0, f"{path} includes itself")])
    if path not in texts:
        message = f"includes '{included[1]}', and there is no file {path}"
        raise SpecError([Mistake(line.file, line.line, 0, message, code="MissingFile")])
    for number, text in requirements.lines(texts[path]):
        yield from _expanded(Line(text, path, number), texts, (*within, path))


def _below(file: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), name))


def _release(version: str) -> tuple[int, ...]:
    numbers = [int(n) for n in re.findall(r"\d+", re.split(r"[a-z+]", version.lower())[0])]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
