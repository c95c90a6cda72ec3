"""world: what engine and registries say of what the tasks made: is it there, does it serve."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bedplate.model import Deployment, GenericRegistry, Output, Registry
from bedplate.questions import Answers, Question
from bedplate.tasks.console import Silent

if TYPE_CHECKING:
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.tasks.session import Session

SHOWN = 8  # services that are named


class World:
    """As one session asks for it; what was answered once is not asked again."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def answers(self) -> Answers:
        """What the outside world says to all questions of the recorded outputs, asked in one batch."""
        questions = [question for asked in self.asked.values() for question in asked]
        known = self._session.said
        said = {question: known[question] for question in questions if question in known}
        return {**said, **self._ask([question for question in questions if question not in said])}

    @cached_property
    def asked(self) -> dict[str, list[Question]]:
        """The questions of each recorded output, by task."""
        outputs = ((task.name, self._session.output(task.name)) for task in self._session.tasks)
        return {name: self._asks(name, output) for name, output in outputs if output is not None}

    @cached_property
    def absent(self) -> dict[str, str]:
        """Why what a task made is not there any more, by task."""
        absent = {}
        for task in self._session.tasks:
            output = self._session.output(task.name)
            if output is not None:
                # its own answers: a step may look through all that it is given
                own = {question: self.answers[question] for question in self.asked[task.name]}
                why = self._session.steps[task.step].present(output, own)
                if why:
                    absent[task.name] = why
            elif self._session.record(task.name):
                absent[task.name] = "recorded by an other version"
        return absent

    def serving(self, *, afresh: bool = False) -> list[str]:
        """A line for each service that answers, or did when the run began; of very many the first, and how many."""
        lines = list(self.lines(afresh=afresh).values())
        more = len(lines) - SHOWN
        return lines if more <= 1 else [*lines[:SHOWN], f"and {more} more services: `doit list --all deploy`"]

    def lines(self, *, afresh: bool = False) -> dict[str, str]:
        """Of each service that answers, by its task; of those that this session does not look at, what was seen."""
        own, seen = self._own_lines(afresh=afresh), self._session.seen_serving
        elsewhere = {name: line for name, line in seen.items() if name not in self._session.by_name}
        if not elsewhere:
            return own
        both = {**own, **elsewhere}
        return {name: both[name] for name in dict.fromkeys((*seen, *own)) if name in both}

    def _own_lines(self, *, afresh: bool) -> dict[str, str]:
        session = self._session
        deployed = {t.name: o for t in session.tasks if isinstance(o := session.output(t.name), Deployment) and o.url}
        if not deployed:
            return {}
        if afresh or "answers" not in self.__dict__:  # a run without records has asked nothing
            said = self._ask([q for name, output in deployed.items() for q in self._asks(name, output)])
        else:
            said = self.answers
        lines = {}
        for name, output in deployed.items():
            step = session.steps[session.by_name[name].step]
            why = step.present(output, said) if afresh or name in session.verdicts else None
            if not why or (name in self.absent and not afresh):
                lines[name] = f"{output.service} at {output.url}"
        return lines

    def registry_at(self, host: str) -> OciRegistry:
        """A client for the registry at host[:port]."""
        resolved = self._session.output("resolve_registry")
        if isinstance(resolved, Registry) and resolved.address.partition("/")[0] == host:
            return self._session.clients(Silent()).registry(resolved)
        entry = self._session.spec.target.registry
        insecure = isinstance(entry, GenericRegistry) and entry.insecure and entry.address.partition("/")[0] == host
        return self._session.clients(Silent()).registry(Registry("generic", host, insecure))

    def _asks(self, name: str, output: Output) -> list[Question]:
        session = self._session
        return list(session.steps[session.by_name[name].step].asks(output, session.spec))

    def _ask(self, questions: list[Question]) -> Answers:
        from bedplate.clients import answers, docker_host

        return answers.answer(questions, docker_host.address(), self.registry_at)
