"""engine_lists: which images and containers the engine has: two lists, whatever the number of questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bedplate import labels
from bedplate.clients.docker_host import certificates
from bedplate.clients.wire import Wire, WireError
from bedplate.questions import AskContainer, AskImage, ContainerSeen, Question, Unreachable

CONNECT_S = 1.0  # on this machine
ANSWER_S = 10.0


class EngineLists:
    """Asks the engine when it is made, so that it works while others are asked; `read` or `close` ends it."""

    def __init__(self, questions: Iterable[Question], address: str) -> None:
        """Of `questions` those for the engine. `address`: unix:///path or tcp://host:port."""
        asked = set(questions)
        self._images = [question for question in asked if isinstance(question, AskImage)]
        self._containers = [question for question in asked if isinstance(question, AskContainer)]
        self._paths = []
        if self._containers:
            self._paths.append("/containers/json?all=1&filters=" + _filters(label=[labels.PROJECT]))
        if self._images:
            names = sorted({question.tag.rpartition("/")[0] + "/*" for question in self._images})
            self._paths.append("/images/json?filters=" + _filters(reference=names))
        self._wire: Wire | None = None
        if self._paths:
            try:
                with_tls = certificates() if address.startswith("tcp") else None
                self._wire = Wire(address, CONNECT_S, ANSWER_S, with_tls)
                self._wire.send([f"GET {path}" for path in self._paths])
            except (OSError, WireError, ValueError):
                self.close()

    def close(self) -> None:
        if self._wire:
            self._wire.close()
        self._wire = None

    def read(self) -> dict[Question, Any]:
        """`Unreachable()` to each where the engine could not be asked."""
        answered: dict[Question, Any] = dict.fromkeys([*self._images, *self._containers], Unreachable())
        if self._wire is None:
            return answered
        try:
            replies = [self._wire.reply() for _ in self._paths]
            lists = [json.loads(reply.body) for reply in replies if reply.status == 200]
        except (OSError, WireError, ValueError):
            return answered
        finally:
            self.close()
        if len(lists) < len(self._paths):
            return answered
        if self._images:
            tags = _by_tag(lists.pop())
            answered.update((question, tags.get(question.tag)) for question in self._images)
        if self._containers:
            seen = _by_name(lists.pop())
            answered.update((question, seen.get(question.name)) for question in self._containers)
        return answered


def _filters(**filters: Sequence[str]) -> str:
    return quote(json.dumps(filters))


def _by_tag(images: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, str]]:
    # podman writes localhost/ before a name without a host
    return {
        tag.removeprefix("localhost/"): image.get("Labels") or {}
        for image in images
        for tag in image.get("RepoTags") or ()
    }


def _by_name(containers: Iterable[Mapping[str, Any]]) -> dict[str, ContainerSeen]:
    return {
        name.removeprefix("/"): ContainerSeen(container.get("State") or "", container.get("Labels") or {})
        for container in containers
        for name in container.get("Names") or ()
    }
