"""local: an environment is an image of its own: a base, its packages, the inference server and the variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bedplate import context, fingerprint, labels, requirements
from bedplate.builders import found, image, ship
from bedplate.frozen import dataclass
from bedplate.image_contents import asked
from bedplate.machine import this_platform
from bedplate.model import BuiltImage, Environment, EnvironmentEntry, PushedImage, Registry, Spec
from bedplate.questions import Answers, Question
from bedplate.step import BuildRequest, Clients, FileSet, Given, Made, Requirements, Task
from steps.create_environment import recipe

# beside the images of the spec, whose names have no slash
REPOSITORY = "{project}/environments/{name}"


@dataclass(frozen=True)
class Inputs:
    """`inference_server`: the version to add; "" for an image that is the environment as it stands."""

    project: str
    name: str
    image: str
    user_managed: bool
    pip: str | None
    conda: str | None
    inference_server: str
    variables: Mapping[str, str]
    tags: tuple[str, ...]
    recipe: int  # of Bedplate's own: another one is another image
    requires: Mapping[str, str]  # as image_contents.asked has it; push asks it where the environment has no own image


def task(spec: Spec, entry: EnvironmentEntry) -> Task:
    assert entry.image is not None, "the spec's checks ask for an image on this kind of target"
    listed = [Requirements(path, conda) for path, conda in ((entry.pip, False), (entry.conda, True)) if path]
    inputs = Inputs(
        project=spec.project,
        name=entry.name,
        image=entry.image,
        user_managed=entry.user_managed,
        pip=entry.pip,
        conda=entry.conda,
        inference_server="" if entry.user_managed else entry.inference_server,
        variables={} if entry.user_managed else entry.variables,
        tags=entry.tags,
        recipe=recipe.VERSION,
        requires={} if entry.user_managed else asked.of_environment(entry),
    )
    return Task(
        "create_environment",
        entry.name,
        inputs,
        files=() if entry.user_managed else tuple(listed),
        needs=(f"build_base:{entry.image}", "resolve_registry"),
        # push looks into an image of which something is required: nothing is built on one that falls short
        after=(f"push:{entry.image}",) if entry.user_managed or spec.images[entry.image].requires else (),
    )


def run(inputs: Inputs, given: Given, clients: Clients) -> Environment:
    """Raises StepError where the base lacks what the dependencies need, or the build fails."""
    base, registry = given.one(BuiltImage), given.one(Registry)
    if inputs.user_managed:
        pushed = given.one(PushedImage)
        clients.log.note(f"image {inputs.image} is the environment as it stands")
        return Environment(inputs.name, "local", f"{pushed.repository}@{pushed.digest}", base.fingerprint, None, None)
    made_of = content(inputs, given.file_sets, base.identity)
    path = _path(inputs)
    by_engine = not image.in_azure(clients.spec)
    built = found.find(inputs.name, path, made_of, registry, clients, by_engine=by_engine)
    if built is None:
        wanted = BuiltImage(inputs.name, found.local_tag(path, made_of), made_of, None)
        built = replace(wanted, digest=build(inputs, given, wanted, clients))
    if inputs.requires:
        _check(inputs, built, registry, clients)
    pushed = ship.ship(built, f"{registry.address}/{path}", _tags(inputs), registry, clients)
    reference = f"{pushed.repository}@{pushed.digest}"
    return Environment(inputs.name, "local", reference, made_of, None, pushed.digest, pushed.tags)


def asks(output: Environment, spec: Spec) -> Sequence[Question]:
    return [ship.ask(_repository(output), tag) for tag in output.tags]


def present(output: Environment, answers: Answers) -> str | None:
    """An image that is the environment as it stands has no tags here: push asks for it."""
    reasons = (ship.absent(_repository(output), tag, output.digest or "", answers) for tag in output.tags)
    return next((reason for reason in reasons if reason), None)


def makes(inputs: Inputs, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made | None:
    if inputs.user_managed:
        return None
    return Made(_path(inputs), content(inputs, file_sets, identities[f"build_base:{inputs.image}"]), _tags(inputs))


def content(inputs: Inputs, file_sets: Sequence[FileSet], base: str) -> str:
    """The fingerprint of the image, 64 hex: registry, tags and requirements are no part of what it holds.

    `base`: the identity of the image that it stands on."""
    parts = dict(fingerprint.of_inputs(replace(inputs, tags=(), requires={})))
    for files in file_sets:
        parts.update(context.parts_of(files))
    return fingerprint.digest({**parts, "base": base})


def build(inputs: Inputs, given: Given, wanted: BuiltImage, clients: Clients) -> str | None:
    """The image under its local tag; its digest where it was built into the registry."""
    from bedplate.builders import inspection
    from steps.create_environment import tools

    path, base, registry = f"{inputs.project}/{inputs.image}", given.one(BuiltImage), given.one(Registry)
    if image.in_azure(clients.spec):
        reference = found.reference(base, path, registry, clients)
        platform = clients.spec.images[inputs.image].platform or this_platform()
    else:
        reference = found.in_engine(base, path, registry, clients)
        platform = _platform(clients.engine.image(reference) or {})
    with inspection.contents_of(base, registry, clients) as contents:
        has = tools.find(contents, inputs.image, conda=inputs.conda is not None)
    sets = list(given.file_sets)
    pip = [file.path for file in sets.pop(0).files] if inputs.pip else []
    conda = [file.path for file in sets.pop(0).files] if inputs.conda else []
    request = BuildRequest(
        image=inputs.name,
        tag=wanted.tag,
        dockerfile=recipe.dockerfile(
            reference,
            has,
            # the file that the spec names, then those that it includes
            sorted(pip, key=lambda path: path != inputs.pip),
            sorted(conda, key=lambda path: path != inputs.conda),
            _server(inputs, clients),
            inputs.variables,
        ),
        lines={},
        dockerfile_path=f"environment {inputs.name}",
        file_set=FileSet("", tuple({file.path: file for files in given.file_sets for file in files.files}.values())),
        args={},
        target=None,
        platform=platform,
        labels=labels.of_image(
            inputs.project, f"environments/{inputs.name.lower()}", wanted.fingerprint, clients.spec.version
        ),
    )
    return image.made(request, registry, clients)


def _check(inputs: Inputs, built: BuiltImage, registry: Registry, clients: Clients) -> None:
    from bedplate.builders import inspection
    from bedplate.image_contents import mending
    from bedplate.image_contents.verdict import Verdict

    own = clients.spec.environments[inputs.name].requires

    def mend(verdict: Verdict, family: str) -> str:
        way = mending.of_environment(verdict, inputs.pip, inputs.conda, inputs.image)
        return mending.said(verdict, way, own)

    inspection.check(
        inputs.requires,
        f"environment {inputs.name}",
        built,
        registry,
        mend,
        clients,
    )


def _tags(inputs: Inputs) -> tuple[str, ...]:
    return (*inputs.tags, asked.tag(inputs.requires)) if inputs.requires else inputs.tags


def _server(inputs: Inputs, clients: Clients) -> str:
    """The version of the inference server to add; "" where the dependency files bring one."""
    listed = [requirements.read(inputs.pip, clients.root)] if inputs.pip else []
    listed += [requirements.of_conda(inputs.conda, clients.root)] if inputs.conda else []
    brings = next((name for one in listed if (name := requirements.named(recipe.BRINGS_SERVER, one))), None)
    if brings:
        clients.log.note(f"{brings} stands in the dependency file: no inference server is added")
        return ""
    return inputs.inference_server


def _platform(base: Mapping[str, Any]) -> str:  # Any: what the engine says of an image is JSON
    parts = (base.get("Os", "linux"), base.get("Architecture", ""), base.get("Variant"))
    return "/".join(part for part in parts if part)


def _path(inputs: Inputs) -> str:
    return REPOSITORY.format(project=inputs.project, name=inputs.name.lower())


def _repository(output: Environment) -> str:
    return output.image.rpartition("@")[0]
