"""How ACR Tasks reads a task: a Go template, then YAML, then the words of each step's command.

Two generations of the service's program are modelled: one gives a command to a shell, the other splits it itself. What
they would not read alike is refused, and so is what the program's own look at the command would take wrongly."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from .state import Document

VERSIONS = ("v1.0.0", "v1.1.0", "1.0-preview-1")
STEP_S = 600  # of a step that says nothing
KNOWN = {
    *("id", "build", "push", "cmd", "env", "when", "timeout", "retries", "retryDelay", "ignoreErrors", "network"),
    *("workingDirectory", "startDelay", "keep", "pull", "volumeMounts", "cache", "entryPoint", "user"),
}
ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
SPECIAL = set("$`\\\"'|&;<>()*?[]#~!{}")  # means something to a shell outside quotes


class TaskRefused(Exception):  # noqa: N818 -- the outcome of a run
    """The program's own words."""


@dataclass(frozen=True)
class Step:
    """`words` of a build, after `docker build`. `push`: images."""

    id: str
    words: tuple[str, ...]
    push: tuple[str, ...]
    environ: dict[str, str]
    timeout: int


def read(request: Document, run: str, address: str) -> list[Step]:
    """The steps of an EncodedTaskRunRequest, in their order."""
    import yaml

    try:
        text = base64.b64decode(request["encodedTaskContent"], validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise TaskRefused(f"failed to decode the task: {error}") from None
    values = {value["name"]: value["value"] for value in request.get("values") or []}
    try:
        task = yaml.safe_load(render(text, values, {"ID": run, "Registry": address}))
    except yaml.YAMLError as error:
        raise TaskRefused(f"failed to deserialize task and validate: {error}") from None
    if not isinstance(task, dict) or str(task.get("version", "v1.0.0")).lower() not in VERSIONS:
        raise TaskRefused("invalid version specified")
    if str(task.get("version")) == "v1.1.0" and "$" in text:
        raise TaskRefused("the stand-in has no aliases")
    found = [_step(number, step, task) for number, step in enumerate(task.get("steps") or [])]
    if not found:
        raise TaskRefused("task has no steps")
    return found


def render(text: str, values: dict[str, str], run: dict[str, str]) -> str:
    """Of Go's templates: `{{.Values.x}}`, `{{.Run.x}}` and `{{"text"}}`. A value that is not there is nothing."""

    def one(action: re.Match[str]) -> str:
        kind, _, name = action[1].partition(".Values.")
        if not kind and re.fullmatch(r"\w+", name):
            return values.get(name, "")
        kind, _, name = action[1].partition(".Run.")
        if not kind and name in run:
            return run[name]
        if re.fullmatch(r'"[^"\\]*"', action[1]):
            return action[1][1:-1]
        raise TaskRefused(f"failed to parse template: {action[0]}")

    if "{{" in ACTION.sub("", text):
        raise TaskRefused("failed to parse template: unclosed action")
    return ACTION.sub(one, text).replace("<no value>", "")


def _step(number: int, step: Any, task: Document) -> Step:
    if not isinstance(step, dict) or set(step) - KNOWN:
        raise TaskRefused(f"step {number}: cannot unmarshal")
    kinds = [kind for kind in ("build", "push", "cmd") if step.get(kind)]
    if len(kinds) != 1:
        raise TaskRefused("step must only contain a single build, cmd, or push property")
    if kinds == ["cmd"]:
        raise TaskRefused("the stand-in has no cmd steps")
    environ = {}
    for one in [*(task.get("env") or []), *(step.get("env") or [])]:
        name, equals, value = str(one).partition("=")
        if not equals:
            raise TaskRefused(f"cannot parse step environment variable {one} correctly")
        if by_shell(one) != [one] or "," in one:
            raise TaskRefused(f"a shell would not read variable {name} as it is written")
        environ[name] = value
    words = both(step["build"]) if kinds == ["build"] else []
    if words:
        _looked_at(step["build"], words)
    timeout = int(step.get("timeout") or task.get("stepTimeout") or STEP_S)
    name = str(step.get("id") or f"acb_step_{number}")
    return Step(name, tuple(words), tuple(step.get("push") or ()), environ, timeout)


def both(command: str) -> list[str]:
    """The words, on which both generations must agree."""
    one, other = by_shell(command), by_itself(command)
    if one != other:
        raise TaskRefused("two generations of the program read the command differently")
    return one


def by_shell(command: str) -> list[str]:
    """The words of a POSIX shell, where nothing is left for it to expand. (POSIX 2.2 "Quoting", 2.6.5)"""
    words: list[str] = []
    word: str | None = None
    quote = ""
    for char in command:
        if quote:
            if char == quote:
                quote = ""
            elif quote == '"' and char in "$`\\":
                raise TaskRefused(f"a shell would read {char} between double quotes")
            else:
                word = (word or "") + char
        elif char in " \t\n":
            if char == "\n" and (words or word is not None):
                raise TaskRefused("a shell would end the command at a line break")
            words += [word] if word is not None else []
            word = None
        elif char in "'\"":
            quote, word = char, word or ""
        elif char in SPECIAL:
            raise TaskRefused(f"a shell would read {char}")
        else:
            word = (word or "") + char
    if quote:
        raise TaskRefused("a quote is left open")
    return [*words, word] if word is not None else words


def by_itself(command: str) -> list[str]:
    """The words by the program's own rules: quotes group, a backslash before a blank or a quote takes it, no `$`."""
    if "\0" in command:
        raise TaskRefused("command contains a NUL character")
    words: list[str] = []
    for match in re.finditer(r"""(?:[^ \t\r\n'"\\]|\\.|\\$|'[^']*'|"(?:[^"\\]|\\.)*")+""", command, re.DOTALL):
        parts = re.findall(r"""[^ \t\r\n'"\\]+|\\.|\\$|'[^']*'|"(?:[^"\\]|\\.)*\"""", match[0], re.DOTALL)
        words.append("".join(_part(part) for part in parts))
    return words


def _part(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] == '"':
        return part[1:-1].replace('\\"', '"')
    if part[0] == "\\":
        return part[1:] if part[1:] in tuple(" \t\r\n'\"") and part[1:] else part
    return part


def _looked_at(command: str, words: list[str]) -> None:
    """The program looks for tags, file, target and context among what stands between blanks, quoted or not."""
    fields, tags, file, target, context, before = command.split(), [], "Dockerfile", "", ".", ""
    for field in fields:
        if before in ("-t", "--tag"):
            tags.append(field)
        if before in ("-f", "--file"):
            file = field
        elif before == "--target":
            target = field
        elif not before.startswith("-") and not field.startswith("-"):
            context = field
        before = field
    pairs = list(zip(words, words[1:], strict=False))
    meant = [value for flag, value in pairs if flag in ("-t", "--tag")]
    files = [value for flag, value in pairs if flag in ("-f", "--file")] or ["Dockerfile"]
    targets = [value for flag, value in pairs if flag == "--target"] or [""]
    if (tags, file, target, context) != (meant, files[-1], targets[-1], words[-1]):
        raise TaskRefused("failed to scan dependencies: exit status 1")
