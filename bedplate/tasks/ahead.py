"""ahead: asks engine and registry for all images of a run at once, before its tasks look for them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bedplate import labels
from bedplate.builders import found
from bedplate.clients import answers, docker_host, registry_files
from bedplate.errors import StepError
from bedplate.model import AcrTasksBuilder
from bedplate.questions import AskImage, AskManifest
from bedplate.seen import Seen
from bedplate.step import Made
from bedplate.tasks.console import Silent
from bedplate.tasks.session import Session

THREADS = 16
EACH = 6  # images for which a further connection is worth what it costs


def look(session: Session, names: set[str]) -> bool:
    """One question for each tag that these tasks will look for or set, and the label of each digest not met before.

    What nobody answers stays unasked: the task that needs it asks again, and says what is wrong. True: all that they
    make is in the registry, so that none of them will take long."""
    by_engine = not isinstance(session.spec.target.builder, AcrTasksBuilder)
    wanted: dict[AskManifest, bool] = {}  # is it found by its label?
    images: list[AskImage] = []
    making = list(makes(session, [name for name in session.dirty if name in names]))
    for step, made in making:
        for question in found.ask(made.path, made.fingerprint, session.spec):
            if isinstance(question, AskManifest):
                wanted[question] = wanted.get(question, False) or step != "push"
                wanted.update((question._replace(reference=tag), False) for tag in made.tags)
            elif isinstance(question, AskImage) and by_engine and step != "push":
                images.append(question)
    if not wanted and not images:
        return False
    said = answers.answer([*wanted, *images], docker_host.address(), session.world.registry_at)
    seen = session.clients(Silent()).seen
    seen.digests.update((q, a) for q, a in said.items() if isinstance(q, AskManifest) and (a is None or type(a) is str))
    seen.lacking.update(question.tag for question in images if said[question] is None)
    new = {
        (q.host, q.repository, digest)
        for q, digest in seen.digests.items()
        if wanted.get(q) and digest and seen.label(digest) is None
    }
    if new:
        _read_labels(session, sorted(new))
    others = [name for name in names if session.by_name[name].step != "resolve_registry"]
    return len(making) == len(others) and all(_there(session, seen, made) for _, made in making)


def _there(session: Session, seen: Seen, made: Made) -> bool:
    """Whether the registry was seen to hold it, by its label, under every tag."""
    questions = found.ask(made.path, made.fingerprint, session.spec)
    asked = next((question for question in questions if isinstance(question, AskManifest)), None)
    if asked is None:
        return False
    digest = seen.digests.get(asked)
    tags = (seen.digests.get(asked._replace(reference=tag)) for tag in made.tags)
    return bool(digest) and seen.label(str(digest)) == made.fingerprint and all(tag == digest for tag in tags)


def makes(session: Session, names: Iterable[str]) -> Iterator[tuple[str, Made]]:
    """The images that these tasks make or find, each with its step. Raises SpecError."""
    for name in names:
        verdict, task = session.verdicts[name], session.by_name[name]
        makes = getattr(session.steps[task.step], "makes", None)
        if makes is None:
            continue
        identities = {need: verdict.parts[f"output {need}"] for need in task.needs}
        sets = () if task.foreseen else session.reads.file_sets(task)  # of a large context it takes a second
        made: Made | None = makes(task.inputs, verdict.fingerprint, sets, identities)
        if made is not None:
            yield task.step, made


def _read_labels(session: Session, images: list[tuple[str, str, str]]) -> None:
    """Of a registry of ours from its files: the client costs more to import than all of them to read."""
    seen = session.clients(Silent()).seen
    ours = {host: registry_files.of_host(host) for host in {host for host, _, _ in images}}
    left, read = [], {}
    for host, repository, digest in images:
        files = ours[host]
        said = files.labels(repository, digest) if files else None
        if said is None:
            left.append((host, repository, digest))
        else:
            read[digest] = said.get(labels.FINGERPRINT, "")
    seen.keep_all(read)
    if left:
        _ask_labels(session, left)


def _ask_labels(session: Session, images: list[tuple[str, str, str]]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    seen = session.clients(Silent()).seen
    hosts = {host for host, _, _ in images}
    registries = {host: session.world.registry_at(host).hurried(answers.FAR_S) for host in hosts}
    for registry in registries.values():
        registry.ping()  # signs in and finds out how it is spoken to, once for all threads

    def read(image: tuple[str, str, str]) -> None:
        host, repository, digest = image
        try:
            said = registries[host].labels(repository, digest)
            seen.keep(digest, said.get(labels.FINGERPRINT, ""))
        except StepError:
            pass  # damaged, or gone again: whoever needs it says so

    with ThreadPoolExecutor(min(THREADS, 1 + len(images) // EACH)) as pool:
        list(pool.map(read, images))
