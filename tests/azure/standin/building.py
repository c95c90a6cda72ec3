"""How a run of ACR Tasks builds: with the engine of this machine, or as a script says."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import selectors
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .state import Document
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
        return _images(build, dict.fromkeys(build.request.get("imageNames") or [], digest))

    return build


def with_the_engine(build: Build) -> list[Document]:
    """The uploaded context is really built and pushed; the words around are those of ACR Tasks."""
    request = build.request

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
        names = [_name(build, n) for n in request.get("imageNames") or []]
        say("Executing step ID: build. Timeout(sec): 28800, Working directory: '', Network: ''")
        command = ["docker", "build", "-f", str(folder / "context" / request["dockerFilePath"])]
        for name in names:
            command += ["-t", name]
        environ = dict(os.environ)
        for argument in request.get("arguments") or []:
            # by the environment: a secret argument must not stand in this process' list either
            environ[argument["name"]] = argument["value"]
            command += ["--build-arg", argument["name"]]
        if request.get("target"):
            command += ["--target", request["target"]]
        platform = request.get("platform") or {}
        if platform.get("architecture"):
            command += ["--platform", f"linux/{platform['architecture']}"]
        if request.get("noCache"):
            command += ["--no-cache"]
        environ |= {"DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": str(folder / "docker")}
        said: list[str] = []
        try:
            _run(build, [*command, str(folder / "context")], environ, said)
        except BuildFailed:
            _remove_what_is_left(said)
            raise
        say("Successfully executed container: build")
        digests = {}
        if request.get("isPushEnabled", True):
            say("Executing step ID: push. Timeout(sec): 3600, Working directory: '', Network: ''")
            for name, full in zip(request.get("imageNames") or [], names, strict=True):
                say(f"Pushing image: {full}, attempt 1")
                said = []
                _run(build, ["docker", "push", full], environ, said)
                found = re.search(r"digest: (sha256:[0-9a-f]{64})", "\n".join(said))
                if not found:
                    raise BuildFailed("exit status 1")
                digests[name] = found[1]
                say(f"Successfully pushed image: {full}")
        for full in names:
            subprocess.run(["docker", "rmi", full], capture_output=True, env=environ, check=False)
        return _images(build, digests)


def _run(build: Build, command: list[str], environ: dict[str, str], said: list[str]) -> None:
    """Runs it, each line to the log and to `said` as it comes; ends it when the run is cancelled."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ)
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
    for argument in build.request.get("arguments") or []:
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


def _name(build: Build, name: str) -> str:
    name = name.replace("{{.Run.ID}}", build.run)
    return name if name.startswith(build.registry.login_server + "/") else f"{build.registry.login_server}/{name}"


def _images(build: Build, digests: dict[str, str]) -> list[Document]:
    found = []
    for name, digest in digests.items():
        rest = _name(build, name).removeprefix(build.registry.login_server + "/")
        repository, _, tag = rest.partition(":")
        server = build.registry.login_server
        found.append({"registry": server, "repository": repository, "tag": tag or "latest", "digest": digest})
    return found
