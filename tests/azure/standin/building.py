"""How a run of ACR Tasks builds: with the engine of this machine, or as a script says."""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import re
import selectors
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .run_steps import full_name, steps, tags
from .state import Document
from .task_file import Step, TaskRefused
from .tokens import CLIENT

if TYPE_CHECKING:
    from .tasks import Build

Builder = Callable[["Build"], list[Document]]


class BuildFailed(Exception):  # noqa: N818 -- the outcome of a run
    """How the failed step ended: `exit status 1`."""


def scripted(lines: Sequence[str], *, digest: str = "sha256:" + "0" * 64, fails: str = "", pause: float = 0) -> Builder:
    """A builder that only says `lines`, one every `pause` seconds, and then succeeds or `fails`."""

    def build(build: Build) -> list[Document]:
        for line in lines:
            if build.cancelled.wait(pause):
                raise BuildFailed("canceled")
            build.log(line)
        if fails:
            raise BuildFailed(fails)
        names = [name for step in _steps(build) for name in step.push]
        return _images(build, dict.fromkeys(names, digest))

    return build


def with_the_engine(build: Build) -> list[Document]:
    """The uploaded context is really built and pushed; the words around are those of ACR Tasks."""

    def say(text: str) -> None:
        build.log(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {text}")

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        say("Downloading source code...")
        with tarfile.open(fileobj=io.BytesIO(build.source), mode="r:gz") as tar:
            tar.extractall(folder / "context", filter="tar") if hasattr(tarfile, "tar_filter") else tar.extractall(
                folder / "context"
            )
        say("Finished downloading source code")
        say(f"Successfully logged into {build.registry.login_server}")
        _sign_in(build, folder / "docker")
        server = build.registry.login_server
        environ = {**os.environ, "DOCKER_CONFIG": str(folder / "docker")}
        made: list[str] = []  # names that the engine has now
        digests: dict[str, str] = {}
        try:
            for step in _steps(build):
                say(f"Executing step ID: {step.id}. Timeout(sec): {step.timeout}, Working directory: '', Network: ''")
                if step.words:
                    made += tags(step.words)
                    _build(build, step, folder / "context", environ)
                    say(f"Successfully executed container: {step.id}")
                for full in step.push:
                    say(f"Pushing image: {full}, attempt 1")
                    digests[full.removeprefix(f"{server}/")] = _pushed(build, full, environ)
                    say(f"Successfully pushed image: {full}")
        finally:
            for full in made:
                subprocess.run(["docker", "rmi", full], capture_output=True, env=environ, check=False)
        return _images(build, digests)


def _steps(build: Build) -> list[Step]:
    try:
        return steps(build)
    except TaskRefused as refused:
        raise BuildFailed(f"failed to unmarshal task before running: {refused}") from None


def _build(build: Build, step: Step, context: Path, environ: dict[str, str]) -> None:
    """With BuildKit where the step's environment says so alone: the service's engine has the classic builder."""
    buildkit = step.environ.get("DOCKER_BUILDKIT") == "1"
    environ = {**environ, **step.environ, "DOCKER_BUILDKIT": "1" if buildkit else "0"}
    words, arguments = list(step.words), {}
    for at, flag in enumerate(words):
        if flag == "--build-arg" and "=" in words[at + 1]:  # as above
            words[at + 1], _, value = words[at + 1].partition("=")
            arguments[words[at + 1]] = value
    said: list[str] = []
    if buildkit:
        _pull_own(build, [*words, *arguments.values()], context, environ)
    command = [_program() if buildkit else "docker", "build", *words]
    try:
        _run(build, command, {**environ, **arguments}, said, context)
    except BuildFailed:
        _remove_what_is_left(said)
        raise


def _pull_own(build: Build, words: Sequence[str], context: Path, environ: dict[str, str]) -> None:
    """BuildKit inside an engine speaks plain HTTP with a registry of this machine, and the stand-in's speaks TLS."""
    file = dict(zip(words, words[1:], strict=False)).get("-f", "Dockerfile")
    named = "\n".join([*words, (context / file).read_text(encoding="utf-8")])
    own = re.escape(build.registry.login_server) + r"/[\w./-]+@sha256:[0-9a-f]{64}"
    for reference in sorted(set(re.findall(own, named))):
        subprocess.run(["docker", "pull", "--quiet", reference], env=environ, capture_output=True, check=False)


@functools.lru_cache(maxsize=1)
def _program() -> str:
    """A client that speaks BuildKit: one with buildx, or one so old that it needs none."""
    programs = [p for f in os.environ["PATH"].split(":") if (p := shutil.which("docker", path=f))]
    for program in programs:
        if subprocess.run([program, "buildx", "version"], capture_output=True, check=False).returncode == 0:
            return program
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if re.search(r"version (1\d|2[0-2])\.", said):
            return program
    raise BuildFailed("the stand-in's machine has no client that speaks BuildKit")


def _pushed(build: Build, full: str, environ: dict[str, str]) -> str:
    said: list[str] = []
    _run(build, ["docker", "push", full], environ, said)
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", "\n".join(said))
    if not found:
        raise BuildFailed("exit status 1")
    return found[1]


def _run(
    build: Build, command: list[str], environ: dict[str, str], said: list[str], folder: Path | None = None
) -> None:
    """Runs it, each line to the log and to `said` as it comes; ends it when the run is cancelled."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ, cwd=folder)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            if build.cancelled.is_set():
                process.kill()
            part = b""
            if selector.select(0.1):
                part = process.stdout.read() or b""
                if not part:
                    break
            *lines, rest = (rest + part).replace(b"\r\n", b"\n").split(b"\n")
            for line in lines:
                said.append(line.decode(errors="replace"))
                build.log(_without_secrets(build, said[-1]))
    if rest:
        said.append(rest.decode(errors="replace"))
        build.log(_without_secrets(build, said[-1]))
    code = process.wait()
    process.stdout.close()
    if code:
        raise BuildFailed(f"exit status {code}")


def _remove_what_is_left(said: list[str]) -> None:
    """The classic builder keeps the images of the steps before the one that failed."""
    step, made = "", ""
    for line in said:
        step = line if line.startswith("Step ") else step
        if line.startswith(" ---> ") and " : FROM " not in step and "Running in" not in line:
            made = line.removeprefix(" ---> ").strip()
    if re.fullmatch("[0-9a-f]{12}", made):
        subprocess.run(["docker", "rmi", made], capture_output=True, check=False)


def _without_secrets(build: Build, line: str) -> str:
    for argument in [*(build.request.get("arguments") or []), *(build.request.get("values") or [])]:
        if argument.get("isSecret") and argument.get("value"):
            line = line.replace(argument["value"], "***")
    return line


def _sign_in(build: Build, folder: Path) -> None:
    """The engine's client gets what the service has: the right to pull and push in its own registry."""
    folder.mkdir()
    secret = base64.b64encode(f"{CLIENT}:{build.azure.tokens.secret}".encode()).decode()
    found = {build.registry.login_server: {"auth": secret}}
    others = ((build.request.get("credentials") or {}).get("customRegistries") or {}).items()
    for server, credential in others:
        user, password = ((credential.get(k) or {}).get("value", "") for k in ("userName", "password"))
        found[server] = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    (folder / "config.json").write_text(json.dumps({"auths": found}), encoding="utf-8")


def _images(build: Build, digests: dict[str, str]) -> list[Document]:
    found = []
    for name, digest in digests.items():
        rest = full_name(build, name).removeprefix(build.registry.login_server + "/")
        repository, _, tag = rest.partition(":")
        server = build.registry.login_server
        found.append({"registry": server, "repository": repository, "tag": tag or "latest", "digest": digest})
    return found
