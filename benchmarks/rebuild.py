"""rebuild: one file of a context of 100,000 changed, against BuildKit's own client, on the engine of this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from benchmarks import project, registry
from benchmarks.inside import call
from benchmarks.measure import Command, Figure, Skipped, Spent, compare, environ
from benchmarks.world import DOIT

PROJECT = "bedplate-benchmark"
PEER_TAG = f"{PROJECT}-peer"
SPEC = """version: 1
project: {project}
images:
  big: {{context: big}}
targets:
  local: {{registry: {{kind: local, port: {port}}}}}
"""
BEFORE = """
from pathlib import Path
from bedplate.tasks import ahead, execute
from bedplate.tasks.console import Console
from bedplate.tasks.session import Session
sys.stdout = open(os.devnull, "w")
session = Session(Path.cwd(), None)
task, console = session.by_name["build_base:big"], Console()
"""
TIMED = "ahead.look(session, {task.name}); execute.run(task, session, console)"
AFTER = "session.cache.save(); sys.stdout = sys.__stdout__"


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure | Skipped]:
    files = 100 if tiny else 100_000
    name = f"one of {files:,} files changed, rebuild"
    client = _client()
    if client is None:
        yield Skipped(name, "needs an engine and a docker client that speaks BuildKit")
        return
    root = folder / "ours"
    project.tree(root / "big", files)
    (root / "big" / "app").mkdir()
    project.configure(root)
    with registry.ours(folder) as port:
        (root / "pipeline.yaml").write_text(SPEC.format(project=PROJECT, port=port), encoding="utf-8")
        (root / "big" / "Dockerfile").write_text("FROM scratch\nCOPY app /app\n", encoding="utf-8")
        Command((DOIT, "resolve_registry"), root, environ())()
        try:
            for what, source, rounds in (("COPY app", "app", 11), ("COPY . .", ".", 3)):
                (root / "big" / "Dockerfile").write_text(f"FROM scratch\nCOPY {source} /app\n", encoding="utf-8")
                edit = _edit(root / "big" / "app" / "main.py", what)
                timed = f"{TIMED}\n{AFTER}"
                ours = call(BEFORE, timed, folder=root, prepare=edit)
                words = (client, "build", "--quiet", "--tag", PEER_TAG, str(root / "big"))
                build = Command(words, root, environ(DOCKER_BUILDKIT="1"))
                ours()
                build()
                theirs = _after(edit, build)
                note = "ours reads the context, asks engine and registry for the image, builds; without doit's start"
                yield compare(f"{name}, {what}", client, ours, theirs, rounds=1 if tiny else rounds, aim=1.1, note=note)
        finally:
            _clean(client)


def _client() -> str | None:
    """Of the docker clients here, one that builds with BuildKit by itself or through buildx."""
    for client in dict.fromkeys(filter(None, (shutil.which("docker"), "/usr/bin/docker"))):
        if not Path(client).exists():
            continue
        tried = Command((client, "build", "--help"), Path("/"), environ(DOCKER_BUILDKIT="1"))
        ended = subprocess.run(tried.words, env=tried.environ, capture_output=True, text=True)
        if "--secret" in ended.stdout and not Command((client, "info"), Path("/"), environ()).fails:
            return client
    return None


def _edit(file: Path, what: str) -> Callable[[], None]:
    numbers = count()

    def edit() -> None:
        file.write_text(f"# {what} {next(numbers)} of {file}\n", encoding="utf-8")

    return edit


def _after(edit: Callable[[], None], build: Callable[[], Spent]) -> Callable[[], Spent]:
    def run() -> Spent:
        edit()
        return build()

    return run


def _clean(client: str) -> None:
    asked = (client, "images", "--format", "{{.Repository}}:{{.Tag}}")
    names = subprocess.run(asked, capture_output=True, text=True).stdout.split()
    ours = [name for name in names if name.startswith(PROJECT)]
    if ours:
        subprocess.run((client, "rmi", "--force", *ours), capture_output=True)
