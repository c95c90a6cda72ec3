"""package_pins: packages that a Dockerfile or a requirements file takes in whatever version is newest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from bedplate import requirements
from bedplate.checks import package_commands, system_packages
from bedplate.checks.finding import Finding
from bedplate.checks.shell_commands import of_run, unquoted_versions
from bedplate.dockerfile.reader import Dockerfile, Instruction
from bedplate.errors import Mistake, SpecError

SHOWN = 4  # names in one message
TOOLS = ("pip", "setuptools", "wheel")

# the files that a RUN names, as (path in the project, text); None for what does not come from the context
Find = Callable[[str], "tuple[str, str] | None"]


def in_dockerfile(dockerfile: Dockerfile, instructions: Sequence[Instruction], find: Find) -> Iterator[Finding]:
    """`instructions`: those to look at."""
    for at in instructions:
        if at.keyword != "RUN":
            continue
        pip, conda = [], []
        system: dict[system_packages.Kind, list[str]] = {}
        for command in of_run(at):
            if asked := package_commands.pip(command):
                if not asked.constrained:
                    pip += [p for p in asked.packages if package_commands.unpinned_pip(p)]
                for name in asked.files:
                    known = find(name)
                    if known and not asked.constrained:
                        yield from in_requirements(*known)
            elif asked := package_commands.conda(command):
                conda += [p for p in asked.packages if package_commands.unpinned_conda(p)]
                for name in asked.files:
                    known = find(name)
                    if known and known[0].endswith((".yml", ".yaml")):
                        yield from in_conda_file(*known)
            elif known_kind := system_packages.unpinned(command):
                system.setdefault(known_kind[0], []).extend(known_kind[1])
        yield from _said(dockerfile, at, "UnpinnedPip", "pip install", pip, _pip_hint(pip))
        yield from _said(dockerfile, at, "UnpinnedConda", "conda", conda, "write NAME=VERSION; `conda list` says which")
        for kind, loose in system.items():
            if kind is not system_packages.R or not _dated_mirror(dockerfile):
                yield from _said(dockerfile, at, kind.code, kind.said, loose, kind.hint)
        yield from _redirected(dockerfile, at)


def in_requirements(path: str, text: str) -> Iterator[Finding]:
    """One finding for a file: it names the first requirement that is not fixed and says how many more there are."""
    lines = [(number, line) for number, line in requirements.lines(text)]
    if any(line.startswith(("-c", "--constraint")) for _, line in lines):
        return  # what is not fixed here is fixed there
    loose = [
        (number, line) for number, line in lines if not line.startswith("-") and package_commands.unpinned_pip(line)
    ]
    yield from _in_file(
        "UnpinnedPip", path, text, loose, "write NAME==VERSION; `pip freeze` or `pip-compile` gives them"
    )


def in_conda_file(path: str, text: str) -> Iterator[Finding]:
    from bedplate.yamlfile import nodes as yaml_nodes
    from bedplate.yamlfile import text as yaml_text

    try:
        root, _ = yaml_text.read(text.encode(), path)
    except SpecError:
        return  # whoever reads it says so
    if not isinstance(root, yaml_nodes.Mapping) or "dependencies" not in root.entries:
        return
    listed = root.entries["dependencies"][1]
    conda: list[tuple[int, str]] = []
    pip: list[tuple[int, str]] = []
    for item in listed.items if isinstance(listed, yaml_nodes.Sequence) else ():
        if isinstance(item, yaml_nodes.Scalar):
            if package_commands.unpinned_conda(item.text) and item.text != "pip":
                conda.append((item.line, item.text))
        elif isinstance(item, yaml_nodes.Mapping) and "pip" in item.entries:
            inner = item.entries["pip"][1]
            for one in inner.items if isinstance(inner, yaml_nodes.Sequence) else ():
                if isinstance(one, yaml_nodes.Scalar) and package_commands.unpinned_pip(one.text):
                    pip.append((one.line, one.text))
    yield from _in_file("UnpinnedConda", path, text, conda, "write NAME=VERSION; `conda list` says which")
    yield from _in_file("UnpinnedPip", path, text, pip, "write NAME==VERSION; `pip freeze` gives them")


def _in_file(code: str, path: str, text: str, loose: list[tuple[int, str]], hint: str) -> Iterator[Finding]:
    if not loose:
        return
    number, first = loose[0]
    source = text.splitlines()[number - 1]
    name = first.split(";")[0].split(" --")[0].strip()
    column = source.find(name) + 1 or 1
    rest = [line for _, line in loose[1:]]
    message = f"{name} is not held at one version"
    if rest:
        message += f", nor are {len(rest)} more: {_shown(rest)}" if len(rest) > 1 else f", nor is {_shown(rest)}"
    yield Finding(code, Mistake(path, number, column, message, hint, source))


def _said(
    dockerfile: Dockerfile, at: Instruction, code: str, what: str, loose: list[str], hint: str
) -> Iterator[Finding]:
    if loose:
        unique = list(dict.fromkeys(loose))
        message = f"{what} without a version: {_shown(unique)}"
        line, column = _place(dockerfile, at, unique[0])
        source = dockerfile.source[line - 1].rstrip("\r")
        yield Finding(code, Mistake(dockerfile.path, line, column, message, hint, source), at.line)


def _dated_mirror(dockerfile: Dockerfile) -> bool:
    """Rocker's images take R's packages as they were on a day; so does whoever names one somewhere."""
    whole = "\n".join(dockerfile.source)
    return bool(re.search(r"(?im)^\s*FROM\s.*\brocker/|/cran/[0-9]{4}-[0-9]{2}-[0-9]{2}", whole))


def _place(dockerfile: Dockerfile, at: Instruction, package: str) -> tuple[int, int]:
    """Where a package stands as a word of its own, behind the `install`."""
    whole = re.compile(rf"(?<![\w./-]){re.escape(package)}(?![\w./-])")
    behind = False
    for number in range(at.line, at.end_line + 1):
        line = dockerfile.source[number - 1]
        verb = re.search(r"\b(?:install|create|add)\b", line)
        found = whole.search(line, 0 if behind else verb.end() if verb else len(line))
        if found and not line.lstrip().startswith("#"):
            return number, found.start() + 1
        behind = behind or verb is not None
    return at.line, at.column


def _redirected(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    if at.json or not at.words:
        return
    text = at.words[0]
    if not any(package_commands.pip(c) or package_commands.conda(c) for c in of_run(at)):
        return
    for word in unquoted_versions(text):
        sign = ">" if ">" in word else "<"
        does = "writes a file and loses the version" if sign == ">" else "looks for a file of that name"
        message = f"the shell takes the '{sign}' of {word} for a redirection: it {does}"
        yield Finding("UnquotedVersion", dockerfile.mistake(at, message, f"write '{word}' in quotes", word), at.line)


def _pip_hint(loose: list[str]) -> str:
    if loose and all(package_commands.LOCAL.match(p) is None and p.split("[")[0] in TOOLS for p in loose):
        return f"write {loose[0]}==VERSION, or leave it to the base image"
    if loose and loose[0].startswith("git+"):
        return "write git+https://...@COMMIT"
    return "write NAME==VERSION, or -r a file that `pip freeze` or `pip-compile` wrote"


def _shown(names: Sequence[str]) -> str:
    shown = [n.split(";")[0].strip() for n in names[:SHOWN]]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(shown) + more
