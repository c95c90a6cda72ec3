"""docker_stages: Docker's build checks on FROM and on what a stage holds more than once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate.checks.finding import Finding
from bedplate.dockerfile.reader import Dockerfile, Instruction

RESERVED = ("scratch", "context")
ONCE = ("CMD", "ENTRYPOINT", "HEALTHCHECK")
TARGET_PLATFORM = re.compile(r"\$(?:TARGETPLATFORM|\{TARGETPLATFORM(?::-[^}$]*)?\})\Z")


def find(dockerfile: Dockerfile) -> Iterator[Finding]:
    stages = [at for at in dockerfile.instructions if at.keyword == "FROM"]
    yield from _names(dockerfile, stages)
    for at in stages:
        yield from _casing(dockerfile, at)
        yield from _platform(dockerfile, at)
    yield from _more_than_once(dockerfile)
    yield from _workdirs(dockerfile)
    yield from _descriptions(dockerfile)


def stage_name(at: Instruction) -> str:
    """As written; "" for a FROM without one."""
    return at.words[2] if len(at.words) == 3 else ""


def written(at: Instruction) -> str:
    """The keyword as it stands in the file."""
    return at.original[: len(at.keyword)]


def _names(dockerfile: Dockerfile, stages: list[Instruction]) -> Iterator[Finding]:
    seen: set[str] = set()
    for at in stages:
        name = stage_name(at)
        if not name:
            continue
        if name != name.lower():
            hint = f"write {name.lower()}"
            yield _say(dockerfile, at, "StageNameCasing", f"the stage name '{name}' is not lower-case", hint, name)
        if name.lower() in RESERVED:
            message = f"'{name}' is a reserved word and no name for a stage"
            yield _say(dockerfile, at, "ReservedStageName", message, "give it another name", name)
        if name.lower() in seen:
            message = f"the stage name '{name}' stands here a second time"
            yield _say(dockerfile, at, "DuplicateStageName", message, "give each stage a name of its own", name)
        seen.add(name.lower())


def _casing(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    if len(at.words) != 3:
        return
    word, keyword = at.words[1], written(at)
    right = word.islower() if keyword.islower() else word.isupper() if keyword.isupper() else True
    if not right:
        hint = f"write {'as' if keyword.islower() else 'AS'}"
        yield _say(dockerfile, at, "FromAsCasing", f"'{word}' and '{keyword}' differ in case", hint, f" {word} ", 1)


def _platform(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    platform = at.flag("platform")
    if not platform:
        return
    if TARGET_PLATFORM.match(platform):
        message = f"--platform={platform} is what FROM does anyway"
        yield _say(dockerfile, at, "RedundantTargetPlatform", message, "leave it out", "--platform")
    elif "$" not in platform:
        system, _, rest = platform.partition("/")
        parts = [part for part in (system, rest.partition("/")[0]) if part]
        if not any(part in stage_name(at).lower() for part in parts):
            message = f"this stage can be built for {platform} only"
            hint = "leave it out and set `platform` of the image in pipeline.yaml"
            yield _say(dockerfile, at, "FromPlatformFlagConstDisallowed", message, hint, "--platform")


def _more_than_once(dockerfile: Dockerfile) -> Iterator[Finding]:
    last: dict[str, Instruction] = {}
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            last = {}
        elif at.keyword in ONCE:
            if at.keyword in last:
                message = f"only the last {at.keyword} of a stage counts: that of line {at.line}"
                hint = "take this one out"
                yield _say(dockerfile, last[at.keyword], "MultipleInstructionsDisallowed", message, hint)
            last[at.keyword] = at


def _workdirs(dockerfile: Dockerfile) -> Iterator[Finding]:
    """The first of a stage and of those below it: what it is made to be, those after it go on from."""
    begun: dict[str, bool] = {}  # by stage name: has it a WORKDIR?
    known, name = False, ""
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            known, name = begun.get(at.words[0].lower(), False), stage_name(at).lower()
        elif at.keyword == "WORKDIR":
            path = at.words[0].strip("\"'")
            if not known and not (path.startswith(("/", "$", "\\")) or re.match("[A-Za-z]:", path)):
                message = f"WORKDIR {path} is relative to whatever the parent image has"
                yield _say(dockerfile, at, "WorkdirRelativePath", message, f"write an absolute path: /{path}", path)
            known = True
        if name:
            begun[name] = known


def _descriptions(dockerfile: Dockerfile) -> Iterator[Finding]:
    for at in dockerfile.instructions:
        names = [stage_name(at)] if at.keyword == "FROM" else at.words if at.keyword == "ARG" else ()
        names = [name for word in names if (name := word.partition("=")[0])]
        above = dockerfile.source[at.line - 2].strip() if at.line > 1 else ""
        if not names or not above.startswith("#") or re.match(r"#\s*(check|syntax|escape)\s*=", above):
            continue
        if not any(re.match(rf"#\s*{re.escape(name)}\s", above + " ") for name in names):
            message = f"the comment above does not describe {' or '.join(names)}"
            hint = f"write `# {names[0]} ...`, or put an empty line between"
            yield _say(dockerfile, at, "InvalidDefinitionDescription", message, hint)


def _say(
    dockerfile: Dockerfile, at: Instruction, code: str, message: str, hint: str, word: str = "", skip: int = 0
) -> Finding:
    from dataclasses import replace

    mistake = dockerfile.mistake(at, message, hint, word)
    return Finding(code, replace(mistake, column=mistake.column + skip), at.line)
