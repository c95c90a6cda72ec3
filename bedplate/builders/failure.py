"""failure: a failed build as an error that names the instruction, its line and what it said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bedplate.builders.layout import Layout, shown
from bedplate.builders.progress import Failed
from bedplate.clients.docker_errors import hint as engine_hint
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.dockerfile.reader import Instruction
from bedplate.errors import StepError
from bedplate.log import Log
from bedplate.step import BuildRequest

COUNTED = ("FROM", "RUN", "COPY", "ADD", "WORKDIR")  # what BuildKit numbers in `[stage 2/5]`
LONGEST = 120  # characters of an instruction that are shown
STEP = re.compile(r"\[(?:(?P<stage>[^]]*) )?(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)", re.DOTALL)
EXIT = re.compile(r"(?:exit code: |exit status |returned a non-zero code: )(\d+)")
PARSE = re.compile(r"(?:dockerfile parse error (?:on )?line |Dockerfile:|^line )(\d+):? *(.*)", re.IGNORECASE)


def explain(request: BuildRequest, layout: Layout, failed: Failed, log: Log, *, classic: bool) -> StepError:
    """`images/base/Dockerfile:7: RUN pip install x failed with exit code 1`, with the last lines of its output."""
    step = STEP.fullmatch(failed.name)
    text = _short(shown(step["text"] if step else failed.name))
    at = _instruction(layout, step, classic) if step else None
    said = _words(failed.error)
    parse = PARSE.search(said)
    if at is None and parse:
        where = _where(request, layout, int(parse[1]))
        return StepError(f"{where}: {parse[2] or said}", f"the build's log: {_near(log.path)}")
    where = _where(request, layout, at.line if at else 0)
    code = EXIT.search(said)
    if code:
        message = f"{where}: {text or 'the build'} failed with exit code {code[1]}"
    else:
        message = f"{where}: {text}: {said}" if text else f"{where}: {said}"
    hint = _hint(said, "\n".join(failed.output), code[1] if code else "")
    log_hint = f"the build's log: {_near(log.path)}"
    return StepError(message, f"{hint}; {log_hint}" if hint else log_hint, "\n".join(failed.output))


def _near(path: Path) -> Path:
    """As it is named from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _instruction(layout: Layout, step: re.Match[str], classic: bool) -> Instruction | None:
    parsed = dockerfile_reader.parse(layout.dockerfile, "")
    number, total, text = int(step["number"]), int(step["total"]), step["text"]
    if classic:  # it counts every instruction of the file, and one of its own at the end for the labels
        counted, at = list(parsed.instructions), number - 1
    else:  # from the stage's end: the ONBUILD instructions of a parent image come in front
        counted = [i for i in _stage(parsed.instructions, step["stage"] or "") if i.keyword in COUNTED]
        at = len(counted) - 1 - (total - number)
    if 0 <= at < len(counted) and text.upper().startswith(counted[at].keyword):
        return counted[at]
    same = [i for i in parsed.instructions if _short(i.original) == _short(text)]
    return same[0] if len(same) == 1 else None


def _stage(instructions: Iterable[Instruction], name: str) -> list[Instruction]:
    """The instructions of the stage that a vertex names: `build`, `stage-1`, `linux/arm64 build`, or the only one."""
    stages: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(instruction)
    wanted = name.rpartition(" ")[2] if "/" in name.partition(" ")[0] or "->" in name else name
    for number, stage in enumerate(stages):
        words = [word.lower() for word in stage[0].words]
        named = words[2] if len(words) == 3 else f"stage-{number}"
        if wanted.lower() == named or len(stages) == 1:
            return stage
    return []


def _where(request: BuildRequest, layout: Layout, line: int) -> str:
    origin = layout.lines.get(line, 0)
    return f"{request.dockerfile_path}:{origin}" if origin else f"image {request.image}, {request.dockerfile_path}"


def _words(error: str) -> str:
    for prefix in (
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve: ",
        "rpc error: code = Unknown desc = ",
    ):
        error = error.removeprefix(prefix)
    error = error.removeprefix("failed to create LLB definition: ")
    return error.strip()


def _hint(said: str, output: str, code: str) -> str:
    if code == "137":
        return "it was killed: most often the machine ran out of memory"
    if "requires BuildKit" in said + output:
        return (
            "this builder has no BuildKit (ACR Tasks takes it for what the Dockerfile says, not for what an ONBUILD "
            "brings): write it without, or `builder: {kind: local}`"
        )
    if "not found" in said and "cache key" in said:
        return "the file is not in the context, or .dockerignore takes it out"
    if "resolve image config for" in said and "docker/dockerfile" in said:
        return "BuildKit fetches what `# syntax=` names: without that line it takes its own, or name a mirror's image"
    if re.search("certificate verify failed|SSL certificate problem|unable to get local issuer", output):
        return "name the network's CA bundle in SSL_CERT_FILE: builds are handed it, where the engine has BuildKit"
    return engine_hint(said + output)


def _short(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= LONGEST else one[: LONGEST - 4] + " ..."
