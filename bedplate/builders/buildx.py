"""buildx: a build through a client program that speaks BuildKit: it hands over secrets, and sends only what changed."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bedplate.builders import docker, failure, staging
from bedplate.builders.layout import apart
from bedplate.builders.progress import PlainProgress
from bedplate.clients import docker_host
from bedplate.clients.docker_engine import Engine
from bedplate.errors import StepError
from bedplate.frozen import dataclass
from bedplate.log import Log
from bedplate.step import BuildRequest

ANSWER_S = 20.0
LAST_WITHOUT_BUILDX = 22  # from 23 on, `docker build` hands BuildKit builds to the buildx plugin


@dataclass(frozen=True)
class Client:
    """A client program. `command`: what a build begins with; `environ`: what it needs besides."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


@functools.lru_cache(maxsize=1)
def client() -> Client | None:
    """The first docker in PATH with the buildx plugin, else one whose own `build` speaks BuildKit; None: neither."""
    programs = list(dict.fromkeys(filter(None, (shutil.which("docker", path=p) for p in _folders()))))
    # all at once: each takes 50 ms
    asked = [(p, _ask([p, "buildx", "version"]), _ask([p, "--version"])) for p in programs]
    said = [(program, _answer(plugin), _answer(itself)) for program, plugin, itself in asked]
    for program, plugin, _ in said:
        if plugin:
            # the builder inside the engine: one in a container of its own cannot see the engine's images
            name = docker_host.context_name() or "default"
            return Client((program, "buildx", "build", f"--builder={name}"), {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
    for program, _, itself in said:
        version = re.search(r"version (\d+)\.", itself)
        if version and int(version[1]) <= LAST_WITHOUT_BUILDX:
            return Client((program, "build"), {"DOCKER_BUILDKIT": "1"})
    return None


def build(request: BuildRequest, root: Path, engine: Engine, log: Log, with_: Client) -> str:
    """Image id. The image carries `request.tag`. Raises StepError with the instruction that failed.

    `root`: the project's. The client is handed the context's folder itself where that is the same, else one below
    `.bedplate` in which the files are laid out. StepError, too, where a file was changed meanwhile."""
    layout, extra = apart(request)
    with ExitStack() as stack:
        own = staging.as_it_is(request, root)
        context = own or stack.enter_context(staging.staged(layout, root, request))
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bedplate-", dir=_in_memory())))
        dockerfile = private / "Dockerfile"
        dockerfile.write_text(layout.dockerfile, encoding="utf-8", errors="surrogateescape")
        # comes before one of the context, which has been heeded where the files are laid out
        ignore = request.ignore if own and request.ignore else b"# nothing\n"
        (private / "Dockerfile.dockerignore").write_bytes(ignore)
        command = [*with_.command, "--progress=plain", f"--tag={request.tag}", f"--file={dockerfile}"]
        command.append(f"--platform={request.platform}")
        if layout.target:
            command.append(f"--target={layout.target}")
        command += [f"--label={name}={value}" for name, value in request.labels.items()]
        environ = {**os.environ, **with_.environ}
        if not docker_host.context_name():  # which it finds by itself, with its certificates
            environ["DOCKER_HOST"] = engine.address
        # a proxy's address may hold a password, and every user can read a command line: values go by environment
        command += [f"--build-arg={name}" for name in request.args]
        environ.update(request.args)
        secrets = _written({**extra, **request.secrets}, private)
        command += [f"--secret=id={name},src={path}" for name, path in secrets.items()]
        progress = PlainProgress(log)
        code = _run([*command, str(context)], environ, progress)
    if code:
        raise failure.explain(request, layout, progress.failed(f"exit code {code}"), log, classic=False)
    image = docker.finished(request, engine)
    if own:
        _hold(request, engine)
    return image


def _hold(request: BuildRequest, engine: Engine) -> None:
    """Raises StepError where the client may have sent something else than what was hashed."""
    changed: str | None = "the context"
    try:
        changed = request.changed()
    finally:
        if changed:
            engine.remove_image(request.tag)  # which says what was hashed
    if changed:
        raise StepError(f"{changed} was changed during the build", "run again")


def _run(command: Sequence[str], environ: Mapping[str, str], progress: PlainProgress) -> int:
    process = subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    try:
        for line in process.stdout:
            progress.take(line.decode(errors="replace").rstrip("\r\n").rpartition("\r")[2])
        return process.wait()
    except BaseException:
        process.terminate()  # cancels the build
        process.wait()
        raise


def _written(secrets: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    paths = {}
    for number, (name, content) in enumerate(secrets.items()):
        paths[name] = folder / str(number)
        handle = os.open(paths[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(content)
    return paths


def _in_memory() -> str | None:
    """A place that no disk keeps, where there is one: a machine that stops then leaves no secret behind."""
    return next((d for d in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm") if d and os.access(d, os.W_OK)), None)


def _folders() -> list[str]:
    return [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]


def _ask(command: Sequence[str]) -> subprocess.Popen[str] | None:
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:
        return None


def _answer(process: subprocess.Popen[str] | None) -> str:
    """What it printed; "" where it failed."""
    if process is None:
        return ""
    with process:
        try:
            said, _ = process.communicate(timeout=ANSWER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return ""
    return said if process.returncode == 0 else ""
