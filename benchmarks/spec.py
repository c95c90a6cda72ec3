"""spec: pipeline.yaml of 1,000 images, edited, to its tasks, against the YAML loader in C alone; and unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks import project
from benchmarks.inside import call
from benchmarks.measure import Figure, alone, compare

OURS = """
from pathlib import Path
import steps
from bedplate import plan, specfile
steps.load()
"""
LOAD = "loaded = specfile.load(Path('pipeline.yaml'), cache=Path('cache'))"
LOAD_SOME = """
entries = dict.fromkeys(("images", "environments", "models", "services"), {{"{name}"}})
assert specfile.load_some(Path('pipeline.yaml'), None, Path('cache'), entries).images
"""
EXPAND = "tasks = plan.plan(loaded, steps.load())"
PEER = "import yaml"
PEER_LOAD = "yaml.load(open('pipeline.yaml', 'rb'), yaml.CSafeLoader)"


def run(folder: Path, *, tiny: bool = False) -> Iterator[Figure]:
    images, rounds = (3, 1) if tiny else (1000, 9)
    folder = folder / "project"
    project.write(folder, images, 5000)
    file, numbers = folder / "pipeline.yaml", count()
    text = file.read_text(encoding="utf-8")

    def edit() -> None:
        file.write_text(f"{text}# edit {next(numbers)}\n", encoding="utf-8")

    edit()
    lines = f"{text.count(chr(10)):,} lines"
    ours = call(OURS, f"{LOAD}\n{EXPAND}", folder=folder, prepare=edit)
    theirs = call(PEER, PEER_LOAD, folder=folder)
    note = "load, check, expand into tasks and write the cache; imports that only reading needs are in it"
    yield compare(f"spec of {lines}, edited", "yaml.CSafeLoader", ours, theirs, rounds=rounds, aim=1.5, note=note)
    call(OURS, LOAD, folder=folder)()
    some = call(f"{OURS}{LOAD}", LOAD_SOME.format(name=project.image_name(images // 2)), folder=folder)
    note = "load of what bears on one image, as after an edit of its files; where nothing was edited, no spec is loaded"
    yield alone(f"spec of {lines}, unchanged", some, rounds=rounds, aim=5, note=note)
    whole = call(OURS, LOAD, folder=folder)
    yield alone(f"spec of {lines}, unchanged: all of it", whole, rounds=rounds, note="load of all entries")
    expand = call(f"{OURS}{LOAD}", EXPAND, folder=folder)
    yield alone(f"spec of {lines}, its tasks", expand, rounds=rounds, note="expand")
