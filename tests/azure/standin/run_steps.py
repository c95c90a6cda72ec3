"""What a run of ACR Tasks does: the steps of its task, or those of a quick build."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import task_file
from .task_file import Step, TaskRefused

if TYPE_CHECKING:
    from .tasks import Build


def steps(build: Build) -> list[Step]:
    """Raises TaskRefused."""
    request = build.request
    if request["type"] == "FileTaskRunRequest":  # what `az acr run` sends: the task lies in the context
        request = {**request, "encodedTaskContent": _task_file(build)}
    if request["type"] != "DockerBuildRequest":
        return task_file.read(request, build.run, build.registry.login_server)
    names = [full_name(build, n) for n in request.get("imageNames") or []]
    words = ["-f", request["dockerFilePath"]]
    for name in names:
        words += ["-t", name]
    arguments = {argument["name"]: argument["value"] for argument in request.get("arguments") or []}
    for name in arguments:
        # by the environment: a secret argument must not stand in this process' list either
        words += ["--build-arg", name]
    if request.get("target"):
        words += ["--target", request["target"]]
    platform = request.get("platform") or {}
    if platform.get("architecture"):
        words += ["--platform", f"linux/{platform['architecture']}"]
    if request.get("noCache"):
        words += ["--no-cache"]
    steps = [Step("build", (*words, "."), (), arguments, 28800)]
    return [*steps, Step("push", (), tuple(names), {}, 3600)] if request.get("isPushEnabled", True) else steps


def full_name(build: Build, name: str) -> str:
    name = name.replace("{{.Run.ID}}", build.run)
    return name if name.startswith(build.registry.login_server + "/") else f"{build.registry.login_server}/{name}"


def tags(words: Sequence[str]) -> list[str]:
    return [value for flag, value in zip(words, words[1:], strict=False) if flag in ("-t", "--tag")]


def _task_file(build: Build) -> str:
    with tarfile.open(fileobj=io.BytesIO(build.source), mode="r:gz") as tar:
        wanted = build.request["taskFilePath"]
        for member in tar:
            file = tar.extractfile(member) if member.name.removeprefix("./") == wanted else None
            if file:
                return base64.b64encode(file.read()).decode()
    raise TaskRefused(f"failed to find {wanted}")
