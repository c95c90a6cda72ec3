"""acr_steps: a build with BuildKit as a task of two steps for ACR Tasks: docs/decisions/buildkit-in-azure.md."""

from __future__ import annotations

import base64
import re
import shlex
import string
from typing import Any

from bedplate.builders import layout
from bedplate.dockerfile import buildkit
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.dockerfile.reader import Dockerfile
from bedplate.errors import StepError
from bedplate.step import BuildRequest

PLAIN = frozenset(string.ascii_letters + string.digits + " '-_./:=@+")  # as they are in what is sent
# of a mounted secret: what the service hands on as it is, whether or not a shell reads its command
AS_IT_IS = re.compile(r"[A-Za-z0-9@%+=:./_-]*")
MISREAD = ("-t", "--tag", "--target")  # the service looks for these between blanks, quoted or not


def why(request: BuildRequest) -> str:
    """Why a quick build, which is one of the classic builder and quotes nothing, will not do; "": it will."""
    need = buildkit.need(_parsed(request), request.args.keys() | request.secrets.keys())
    trigger = layout.mixed(request)
    if trigger:
        return f"`ONBUILD {trigger}` of what it starts from"
    if need:
        return f"{need.what} ({request.dockerfile_path}:{request.lines.get(need.line, need.line)})"
    values = {**request.args, **{name: secret.decode() for name, secret in request.secrets.items()}}
    odd = [name for name, value in values.items() if value and shlex.quote(value) != value]
    return f"what argument {odd[0]} holds" if odd else ""


def steps(
    request: BuildRequest, target: str | None, dockerfile: str, address: str, timeout_s: int, secrets: dict[str, str]
) -> dict[str, Any]:
    """What of an EncodedTaskRunRequest says what is done (Microsoft.ContainerRegistry, 2019-06-01-preview).

    `dockerfile`: its path in the context. `address`: the registry's, pushed to. `secrets`: as text; they stand in the
    request's secret values alone. Raises StepError for what the service would take for something else."""
    words, environ, values = [], [_yaml("DOCKER_BUILDKIT=1")], []
    for name, value in request.args.items():
        words += ["--build-arg", _argument(request, name, value)]
    parsed = _parsed(request)
    for number, (name, value) in enumerate(secrets.items()):
        if name in _declared(parsed):
            words += ["--build-arg", f"{_yaml(name)}={{{{.Values.argument{number}}}}}"]
            sent = _argument(request, name, value).partition("=")[2]
            values.append({"name": f"argument{number}", "value": sent, "isSecret": True})
        if _mounted(parsed, name):
            words += ["--secret", _yaml(f"id={name},env=SECRET{number}")]
            environ.append(f"SECRET{number}={{{{.Values.mounted{number}}}}}")
            sent = _as_it_is(request, name, value)
            values.append({"name": f"mounted{number}", "value": sent, "isSecret": True})
    # what the service looks for in the line, and takes the last of, stands at its end
    words += ["--platform", request.platform] + (["--target", _yaml(shlex.quote(target))] if target else [])
    image = _yaml(f"{address}/{request.tag}")
    context = layout.BELOW if layout.mixed(request) else "."
    words += ["-t", image, "-f", _yaml(dockerfile), context]
    text = (
        "version: v1.0.0\n"
        "steps:\n"
        "  - id: build\n"
        f'    build: "{" ".join(words)}"\n'
        f"    env: [{', '.join(chr(34) + one + chr(34) for one in environ)}]\n"
        f"    timeout: {timeout_s}\n"
        "  - id: push\n"
        f'    push: ["{image}"]\n'
        '    when: ["build"]\n'
        f"    timeout: {timeout_s}\n"
    )
    content = base64.b64encode(text.encode()).decode()
    return {"type": "EncodedTaskRunRequest", "encodedTaskContent": content, "values": values}


def _parsed(request: BuildRequest) -> Dockerfile:
    return dockerfile_reader.parse(request.dockerfile, request.dockerfile_path)


def _declared(dockerfile: Dockerfile) -> set[str]:
    args = (i for i in dockerfile.instructions if i.keyword == "ARG")
    return {word.partition("=")[0] for arg in args for word in arg.words}


def _mounted(dockerfile: Dockerfile, name: str) -> bool:
    return any(id == name or "$" in id for id in buildkit.secret_ids(dockerfile))


def _argument(request: BuildRequest, name: str, value: str) -> str:
    """`NAME=value` as a word of the step's command, whose words a shell reads, or the service itself."""
    wrong = next((word for word in value.split() if word in MISREAD), "\\0" if "\0" in value else "")
    if wrong:
        raise StepError(
            f"image {request.image}: ACR Tasks cannot be handed argument {name}: its value holds `{wrong}`",
            "write the value into the Dockerfile, or build with `builder: {kind: local}`",
        )
    return f"{_yaml(name)}={_yaml(shlex.quote(value))}"


def _as_it_is(request: BuildRequest, name: str, value: str) -> str:
    if AS_IT_IS.fullmatch(value):
        return value
    raise StepError(
        f"image {request.image}: ACR Tasks would change secret {name} on its way to the mount: it holds other "
        "characters than letters, digits and @%+=:./_-",
        f"keep it as base64 (`base64 -w0 FILE`) and let the RUN decode it (`base64 -d /run/secrets/{name}`), "
        "or build with `builder: {kind: local}`",
    )


def _yaml(text: str) -> str:
    """Inside double quotes. No brace, dollar or angle bracket is left: the task is read as a Go template first."""
    return "".join(char if char in PLAIN else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    """YAML 1.1, 5.6 "Escape sequences"."""
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
