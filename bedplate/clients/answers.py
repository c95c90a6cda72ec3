"""answers: what the engine and the registries say to a batch of questions, as quickly as they can be asked.

A run in which nothing changed pays for this and for little else, so plain HTTP on this machine is spoken on sockets:
requests takes longer to import than all answers take to come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate.clients import engine_lists, registry_files
from bedplate.clients.engine_lists import EngineLists
from bedplate.clients.wire import WINDOW, Wire, WireError
from bedplate.questions import (
    AskAddress,
    AskFile,
    AskManifest,
    Damaged,
    Question,
    Unreachable,
)

if TYPE_CHECKING:
    from bedplate.clients.oci_registry import OciRegistry

CONNECT_S = 1.0  # on this machine
ANSWER_S = 10.0
FAR_S = 5.0  # for one answer of a registry elsewhere
FAR_ALL_S = 30.0  # after which no further question is sent there
CONNECTIONS = 8  # to one registry on this machine; each is served by one thread of it
THREADS = 16
DIGEST = "docker-content-digest"
TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)

Answered = dict[Question, Any]  # the kinds of answer stand beside each question in step.py


def answer(questions: Iterable[Question], engine_address: str, registry: Callable[[str], OciRegistry]) -> Answered:
    """An answer to each question; `Unreachable()` where nobody could be asked. Never raises for that.

    `engine_address`: unix:///path or tcp://host:port. `registry`: a client for a host, for what sockets alone cannot
    ask."""
    asked = set(questions)
    return read(asked, registry, EngineLists(engine_lists.requests(asked), engine_address))


def read(
    questions: Iterable[Question], registry: Callable[[str], OciRegistry], engine: EngineLists | None = None
) -> Answered:
    """As `answer`. `engine`: was asked before, and works meanwhile; None: no question is for it."""
    asked = set(questions)
    near: dict[str, list[AskManifest | AskAddress]] = {}
    far: list[AskManifest | AskAddress] = []
    for question in asked:
        if isinstance(question, (AskManifest, AskAddress)):
            if _plain(question.host):
                near.setdefault(question.host, []).append(question)
            else:
                far.append(question)
    answered: Answered = {}
    # first everything is sent, then everything is read: engine and registries work at the same time
    ours = {host for host in near if _port(host) and registry_files.running(_port(host))}
    wires = [batch for host, group in near.items() if host not in ours for batch in _NearBatch.split(host, group)]
    for host in ours:
        answered.update(_ours(near.pop(host), _port(host), up=True))
    if engine:
        answered.update(engine.read(asked))
    for batch in wires:
        answered.update(batch.read())
        far += batch.left
    # one of ours that is down holds what its files say; it is started again before anybody needs it
    for host, group in near.items():
        held = _port(host) and registry_files.folder(_port(host)).is_dir()
        if held and all(_silent(answered.get(q)) for q in group):
            answered.update(_ours(group, _port(host), up=False))
    answered.update(_far(far, registry))
    # doit runs in the project's root, wherever it was called
    answered.update((question, Path(question.path).exists()) for question in asked if isinstance(question, AskFile))
    return answered


def _port(host: str) -> int:
    """0: none is named."""
    port = host.rpartition(":")[2]
    return int(port) if port.isdigit() else 0


def _silent(answer: Any) -> bool:
    return answer is False or isinstance(answer, Unreachable)


def _ours(questions: Iterable[AskManifest | AskAddress], port: int, *, up: bool) -> Answered:
    files = registry_files.RegistryFiles(registry_files.storage(port))
    answered: Answered = {}
    for question in questions:
        if isinstance(question, AskAddress):
            answered[question] = up
        else:
            answered[question] = files.digest(question.repository, question.reference)
    return answered


class _NearBatch:
    """One connection to a registry on this machine and the questions that are sent on it."""

    def __init__(self, wire: Wire | None, questions: Sequence[AskManifest | AskAddress]) -> None:
        self._wire = wire
        self._questions = questions
        self._requests = [_request(question) for question in questions]
        self.left: list[AskManifest | AskAddress] = []  # those that need more than a socket: a sign-in, TLS
        if wire:
            with suppress(OSError):  # then there is nothing to read either
                wire.send(self._requests[:WINDOW])

    @classmethod
    def split(cls, host: str, questions: Sequence[AskManifest | AskAddress]) -> list[_NearBatch]:
        """As many connections as the questions are worth."""
        name, _, port = host.rpartition(":") if host.rpartition(":")[2].isdigit() else (host, "", "80")
        wires: list[Wire] = []
        with suppress(OSError):
            for _ in range(max(1, min(CONNECTIONS, len(questions) // 4))):
                wires.append(Wire(f"tcp://{name}:{port}", CONNECT_S, ANSWER_S))
        return [cls(wire, questions[n :: len(wires)]) for n, wire in enumerate(wires)] or [cls(None, questions)]

    def read(self) -> Answered:
        answered: Answered = {}
        if self._wire is None:
            answered.update((question, _nobody(question)) for question in self._questions)
            return answered
        try:
            for question, reply in zip(self._questions, self._wire.replies(self._requests), strict=True):
                if isinstance(question, AskAddress) and reply.status in (200, 401):
                    answered[question] = bool(reply.header("docker-distribution-api-version"))
                elif isinstance(question, AskManifest) and reply.status == 404:
                    answered[question] = None
                elif isinstance(question, AskManifest) and reply.status == 200 and reply.header(DIGEST):
                    answered[question] = reply.header(DIGEST)
        except TimeoutError:
            answered.update((question, _nobody(question)) for question in self._questions if question not in answered)
        except (OSError, WireError):
            pass  # a server that closes the connection after each answer: the client asks it again
        self._wire.close()
        self.left = [question for question in self._questions if question not in answered]
        return answered


def _request(question: AskManifest | AskAddress) -> str:
    if isinstance(question, AskAddress):
        return "GET /v2/"
    return f"HEAD /v2/{question.repository}/manifests/{question.reference}\nAccept: {', '.join(TYPES)}"


def _plain(host: str) -> bool:
    """Docker speaks plain HTTP to a loopback address."""
    return host.startswith(("127.", "localhost:", "[::1]")) or host == "localhost"


def _nobody(question: Question) -> Any:
    return False if isinstance(question, AskAddress) else Unreachable()


def _far(questions: Sequence[AskManifest | AskAddress], registry: Callable[[str], OciRegistry]) -> Answered:
    """Through the client, which signs in and speaks TLS; a registry that does not answer at all is asked once."""
    if not questions:
        return {}
    import time
    from concurrent.futures import ThreadPoolExecutor

    from bedplate.errors import DamagedError, StepError

    until = time.monotonic() + FAR_ALL_S
    # a connection costs 30 ms of our own time, mostly to read the bundle of authorities: few questions share few
    with ThreadPoolExecutor(min(THREADS, 1 + len(questions) // 6)) as pool:
        hosts = list({question.host for question in questions})
        clients = {host: registry(host).hurried(FAR_S) for host in hosts}
        up = dict(zip(hosts, pool.map(lambda host: clients[host].ping(), hosts), strict=True))

        def ask(question: AskManifest | AskAddress) -> Any:
            if isinstance(question, AskAddress) or not up[question.host]:
                return up[question.host] if isinstance(question, AskAddress) else Unreachable()
            try:
                if time.monotonic() < until:
                    return clients[question.host].digest(question.repository, question.reference)
            except DamagedError:
                return Damaged()
            except StepError:
                pass  # the step that needs the registry says why
            return Unreachable()

        return dict(zip(questions, pool.map(ask, questions), strict=True))
