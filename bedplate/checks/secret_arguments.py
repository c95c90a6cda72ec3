"""secret_arguments: secrets that ACR Tasks hands to a build as arguments, and that stay in the image."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from bedplate.checks.docker_stages import stage_name
from bedplate.checks.finding import Finding
from bedplate.dockerfile.reader import Dockerfile, Instruction

CODE = "SecretsUsedInArgOrEnv"
HINT = "take the ARG out and read it with RUN --mount=type=secret,id=%s, in the RUN that needs it"
KEEPING = ("ENV", "LABEL", "WORKDIR", "USER", "COPY", "ADD", "VOLUME", "EXPOSE")  # their words are in the history


def find(dockerfile: Dockerfile, target: str | None, secrets: Collection[str]) -> Iterator[Finding]:
    """At the ARG of each secret whose value the image keeps: a RUN after it in the stages that the image stands on
    writes the values of all its arguments to the history (`docker history`), used or not."""
    for stage in _kept(dockerfile, target):
        for number, at in enumerate(stage):
            names = [w.partition("=")[0] for w in at.words] if at.keyword == "ARG" else []
            for name in (name for name in names if name in secrets):
                keeper = next((later for later in stage[number + 1 :] if _keeps(later, name)), None)
                if keeper is None:
                    continue
                message = (
                    f"ARG {name} is a secret, and the {keeper.keyword} of line {keeper.line} leaves its value in the "
                    "image's history: ACR Tasks hands it over as an argument"
                )
                yield Finding(CODE, dockerfile.mistake(at, message, HINT % name, name), at.line)


def _keeps(at: Instruction, name: str) -> bool:
    if at.keyword == "RUN":
        return True
    used = re.compile(rf"\$(?:{re.escape(name)}\b|\{{{re.escape(name)}\b)")
    return at.keyword in KEEPING and any(used.search(word) for word in at.words)


def _kept(dockerfile: Dockerfile, target: str | None) -> Iterator[list[Instruction]]:
    """The stages that the image stands on, the last one first."""
    stages: list[list[Instruction]] = []
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(at)
    names = {stage_name(stage[0]).lower(): stage for stage in stages if stage_name(stage[0])}
    wanted = (target or "").lower()
    if wanted.isdigit() and int(wanted) < len(stages):
        stage = stages[int(wanted)]
    else:
        stage = names.get(wanted, stages[-1] if stages else [])
    seen: list[list[Instruction]] = []
    while stage and stage not in seen:
        seen.append(stage)
        yield stage
        stage = names.get(stage[0].words[0].lower(), [])
