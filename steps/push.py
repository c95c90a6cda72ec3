"""push: a built image becomes a digest in the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bedplate.builders import found
from bedplate.builders.ship import absent, ask, ship
from bedplate.model import BuiltImage, PushedImage, Registry, Spec
from bedplate.questions import Answers, Question
from bedplate.step import Clients, FileSet, Given, Made, Task


@dataclass(frozen=True)
class Inputs:
    """`path`: of the repository, below the registry's address."""

    path: str
    tags: tuple[str, ...]


def tasks(spec: Spec) -> Iterable[Task]:
    for image in spec.images.values():
        inputs = Inputs(f"{spec.project}/{image.name}", image.tags)
        yield Task("push", image.name, inputs, needs=(f"build_base:{image.name}", "resolve_registry"))


def run(inputs: Inputs, given: Given, clients: Clients) -> PushedImage:
    registry, built = given.one(Registry), given.one(BuiltImage)
    if found.unlabelled(built, clients):
        found.in_engine(built, inputs.path, registry, clients)
    return ship(built, f"{registry.address}/{inputs.path}", inputs.tags, registry, clients)


def makes(inputs: Inputs, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made:
    built = next(identity for need, identity in identities.items() if need.startswith("build_base:"))
    return Made(inputs.path, built, inputs.tags)


def asks(output: PushedImage, spec: Spec) -> Sequence[Question]:
    return [ask(output.repository, tag) for tag in output.tags]


def present(output: PushedImage, answers: Answers) -> str | None:
    reasons = (absent(output.repository, tag, output.digest, answers) for tag in output.tags)
    return next((reason for reason in reasons if reason), None)
