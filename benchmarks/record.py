"""record: makes the record of a project as a run would have left it, without building anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import steps
from bedplate import labels, outputs
from bedplate.builders import found
from bedplate.model import BuiltImage, Deployment, Environment, Output, PushedImage, Registry, SmokeReport
from bedplate.step import Task
from bedplate.tasks.session import Session
from benchmarks import registry
from steps.create_environment import local


def seed(root: Path, registry_port: int) -> Session:
    """Fills the registry, and writes to the state what each task would have returned.

    Returns a session that has everything recorded."""
    session = Session(root, None)
    made: dict[str, Output] = {}
    for task in session.tasks:
        verdict = session.judge(task)
        output = _output(task, verdict.fingerprint, made, session)
        made[task.name] = output
        record = {"parts": dict(verdict.parts), "output": outputs.to_json(output), "identity": output.identity}
        session.state.put(task.name, {"_values_:": record, "checker:": "MD5Checker", "deps:": []})
    session.cache.save()
    registry.fill(registry_port, _shipped(session.spec.project, made.values()))
    return session


def recorded(session: Session) -> Sequence[Output]:
    return [output for task in session.tasks if (output := session.output(task.name))]


def _output(task: Task, fingerprint: str, made: Mapping[str, Output], session: Session) -> Output:
    project = session.spec.project
    if task.step == "resolve_registry":
        target = session.spec.target.registry
        return Registry("local", f"127.0.0.1:{getattr(target, 'port', 0)}", True)
    address = made["resolve_registry"].identity
    if task.step == "build_base":
        return BuiltImage(task.entry, found.local_tag(f"{project}/{task.entry}", fingerprint), fingerprint, None)
    if task.step == "push":
        built = made[f"build_base:{task.entry}"]
        assert isinstance(built, BuiltImage)
        repository = f"{address}/{project}/{task.entry}"
        tags = (*session.spec.images[task.entry].tags, labels.short(built.fingerprint))
        return PushedImage(task.entry, repository, _digest(project, task.entry, built), built.fingerprint, tags)
    if task.step == "create_environment":
        assert isinstance(task.inputs, local.Inputs)
        base = made[f"build_base:{task.inputs.image}"]
        made_of = local.content(task.inputs, session.reads.file_sets(task), base.identity)
        path = local.REPOSITORY.format(project=project, name=task.entry)
        image = BuiltImage(task.entry, found.local_tag(path, made_of), made_of, None)
        digest = _digest(project, f"environments/{task.entry}", image)
        tags = (*task.inputs.tags, labels.short(made_of))
        return Environment(task.entry, "local", f"{address}/{path}@{digest}", made_of, None, digest, tags)
    if task.step == "deploy":
        url = f"http://127.0.0.1:{task.inputs.port}/score"
        return Deployment(task.entry, "container", url, fingerprint, f"{project}-{task.entry}")
    assert task.step in steps.ORDER
    return SmokeReport(task.entry, tuple(case.name for case in task.inputs.cases))


def _digest(project: str, name: str, built: BuiltImage) -> str:
    return registry.digest(registry.image(_labels(project, name, built.fingerprint))[1])


def _labels(project: str, name: str, fingerprint: str) -> Mapping[str, str]:
    return labels.of_image(project, name, fingerprint, 1)


def _shipped(project: str, made: Iterable[Output]) -> Iterator[registry.Image]:
    for output in made:
        if isinstance(output, PushedImage):
            name = output.name
        elif isinstance(output, Environment):
            name = f"environments/{output.name}"
        else:
            continue
        yield f"{project}/{name}", output.tags, _labels(project, name, output.fingerprint)
