"""docker_instructions: Docker's build checks on single instructions, but for FROM and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate.checks.docker_stages import stage_name, written
from bedplate.checks.finding import Finding
from bedplate.checks.secret_names import secret_name
from bedplate.dockerfile.reader import Dockerfile, Instruction

PORT = re.compile(r"[^/]*")


def find(dockerfile: Dockerfile) -> Iterator[Finding]:
    yield from _casing(dockerfile)
    yield from _shell_forms(dockerfile)
    stage = False
    for at in dockerfile.instructions:
        stage = stage or at.keyword == "FROM"
        yield from _empty_continuation(dockerfile, at)
        if at.keyword == "MAINTAINER":
            hint = f'write LABEL org.opencontainers.image.authors="{at.words[0]}"' if at.words else ""
            yield Finding("MaintainerDeprecated", dockerfile.mistake(at, "MAINTAINER is deprecated", hint), at.line)
        elif at.keyword in ("ENV", "LABEL"):
            yield from _legacy(dockerfile, at)
        elif at.keyword == "EXPOSE":
            yield from _ports(dockerfile, at)
        if at.keyword in ("ENV", "ARG") and stage:  # an ARG before FROM is in no image's history
            yield from _secret_names(dockerfile, at)


def _casing(dockerfile: Dockerfile) -> Iterator[Finding]:
    lower = sum(1 for at in dockerfile.instructions if written(at).islower())
    upper = sum(1 for at in dockerfile.instructions if written(at).isupper())
    for at in dockerfile.instructions:
        word = written(at)
        right = word.lower() if lower > upper else word.upper()
        if word != right:
            mistake = dockerfile.mistake(at, f"'{word}' is not written as most instructions here", f"write {right}")
            yield Finding("ConsistentInstructionCasing", mistake, at.line)


def _shell_forms(dockerfile: Dockerfile) -> Iterator[Finding]:
    """Not after a SHELL, of the stage or of one below it: then the shell is meant."""
    shells: dict[str, bool] = {}  # by stage name: has it a SHELL?
    shell, name = False, ""
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            shell, name = shells.get(at.words[0].lower(), False), stage_name(at).lower()
        elif at.keyword == "SHELL":
            shell = True
        elif at.keyword in ("CMD", "ENTRYPOINT") and at.words and not at.json and not shell:
            message = f"{at.keyword} as text runs in a shell, which keeps signals from the program"
            hint = f'write it as JSON: {at.keyword} ["PROGRAM", "ARGUMENT"]'
            yield Finding("JSONArgsRecommended", dockerfile.mistake(at, message, hint), at.line)
        if name:
            shells[name] = shell


def _empty_continuation(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    """Empty lines within an instruction; those of a heredoc are its content."""
    last = at.end_line - sum(h.content.count("\n") + 1 for h in at.heredocs)
    for number in range(at.line + 1, last + 1):
        if not dockerfile.source[number - 1].strip():
            from bedplate.errors import Mistake

            message = f"an empty line within the {at.keyword} of line {at.line}"
            hint = "take the line out, or the continuation before it; Docker will refuse it some day"
            yield Finding("NoEmptyContinuation", Mistake(dockerfile.path, number, 1, message, hint), at.line)
            return  # one word for an instruction is enough


def _legacy(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    rest = at.original[len(at.keyword) :].strip()
    if at.words and "=" not in rest.split()[0]:
        value = at.words[1]
        quoted = f'"{value}"' if " " in value and value[:1] not in "\"'" else value
        shown = "VALUE" if secret_name(at.words[0]) else quoted
        message = f"{at.keyword} {at.words[0]} VALUE is the old form"
        yield Finding(
            "LegacyKeyValueFormat",
            dockerfile.mistake(at, message, f"write {at.keyword} {at.words[0]}={shown}"),
            at.line,
        )


def _ports(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    for word in at.words:
        port, slash, protocol = word.partition("/")
        if slash and "$" not in protocol and protocol != protocol.lower():
            message = f"the protocol of '{word}' is not lower-case"
            mistake = dockerfile.mistake(at, message, f"write {port}/{protocol.lower()}", word)
            yield Finding("ExposeProtoCasing", mistake, at.line)
        if ":" in re.sub(r"\$\{[^}]*\}", "", port):
            message = f"'{word}' names an address or a port of the host: EXPOSE takes the container's port"
            own = port.rpartition(":")[2] + slash + protocol
            yield Finding("ExposeInvalidFormat", dockerfile.mistake(at, message, f"write EXPOSE {own}", word), at.line)


def _secret_names(dockerfile: Dockerfile, at: Instruction) -> Iterator[Finding]:
    names = at.words[::2] if at.keyword == "ENV" else [w.partition("=")[0] for w in at.words]
    for name in names:
        if secret_name(name):
            message = f"{at.keyword} {name}: what is in it stays readable in the image's history"
            hint = "hand it in with `secrets:` of the image and RUN --mount=type=secret,id=..."
            yield Finding("SecretsUsedInArgOrEnv", dockerfile.mistake(at, message, hint, name), at.line)
