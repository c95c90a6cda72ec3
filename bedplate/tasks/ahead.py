"""ahead: asks the registry for all images of a run at once, before its tasks look for them one by one."""

from __future__ import annotations

from bedplate import labels
from bedplate.builders import found
from bedplate.clients import answers, docker_host
from bedplate.errors import StepError
from bedplate.questions import AskManifest
from bedplate.step import Made
from bedplate.tasks.console import Silent
from bedplate.tasks.session import Session

THREADS = 16


def look(session: Session, names: set[str]) -> None:
    """One question for each tag that these tasks will look for or set, and the label of each digest not met before.

    What nobody answers stays unasked: the task that needs it asks again, and says what is wrong."""
    wanted: dict[AskManifest, bool] = {}  # is it found by its label?
    for name, verdict in session.verdicts.items():
        task = session.by_name[name]
        makes = getattr(session.steps[task.step], "makes", None)
        if name not in names or verdict.fresh or makes is None:
            continue
        identities = {need: verdict.parts[f"output {need}"] for need in task.needs}
        made: Made | None = makes(task.inputs, verdict.fingerprint, session.reads.file_sets(task), identities)
        if made is None:
            continue
        for question in found.ask(made.path, made.fingerprint, session.spec):
            if isinstance(question, AskManifest):
                wanted[question] = wanted.get(question, False) or task.step != "push"
                wanted.update((question._replace(reference=tag), False) for tag in made.tags)
    said = answers.answer(wanted, docker_host.address(), session.world.registry_at) if wanted else {}
    seen = session.clients(Silent()).seen
    seen.digests.update((q, a) for q, a in said.items() if isinstance(q, AskManifest) and (a is None or type(a) is str))
    new = {
        (q.host, q.repository, digest)
        for q, digest in seen.digests.items()
        if wanted.get(q) and digest and seen.label(digest) is None
    }
    if new:
        _read_labels(session, sorted(new))


def _read_labels(session: Session, images: list[tuple[str, str, str]]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    seen = session.clients(Silent()).seen
    registries = {host: session.world.registry_at(host).hurried(answers.FAR_S) for host, _, _ in images}
    for registry in registries.values():
        registry.ping()  # signs in and finds out how it is spoken to, once for all threads

    def read(image: tuple[str, str, str]) -> None:
        host, repository, digest = image
        try:
            said = registries[host].labels(repository, digest)
            seen.keep(digest, said.get(labels.FINGERPRINT, ""))
        except StepError:
            pass  # damaged, or gone again: whoever needs it says so

    with ThreadPoolExecutor(min(THREADS, len(images))) as pool:
        list(pool.map(read, images))
