"""package_commands: what a `pip` or `conda install` on a command line asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bedplate.checks.shell_commands import Command
from bedplate.frozen import dataclass

PIP_PROGRAM = re.compile(r"pip(?:3(?:\.\d+)?)?\Z")
PYTHON = re.compile(r"(?:python|pypy)(?:3(?:\.\d+)?)?\Z")
CONDA_PROGRAMS = ("conda", "mamba", "micromamba")
# options that take the next word for their value
PIP_VALUES = frozenset(
    [
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "-t",
        "--target",
        "--prefix",
        "--root",
        "--trusted-host",
        "--proxy",
        "--timeout",
        "--default-timeout",
        "--retries",
        "--cache-dir",
        "--platform",
        "--python-version",
        "--implementation",
        "--abi",
        "--no-binary",
        "--src",
        "--only-binary",
        "--upgrade-strategy",
        "-C",
        "--config-settings",
        "--config-setting",
        "--global-option",
        "--install-option",
        "--progress-bar",
        "--log",
        "--cert",
        "--client-cert",
        "--report",
        "--group",
        "--python",
        "-p",
        "--index",
        "--default-index",
        "--exists-action",
        "--build-constraint",
        "--override",
        "--overrides",
        "--index-strategy",
        "--link-mode",
        "--keyring-provider",
        "--resolution",
        "-b",
        "--build",
        "--root-user-action",
        "--use-feature",
        "--use-deprecated",
        "--extra",
        "--torch-backend",
        "--prerelease",
        "--exclude-newer",
    ]
)
CONDA_VALUES = frozenset(
    [
        "-n",
        "--name",
        "-p",
        "--prefix",
        "-c",
        "--channel",
        "--solver",
        "--revision",
        "--platform",
        "--subdir",
        "--clone",
        "--repodata-fn",
        "--experimental-solver",
        "--channel-alias",
        "-r",
        "--root-prefix",
        "--rc-file",
        "--channel-priority",
        "--download-threads",
    ]
)
FIXED = re.compile(r"===?\s*[\w.!+]")
LOCAL = re.compile(r"\.{0,2}/|\.(?:\[|\Z)|file:|.*\.(?:whl|tar\.gz|zip|tgz)\Z|.*\.(?:whl|tar\.gz)\[")


@dataclass(frozen=True)
class Asked:
    """`packages`: as written. `files`: requirement or environment files. `constrained`: by -c, or by --no-index."""

    packages: tuple[str, ...]
    files: tuple[str, ...] = ()
    constrained: bool = False


def pip(command: Command) -> Asked | None:
    """What a pip or `uv pip` install asks for; None for any other command."""
    rest = _after_pip(command)
    if rest is None:
        return None
    packages, files, constrained = [], [], False
    words = iter(rest)
    for word in words:
        name, equals, value = word.partition("=")
        if word in ("-r", "--requirement", "--requirements", "-c", "--constraint", "-e", "--editable"):
            value = next(words, "")
        elif word in PIP_VALUES:
            next(words, "")
            continue
        elif re.match(r"-[rc]\S", word):
            name, value = word[:2], word[2:]
        elif word.startswith("-"):
            constrained = constrained or word == "--no-index"  # then it is what the build itself holds
            if not equals:
                continue
        else:
            packages.append(word)
            continue
        if name in ("-r", "--requirement", "--requirements"):
            files.append(value)
        elif name in ("-c", "--constraint"):
            constrained = True
        elif name in ("-e", "--editable") and "://" in value:
            packages.append(value)
    return Asked(tuple(packages), tuple(files), constrained)


def conda(command: Command) -> Asked | None:
    """What a conda, mamba or micromamba install or create asks for."""
    if _name(command[0]) not in CONDA_PROGRAMS:
        return None
    words = list(command[1:])
    verb = next((i for i, w in enumerate(words) if not w.startswith("-") and words[i - 1] not in ("-n", "-p")), None)
    if verb is None:
        return None
    environment = words[verb] == "env"
    if environment:
        verb += 1
    if words[verb : verb + 1] not in (["install"], ["create"], ["update"]) or (
        not environment and words[verb] == "update"
    ):
        return None
    packages, files = [], []
    rest = iter([*words[: verb - environment], *words[verb + 1 :]])
    for word in rest:
        name, equals, value = word.partition("=")
        if word in ("-f", "--file"):
            files.append(next(rest, ""))
        elif word in CONDA_VALUES:
            next(rest, "")
        elif word.startswith("-"):
            if equals and name == "--file":
                files.append(value)
        else:
            packages.append(word)
    return Asked(() if environment else tuple(packages), tuple(files))


def unpinned_pip(requirement: str) -> bool:
    """Whether pip would take another version of it some day. A variable may hold the version: then it is not said."""
    text = requirement.split(";")[0].strip()
    if not text or "$" in text or "`" in text or "{{" in text:
        return False
    if re.match(r"(?:git|hg|svn|bzr)\+", text):
        return "@" not in text.partition("://")[2].partition("/")[2]
    if LOCAL.match(text) or "://" in text or "/" in text.partition("[")[0] or re.search(r"\s@\s|\w@\w|\]\s*@", text):
        return False
    return bool(re.match(r"[A-Za-z0-9]", text)) and not FIXED.search(text) and not re.search(r"--hash[= ]", requirement)


def unpinned_conda(spec: str) -> bool:
    """`numpy` and `numpy>=1.2` are, `numpy=1.26` and `numpy==1.26.4` are not (conda: "MatchSpec")."""
    if "$" in spec or "/" in spec.partition("::")[2] or "://" in spec or spec.endswith((".conda", ".tar.bz2", ".lock")):
        return False
    if not re.match(r"(?:[\w./-]+::)?[A-Za-z0-9_]", spec):
        return False
    return not re.search(r"(?<![<>!~])={1,2}\s*['\"]?\d", spec) and not re.search(r"\s\d|\[", spec)


def _after_pip(command: Sequence[str]) -> list[str] | None:
    """The words behind `install` of the first pip in this command."""
    words = list(command)
    for number, word in enumerate(words):
        known = PIP_PROGRAM.match(_name(word)) is not None
        if not known:
            continue
        before = words[:number]
        module = len(before) >= 2 and before[-1] == "-m" and PYTHON.match(_name(before[-2])) is not None
        runner = bool(before) and _name(before[0]) in ("uv", *CONDA_PROGRAMS, "poetry", "pipenv", "gosu", "su-exec")
        if not before or module or runner:
            rest = words[number + 1 :]
            while rest and rest[0].startswith("-"):
                rest = rest[2:] if rest[0] in PIP_VALUES else rest[1:]
            return rest[1:] if rest[:1] == ["install"] else None
        return None
    return None


def _name(program: str) -> str:
    return program.rpartition("/")[2]
