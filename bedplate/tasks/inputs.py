"""inputs: `doit inputs IMAGE` shows the files, arguments and digests that make up an image."""

from __future__ import annotations

import json
from typing import Any

from doit.cmd_base import DoitCmdBase

from bedplate import labels, pins, stale
from bedplate import plan as plans
from bedplate.errors import SpecError, StepError
from bedplate.reads import all_mistakes
from bedplate.stale import Verdict
from bedplate.step import DockerfileFiles, Task
from bedplate.tasks import names, options, unhashed
from bedplate.tasks.console import complain
from bedplate.tasks.session import Session

JSON = options.as_json("inputs.schema.json")
SHOWN = 19  # characters of a digest: sha256: and twelve digits


class Inputs(DoitCmdBase):  # type: ignore[misc]  # doit has no types
    name = "inputs"
    doc_purpose = "show the files, arguments and digests that make up an image"
    doc_usage = "IMAGE or ENVIRONMENT"
    doc_description = (
        "An environment that is called as an image is: `doit inputs create_environment:NAME`.\n"
        "Exit code 1: an upstream image is not locked yet and its registry does not say its digest;\n"
        "3: a mistake in the spec."
    )
    cmd_options = (JSON,)

    parse_execute = options.parse_execute

    def _execute(self, as_json: bool, pos_args: list[str]) -> int:
        session: Session = self.loader.session
        if len(pos_args) != 1:
            complain("doit: inputs takes one image\n  hint: `doit inputs IMAGE`, options before it")
            return 3
        task = names.maker(session, pos_args[0])
        needed = plans.upstream(session.tasks, {task.name})
        try:
            # of the others, which may be out of reach, nothing is asked
            for _ in session.upstreams.pin(needed, locked=self.loader.locked, write=False):
                pass
            made = to_json(session, task)
        except SpecError as error:
            complain(str(error))
            return 3
        except StepError as error:
            complain(str(error))
            return 1
        print(json.dumps(made, indent=2) if as_json else "\n".join(lines(made)))
        return 0


def to_json(session: Session, task: Task) -> dict[str, Any]:
    """As schemas/inputs.schema.json says. Raises SpecError."""
    verdict = _verdict(session, task)
    identities = {need: verdict.parts[f"output {need}"] for need in task.needs}
    makes = session.steps[task.step].makes  # type: ignore[attr-defined]  # step.Makes: only steps that make images
    made = makes(task.inputs, verdict.fingerprint, session.reads.file_sets(task), identities)
    fingerprint = made.fingerprint if made else verdict.fingerprint
    files = [
        {
            "path": f"{files.root}/{f.path}".lstrip("/").removeprefix("./"),
            "kind": f.kind,
            "mode": f"{f.mode:o}",
            "size": f.size,
            "sha256": f.sha256,
        }
        for files in session.reads.file_sets(task)
        for f in files.files
    ]
    found: dict[str, Any] = {
        "version": 1,
        "project": session.spec.project,
        "target": session.spec.target.name,
        "task": task.name,
        "files": files,
        "ignore_file": None,
        "ignored": [],
        "arguments": [],
        "parents": [
            {
                "reference": r.text,
                "platform": r.platform,
                "digest": session.pins.digest(*r.key),
                "file": r.file,
                "line": r.line,
            }
            for r in pins.placed(session.root, list({r.key: r for r in session.reads.upstream(task)}.values()))
        ],
        "images": [
            {"image": need.partition(":")[2], "fingerprint": identities[need]}
            for need in task.needs
            if session.by_name[need].step == "build_base"
        ],
        "settings": {
            name: value
            for name, value in verdict.parts.items()
            if name.split()[0] not in ("file", "folder", "instruction", "arg", "from", "output", "tags")
        },
        "not_hashed": unhashed.to_json(unhashed.find(session, [task])),
        "fingerprint": fingerprint,
        "tag": labels.short(fingerprint),
    }
    for read in task.files:
        if isinstance(read, DockerfileFiles):
            found.update(_of_dockerfile(session, read))
    return found


def _verdict(session: Session, task: Task) -> Verdict:
    """From files and records alone: whether what was made is still there makes no difference to what it is made of."""
    needed = plans.upstream(session.tasks, {task.name})
    tasks = [t for t in session.tasks if t.name in needed]
    all_mistakes(tasks, session.reads)
    verdict = stale.survey(tasks, session.record, session.reads.parts, {})[task.name]
    session.cache.save()
    return verdict


def lines(made: dict[str, Any]) -> list[str]:
    said = [made["task"]]
    files = [f for f in made["files"] if f["kind"] != "dir"]
    if files:
        said.append(f"files: {len(files)}, {_size(sum(f['size'] for f in files))}")
        said += [f"  {_size(f['size']):>9}  {f['path']}{MARKS.get((f['kind'], f['mode']), '')}" for f in files]
    if made["ignored"]:
        said.append(f"left out by {made['ignore_file']}:")
        said += [f"  {i['path']}  ({i['pattern']})" for i in made["ignored"]]
    if made["arguments"]:
        said.append("arguments:")
        said += [f"  {a['name']}={a['value']}{'' if a['used'] else '  (not used)'}" for a in made["arguments"]]
    parents = [f"  {p['reference']} ({p['platform']})  {p['digest'][:SHOWN]}" for p in made["parents"]]
    parents += [f"  {i['image']}, image of pipeline.yaml  {labels.short(i['fingerprint'])}" for i in made["images"]]
    if parents:
        said += ["from:", *parents]
    if made["not_hashed"]:
        said.append("not hashed:")
        said += [f"  {m['file']}:{m['line']}:{m['column']}: {m['message']}" for m in made["not_hashed"]]
    settings = [f"  {name}: {value}" for name, value in made["settings"].items() if value not in ("", "null", "[]")]
    if settings:
        said += ["settings:", *settings]
    said += [f"fingerprint: {made['fingerprint']}", f"tag: {made['tag']}"]
    return [stale.visible(line) for line in said]


MARKS = {("file", "755"): "  (executable)", ("symlink", "777"): "  (link)"}


def _of_dockerfile(session: Session, files: DockerfileFiles) -> dict[str, Any]:
    from bedplate import context

    recipe = session.reads.recipe(files)
    given = {**files.args, **{name: f"image {image}" for name, image in files.images.items()}}
    used = {name.partition(" ")[2] for name in recipe.parts if name.startswith("arg ")}
    return {
        "ignore_file": context.ignore_path(files, session.root),
        "ignored": [{"path": path, "pattern": pattern} for path, pattern in context.ignored(files, session.root)],
        "arguments": [{"name": n, "value": v, "used": n in used} for n, v in sorted(given.items())],
    }


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    size = count / 1000
    for unit in ("kB", "MB"):
        if size < 1000:
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
