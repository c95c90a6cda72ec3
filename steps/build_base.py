"""build_base: an image of the spec becomes an image in the engine or in Azure's registry, or is found there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from bedplate import labels
from bedplate.frozen import dataclass
from bedplate.machine import this_platform
from bedplate.model import (
    BuiltImage,
    DockerfileImage,
    ImageEntry,
    ReferenceImage,
    Registry,
    RootfsImage,
    Spec,
)
from bedplate.questions import Answers, Question
from bedplate.step import BuildRequest, Clients, DockerfileFiles, Files, FileSet, Given, Made, ReadFile, Task, Upstream

ROOTFS_DOCKERFILE = 'FROM scratch\nADD rootfs.tar /\nCMD ["/bin/sh"]\n'


@dataclass(frozen=True)
class DockerfileInputs:
    """`path`: project/name, which stands in the image's labels. `secrets`: their names."""

    path: str
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class RootfsInputs:
    path: str
    suite: str
    packages: tuple[str, ...]
    variant: str
    components: tuple[str, ...]
    mirror: str | None
    platform: str


@dataclass(frozen=True)
class ReferenceInputs:
    path: str
    reference: str
    platform: str


Inputs: TypeAlias = DockerfileInputs | RootfsInputs | ReferenceInputs


def tasks(spec: Spec) -> Iterable[Task]:
    for image in spec.images.values():
        files: tuple[Files, ...] = ()
        needs: tuple[str, ...] = ()
        if isinstance(image, ReferenceImage):
            files = (Upstream(image.reference, image.platform or this_platform()),)
        if isinstance(image, DockerfileImage):
            files = (_files(image),)
            needs = tuple(dict.fromkeys(f"build_base:{parent}" for parent in image.from_.values()))
        yield Task(
            "build_base",
            image.name,
            _inputs(spec, image),
            files,
            needs,
            # what was built elsewhere is in the registry: where that is changes no image
            after=("resolve_registry", *_asked_first(spec, needs)),
            foreseen=True,
            aside=files[0] if files else None,
        )


def _asked_first(spec: Spec, needs: Iterable[str]) -> Iterator[str]:
    """Nothing is built on an image that turns out not to be what is required of it; push looks into it."""
    for parent in (need.partition(":")[2] for need in needs):
        if spec.images[parent].requires:
            yield f"push:{parent}"


def run(inputs: Inputs, given: Given, clients: Clients) -> BuiltImage:
    built, registry = _built(inputs, given, clients), given.one(Registry)
    if built.digest and registry.kind == "acr":
        return replace(built, repository=f"{registry.address}/{inputs.path}")
    return built


def makes(inputs: Inputs, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]) -> Made:
    return Made(inputs.path, fingerprint)


def asks(output: BuiltImage, spec: Spec) -> Sequence[Question]:
    from bedplate.builders import found, ship

    if output.repository:
        return [ship.ask(output.repository, labels.short(output.fingerprint))]
    return found.ask(f"{spec.project}/{output.name}", output.fingerprint, spec)


def present(output: BuiltImage, answers: Answers) -> str | None:
    from bedplate.builders import found, ship

    if output.repository:
        return ship.absent(output.repository, labels.short(output.fingerprint), output.digest or "", answers)
    return found.absent(output, answers)


def _built(inputs: Inputs, given: Given, clients: Clients) -> BuiltImage:
    from bedplate.builders import found, image

    name, registry = inputs.path.rpartition("/")[2], given.one(Registry)
    if isinstance(inputs, ReferenceInputs):
        return _reference(inputs, name, given, clients)
    known = found.find(
        name, inputs.path, given.fingerprint, registry, clients, by_engine=not image.in_azure(clients.spec)
    )
    if known:
        return known
    if isinstance(inputs, DockerfileInputs):
        digest = _dockerfile(inputs, name, given, clients)
    else:
        digest = _rootfs(inputs, name, given, clients)
    return BuiltImage(name, found.local_tag(inputs.path, given.fingerprint), given.fingerprint, digest)


def _inputs(spec: Spec, image: ImageEntry) -> Inputs:
    path, platform = f"{spec.project}/{image.name}", image.platform or this_platform()
    if isinstance(image, DockerfileImage):
        return DockerfileInputs(path, tuple(sorted(image.secrets)))
    if isinstance(image, RootfsImage):
        packages, components = tuple(sorted(set(image.packages))), tuple(dict.fromkeys(image.components))
        return RootfsInputs(path, image.suite, packages, image.variant, components, image.mirror, platform)
    return ReferenceInputs(path, image.reference, platform)


def _files(image: DockerfileImage) -> DockerfileFiles:
    platform = image.platform or this_platform()
    return DockerfileFiles(image.context, image.dockerfile, image.target, image.args, image.from_, platform)


def _dockerfile(inputs: DockerfileInputs, name: str, given: Given, clients: Clients) -> str | None:
    from bedplate import context
    from bedplate.builders import found, image, upstream

    entry = clients.spec.images[name]
    assert isinstance(entry, DockerfileImage)
    recipe = clients.recipe(given.aside)  # the very object that was hashed: nothing is read again
    in_azure, registry = image.in_azure(clients.spec), given.one(Registry)
    if in_azure:
        pins, logins = upstream.for_azure(recipe.parents, registry, clients)
    else:
        pins, logins = upstream.pinned(recipe.parents, clients), {}
    text, lines = context.sent(recipe, pins=pins)
    args = dict(entry.args)
    for argument, parent in entry.from_.items():
        built = given.outputs[f"build_base:{parent}"]
        assert isinstance(built, BuiltImage)
        path = f"{clients.spec.project}/{parent}"
        where = found.reference if in_azure else found.in_engine
        args[argument] = where(built, path, registry, clients)
    request = BuildRequest(
        image=name,
        tag=found.local_tag(inputs.path, given.fingerprint),
        dockerfile=text,
        lines=lines,
        dockerfile_path=entry.dockerfile,
        file_set=given.file_sets[0],
        triggers=recipe.triggers,
        ignore=recipe.ignore,
        changed=recipe.changed,
        args=args,
        target=entry.target,
        platform=entry.platform or this_platform(),
        labels=_labels(name, given, clients),
        secrets=_secrets(entry, clients) if entry.secrets else {},
        logins=logins,
    )
    return image.made(request, registry, clients)


def _secrets(image: DockerfileImage, clients: Clients) -> dict[str, bytes]:
    from bedplate.clients.credentials import read_secret  # 4 ms that few builds pay

    return {
        secret: read_secret(source, clients.root, f"secret {secret} of image {image.name}").reveal().encode()
        for secret, source in image.secrets.items()
    }


def _rootfs(inputs: RootfsInputs, name: str, given: Given, clients: Clients) -> str | None:
    """The root file system is made on this machine; only what becomes of it may be made elsewhere."""
    from bedplate.builders import acr_tasks, docker, found, image, rootfs

    architecture = None if inputs.platform == this_platform() else rootfs.ARCHITECTURES[inputs.platform]
    wanted = rootfs.Rootfs(
        inputs.suite, inputs.packages, inputs.variant, inputs.components, inputs.mirror, architecture
    )
    in_azure = image.in_azure(clients.spec)
    clients.log.note(f"builder: mmdebstrap, then {'ACR Tasks' if in_azure else 'the engine through its API'}")
    tar = rootfs.build(wanted, clients.log, fresh=clients.again)
    request = BuildRequest(
        image=name,
        tag=found.local_tag(inputs.path, given.fingerprint),
        dockerfile=ROOTFS_DOCKERFILE,
        lines={},
        dockerfile_path="rootfs",
        file_set=_one_file(tar),
        args={},
        target=None,
        platform=inputs.platform,
        labels=_labels(name, given, clients),
    )
    if in_azure:
        return acr_tasks.build(request, given.one(Registry), clients)
    docker.build(request, clients.root, clients.engine, clients.log)
    return None


def _reference(inputs: ReferenceInputs, name: str, given: Given, clients: Clients) -> BuiltImage:
    """Somebody else's image stays as it is, so it has no label of ours: its digest is the proof."""
    from bedplate.builders import found, image, ship, upstream

    tag = found.local_tag(inputs.path, given.fingerprint)
    registry, short = given.one(Registry), labels.short(given.fingerprint)
    digest = upstream.copied(inputs.reference, inputs.platform, inputs.path, short, registry, clients)
    if digest:
        clients.log.note(f"reused {registry.address}/{inputs.path}@{digest}")
        return BuiltImage(name, tag, given.fingerprint, digest)
    digest = upstream.imported(inputs.reference, inputs.platform, inputs.path, short, registry, clients)
    if digest is None:
        upstream.take(inputs.reference, inputs.platform, tag, clients)
    taken = BuiltImage(name, tag, given.fingerprint, digest)
    if digest or not image.in_azure(clients.spec):
        return taken
    # a build in Azure finds its parents in the registry
    pushed = ship.ship(taken, f"{registry.address}/{inputs.path}", (), registry, clients)
    return BuiltImage(name, tag, given.fingerprint, pushed.digest)


def _labels(name: str, given: Given, clients: Clients) -> Mapping[str, str]:
    return labels.of_image(clients.spec.project, name, given.fingerprint, clients.spec.version)


def _one_file(path: Path) -> FileSet:
    from bedplate.stat_cache import stamp

    status = path.stat()
    return FileSet(str(path.parent), (ReadFile(path.name, "file", 0o644, "", status.st_size, stamp(status)),))
