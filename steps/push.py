"""push: a built image becomes a digest in the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bedplate.builders import found
from bedplate.builders.ship import absent, ask, ship
from bedplate.frozen import dataclass
from bedplate.image_contents import asked
from bedplate.model import BuiltImage, PushedImage, Registry, Spec
from bedplate.questions import Answers, Question
from bedplate.step import Clients, FileSet, Given, Made, Task


@dataclass(frozen=True)
class Inputs:
    """`path`: of the repository, below the registry's address. `requires`: as image_contents.asked has it."""

    path: str
    tags: tuple[str, ...]
    requires: Mapping[str, str]


def tasks(spec: Spec) -> Iterable[Task]:
    requires = asked.of_images(spec)
    for image in spec.images.values():
        inputs = Inputs(f"{spec.project}/{image.name}", image.tags, requires[image.name])
        yield Task("push", image.name, inputs, needs=(f"build_base:{image.name}", "resolve_registry"))


def run(inputs: Inputs, given: Given, clients: Clients) -> PushedImage:
    registry, built = given.one(Registry), given.one(BuiltImage)
    if built.digest is None and found.unlabelled(built, clients):
        found.in_engine(built, inputs.path, registry, clients)
    if inputs.requires:
        _check(inputs, built, registry, clients)
    return ship(built, f"{registry.address}/{inputs.path}", _tags(inputs), registry, clients)


def makes(inputs: Inputs, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made:
    built = next(identity for need, identity in identities.items() if need.startswith("build_base:"))
    return Made(inputs.path, built, _tags(inputs))


def asks(output: PushedImage, spec: Spec) -> Sequence[Question]:
    return [ask(output.repository, tag) for tag in output.tags]


def present(output: PushedImage, answers: Answers) -> str | None:
    reasons = (absent(output.repository, tag, output.digest, answers) for tag in output.tags)
    return next((reason for reason in reasons if reason), None)


def _check(inputs: Inputs, built: BuiltImage, registry: Registry, clients: Clients) -> None:
    from bedplate.builders import inspection
    from bedplate.image_contents import mending
    from bedplate.image_contents.verdict import Verdict

    entry = clients.spec.images[built.name]

    def mend(verdict: Verdict, family: str) -> str:
        return mending.said(verdict, mending.of_image(verdict, entry, family), entry.requires)

    inspection.check(inputs.requires, f"image {entry.name}", built, registry, mend, clients)


def _tags(inputs: Inputs) -> tuple[str, ...]:
    # what was found to be as required says so: a checkout that knows nothing does not look again
    return (*inputs.tags, asked.tag(inputs.requires)) if inputs.requires else inputs.tags
