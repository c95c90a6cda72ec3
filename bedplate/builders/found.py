"""found: images that were built before: in the engine, or in the registry by the tag of their fingerprint."""

from __future__ import annotations

from collections.abc import Mapping

from bedplate import labels
from bedplate.clients import registry_files
from bedplate.errors import DamagedError, StepError
from bedplate.machine import this_platform
from bedplate.model import BuiltImage, GenericRegistry, LocalRegistry, ReferenceImage, Registry, Spec
from bedplate.questions import Answers, AskImage, AskManifest, Question, Unreachable
from bedplate.step import Clients


def local_tag(path: str, fingerprint: str) -> str:
    """`project/name:fp-<16 hex>`: an image's name in the engine."""
    return f"{path}:{labels.short(fingerprint)}"


def find(
    name: str, path: str, fingerprint: str, registry: Registry | None, clients: Clients, *, by_engine: bool = True
) -> BuiltImage | None:
    """The image of this fingerprint, if the engine or the registry has it; its label must say so, not its tag alone.

    `path`: project/name. Nothing is pulled. `doit -a` finds nothing. Raises StepError where the registry refuses.
    `by_engine` false: it is built elsewhere, and no engine is asked."""
    if clients.again:
        return None
    tag = local_tag(path, fingerprint)
    held = clients.engine.image(tag) if by_engine and tag not in clients.seen.lacking else None
    if held is not None and _of_engine(held).get(labels.FINGERPRINT) == fingerprint:
        clients.log.note(f"reused {tag}: the engine has it")
        return BuiltImage(name, tag, fingerprint, None)
    digest = in_registry(path, fingerprint, registry, clients) if registry else None
    if registry and digest:
        clients.log.note(f"reused {registry.address}/{path}@{digest}")
        return BuiltImage(name, tag, fingerprint, digest)
    clients.seen.lacking.discard(tag)  # it is going to be built
    return None


def in_registry(path: str, fingerprint: str, registry: Registry, clients: Clients) -> str | None:
    """Digest of the image that carries the fingerprint as its tag and as its label; a label that differs is noted."""
    host, repository = registry.address.partition("/")[0], _repository(registry, path)
    asked = AskManifest(host, repository, labels.short(fingerprint))
    digests = clients.seen.digests
    digest: str | None = None
    try:
        # whoever was asked ahead is not asked again, and its client, 25 ms of imports, not opened
        digest = digests[asked] if asked in digests else clients.registry(registry).digest(repository, asked.reference)
        if digest is None:
            return None
        label = clients.seen.label(digest)
        if label is None:
            label = clients.registry(registry).labels(repository, digest).get(labels.FINGERPRINT, "")
            clients.seen.keep(digest, label)
    except DamagedError as error:
        removed = registry_files.drop_damaged(host, digest) if digest else False
        digests[asked] = None
        clients.log.note(f"{error.message}; {'removed, ' if removed else ''}to be made again")
        return None
    if label == fingerprint:
        return digest
    clients.log.note(
        f"{registry.address}/{path}:{labels.short(fingerprint)} is another image than its tag says: not used"
    )
    return None


def in_engine(image: BuiltImage, path: str, registry: Registry | None, clients: Clients) -> str:
    """The image's local tag, once the engine has it: it is pulled from the registry where it must be.

    `path`: project/name. Raises StepError where neither has it."""
    theirs = unlabelled(image, clients)
    clients.seen.lacking.discard(image.tag)
    held = clients.engine.image(image.tag)
    if held is not None and (theirs or _of_engine(held).get(labels.FINGERPRINT) == image.fingerprint):
        return image.tag
    if theirs:
        from bedplate.builders import upstream

        upstream.take(theirs.reference, theirs.platform or this_platform(), image.tag, clients)
        return image.tag
    digest = image.digest
    if digest is None and registry is not None:
        digest = in_registry(path, image.fingerprint, registry, clients)
    if registry is None or digest is None:
        raise StepError(
            f"image {image.name} ({image.tag}) is neither in the engine nor in the registry",
            f"`doit -a build_base:{image.name}` builds it again",
        )
    reference = f"{registry.address}/{path}@{digest}"
    clients.log.note(f"pulling {reference}")
    clients.engine.pull(reference, None, clients.registry(registry).credentials(), clients.log)
    clients.engine.tag(reference, image.tag)
    return image.tag


def reference(image: BuiltImage, path: str, registry: Registry, clients: Clients) -> str:
    """`host/path@sha256:...`, for a builder without an engine of ours. StepError where the registry has it not."""
    digest = image.digest or in_registry(path, image.fingerprint, registry, clients)
    if digest is None:
        raise StepError(
            f"image {image.name} ({image.tag}) is not in {registry.address}, where ACR Tasks would take it from",
            f"`doit push:{image.name}` brings it there",
        )
    return f"{registry.address}/{path}@{digest}"


def unlabelled(image: BuiltImage, clients: Clients) -> ReferenceImage | None:
    """The spec's entry, if the image is a copy of somebody else's: it has no label of ours."""
    entry = clients.spec.images.get(image.name)
    return entry if isinstance(entry, ReferenceImage) and image.tag.count("/") == 1 else None


def ask(path: str, fingerprint: str, spec: Spec) -> list[Question]:
    """What must be known to say whether the image is still somewhere."""
    questions: list[Question] = [AskImage(local_tag(path, fingerprint))]
    entry = spec.target.registry
    if isinstance(entry, LocalRegistry):
        address = f"127.0.0.1:{entry.port}"
    elif isinstance(entry, GenericRegistry):
        address = entry.address
    else:
        return questions  # its address is not known before it has been asked for
    host, _, below = address.partition("/")
    return [*questions, AskManifest(host, f"{below}/{path}".lstrip("/"), labels.short(fingerprint))]


def absent(image: BuiltImage, answers: Answers) -> str | None:
    """Why the image is nowhere any more; None: it is somewhere, or not everybody could be asked.

    `answers`: to what `ask` asks of it, and to nothing else."""
    held = answers[AskImage(image.tag)]
    if isinstance(held, Mapping) and held.get(labels.FINGERPRINT, image.fingerprint) == image.fingerprint:
        return None
    said = [held, *(answer for question, answer in answers.items() if isinstance(question, AskManifest))]
    if any(isinstance(answer, Unreachable | str) for answer in said):
        return None
    return "neither in the engine nor in the registry" if len(said) > 1 else "not in the engine"


def _repository(registry: Registry, path: str) -> str:
    below = registry.address.partition("/")[2]
    return f"{below}/{path}" if below else path


def _of_engine(image: Mapping[str, object]) -> Mapping[str, str]:
    config = image.get("Config")
    return (config.get("Labels") or {}) if isinstance(config, dict) else {}
