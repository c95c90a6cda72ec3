"""docker_variables: Docker's build checks on variables: in FROM, and where they have no value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from bedplate import refs
from bedplate.checks.docker_stages import stage_name
from bedplate.checks.finding import Finding
from bedplate.dockerfile.reader import Dockerfile, Instruction
from bedplate.dockerfile.scope import PROXIES, of_platforms
from bedplate.dockerfile.words import expand

EXPANDING = ("ADD", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR", "ARG")
# what well-known public images set for those that build on them, by a part of the image's name
OF_IMAGES = {
    "python": ("PYTHON_VERSION", "PYTHON_PIP_VERSION"),
    "cuda": ("CUDA_VERSION", "NV_*", "NVIDIA_*", "NCCL_VERSION", "CUDNN_VERSION"),
    "nvidia": ("CUDA_VERSION", "NV_*", "NVIDIA_*", "NCCL_VERSION", "CUDNN_VERSION", "PYTORCH_VERSION"),
    "pytorch": ("PYTORCH_VERSION", "CUDA_VERSION", "CUDNN_VERSION", "NVIDIA_*"),
    "tensorflow": ("CUDA_VERSION", "CUDNN_VERSION", "NVIDIA_*"),
    "node": ("NODE_VERSION", "YARN_VERSION"),
    "golang": ("GOLANG_VERSION", "GOPATH", "GOTOOLCHAIN"),
    "rust": ("RUST_VERSION", "CARGO_HOME", "RUSTUP_HOME"),
    "jupyter": ("CONDA_DIR", "NB_*", "JUPYTER_*", "PYTHON_VERSION"),
    "rocker": ("R_VERSION", "R_HOME", "CRAN", "NB_*", "PYTHON_*", "S6_VERSION", "CTAN_REPO", "LANG", "TZ"),
    "r-base": ("R_BASE_VERSION", "LC_ALL", "LANG"),
    "spark": ("SPARK_*", "JAVA_HOME"),
    "java": ("JAVA_HOME", "JAVA_VERSION"),
    "temurin": ("JAVA_HOME", "JAVA_VERSION"),
    "micromamba": ("MAMBA_*", "ENV_NAME"),
    "aws": ("LAMBDA_*", "AWS_*"),
    "lambda": ("LAMBDA_*", "AWS_*"),
    "azureml": ("MINICONDA_VERSION", "AZUREML_*", "CONDA_*"),
}
PATHS = re.compile(r"PATH\Z|\ALANG|\ALC_|\AHOME\Z")  # a parent image is likely to set these


def find(dockerfile: Dockerfile, given: Mapping[str, str], platform: str) -> Iterator[Finding]:
    """`given`: the arguments that the spec sets; of one that is another image's, only that it has a value counts."""
    outer = {**of_platforms(platform)}
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            break
        for word in at.words:
            name, equals, default = word.partition("=")
            if name in given:
                outer[name] = given[name]
            elif equals:
                outer[name] = _expanded(default, outer)
    declared = {name for at in _before_from(dockerfile) for name in _set_by(at)} | set(of_platforms(platform))
    yield from _in_from(dockerfile, outer, declared, given)
    yield from _in_stages(dockerfile)


# ---- FROM


def _in_from(
    dockerfile: Dockerfile, outer: Mapping[str, str], declared: set[str], given: Mapping[str, str]
) -> Iterator[Finding]:
    for at in dockerfile.instructions:
        if at.keyword != "FROM":
            continue
        for text in (at.words[0], at.flag("platform") or ""):
            for name in _plain_names(text) - declared:
                near = get_close_matches(name, sorted(declared), 1, 0.7)
                hint = f"did you mean '{near[0]}'?" if near else f"write ARG {name}=... before the first FROM"
                mistake = dockerfile.mistake(at, f"no ARG before the first FROM declares {name}", hint, text)
                yield Finding("UndefinedArgInFrom", mistake, at.line)
        names = set(re.findall(r"\$\{?(\w+)", at.words[0]))
        if names and names <= declared and not names & set(given) and not _image(_expanded(at.words[0], outer)):
            message = f"with the defaults of {', '.join(sorted(names))}, {at.words[0]} names no image"
            hint = f"give ARG {sorted(names)[0]} a default"
            yield Finding("InvalidDefaultArgInFrom", dockerfile.mistake(at, message, hint, at.words[0]), at.line)


def _image(text: str) -> bool:
    try:
        refs.ImageRef.parse(text)
    except ValueError:
        return False
    return True


# ---- in a stage


@dataclass
class _Stage:
    parent: str  # as written
    names: set[str] = field(default_factory=set)
    scratch: bool = False


def _in_stages(dockerfile: Dockerfile) -> Iterator[Finding]:
    everywhere = {n: at.line for at in reversed(dockerfile.instructions) if at.keyword == "ARG" for n in _set_by(at)}
    platforms = set(of_platforms("linux/amd64"))
    stages: dict[str, _Stage] = {}
    stage: _Stage | None = None
    for number, at in enumerate(i for i in dockerfile.instructions):
        if at.keyword == "FROM":
            base = stages.get(at.words[0].lower())
            parent = base.parent if base else at.words[0]
            stage = _Stage(parent, set(base.names) if base else set(), base.scratch if base else parent == "scratch")
            if stage.scratch:
                stage.names.add("PATH")
            stages[stage_name(at).lower() or f" {number}"] = stage
        elif stage is not None:
            if at.keyword in EXPANDING:
                for name in sorted(_used(at) - stage.names - PROXIES):
                    hint = _why_unset(name, stage, everywhere, platforms)
                    if hint:
                        mistake = dockerfile.mistake(at, f"{name} has no value here", hint, "$" + name)
                        if f"${name}" not in mistake.source:
                            mistake = dockerfile.mistake(at, f"{name} has no value here", hint, "${" + name)
                        yield Finding("UndefinedVar", mistake, at.line)
            stage.names |= _set_by(at)


def _why_unset(name: str, stage: _Stage, everywhere: Mapping[str, int], platforms: set[str]) -> str:
    """What makes us sure that the parent image does not set it either, as a hint; "" if we are not."""
    if _set_by_parent(name, stage.parent):
        return ""
    if name in platforms:
        return f"write ARG {name} in this stage: Docker sets it only where it is declared"
    if name in everywhere and not PATHS.search(name):
        return f"the ARG of line {everywhere[name]} does not reach to here: write ARG {name} in this stage"
    near = get_close_matches(name, sorted(stage.names), 1, 0.85) if len(name) > 4 else []
    if near and not PATHS.search(name):
        return f"did you mean '{near[0]}'?"
    return f"write ARG {name} or ENV {name}=... above" if stage.scratch else ""


def _set_by_parent(name: str, parent: str) -> bool:
    for part, names in OF_IMAGES.items():
        if part in parent.lower() and any(name == n or (n[-1] == "*" and name.startswith(n[:-1])) for n in names):
            return True
    return False


def _used(at: Instruction) -> set[str]:
    """Variables that are expanded without a fall-back of their own."""
    heredocs = [w for w in at.words if not w.startswith("<<")]
    texts = [w for w in heredocs if not (at.keyword == "ARG" and "=" not in w)]
    flags = [f for f in at.flags if not f.startswith("--from")]  # BuildKit reads `from` by the ARGs before FROM, too
    return {name for text in (*texts, *flags) for name in _plain_names(text)}


def _plain_names(text: str) -> set[str]:
    """`$NAME` and `${NAME}`, not escaped, not in single quotes, and not with a modifier such as `:-`."""
    if "$" not in text:
        return set()
    bare = re.sub(r"\\.", "", re.sub(r"'[^']*'", "", text))
    return set(re.findall(r"\$([A-Za-z_]\w*)", bare)) | set(re.findall(r"\$\{([A-Za-z_]\w*)\}", bare))


def _set_by(at: Instruction) -> set[str]:
    if at.keyword == "ARG":
        return {w.partition("=")[0] for w in at.words}
    return set(at.words[::2]) if at.keyword == "ENV" else set()


def _before_from(dockerfile: Dockerfile) -> Iterator[Instruction]:
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            return
        yield at


def _expanded(text: str, values: Mapping[str, str]) -> str:
    try:
        return expand(text, values).text
    except ValueError:
        return ""
