"""questions: is what a task made still there? Asked of the outside world in one batch, before work starts.

Named tuples: a run in which nothing changed asks all of them and should import little else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

# `kind` keeps two questions with the same words apart: named tuples compare as plain tuples


class AskManifest(NamedTuple):
    """Which digest does `reference` (a tag or a digest) have in this repository? Answer: `sha256:...`, None (gone)."""

    host: str  # host[:port]
    repository: str  # without the host
    reference: str
    kind: str = "manifest"


class AskAddress(NamedTuple):
    """Does a registry answer at this host[:port]? Answer: True or False."""

    host: str
    kind: str = "address"


class AskImage(NamedTuple):
    """Is an image with this local tag in the engine? Answer: its labels, or None."""

    tag: str
    kind: str = "image"


class AskContainer(NamedTuple):
    """Answer: a ContainerSeen, or None."""

    name: str
    kind: str = "container"


class AskFile(NamedTuple):
    """Is this file or folder of the project there? Answer: True or False. `path`: relative to the project's root."""

    path: str
    kind: str = "file"


EngineQuestion: TypeAlias = AskImage | AskContainer
Question: TypeAlias = AskManifest | AskAddress | EngineQuestion | AskFile
KINDS = {"manifest": AskManifest, "address": AskAddress, "image": AskImage, "container": AskContainer, "file": AskFile}


class ContainerSeen(NamedTuple):
    state: str  # running, exited, ...
    labels: Mapping[str, str]


class Unreachable:
    """The answer where nobody could be asked: not the same as `gone`."""

    def __repr__(self) -> str:
        return "unreachable"


class Damaged:
    """The answer where the registry has something of this name, and cannot read it."""

    def __repr__(self) -> str:
        return "damaged"


Answers: TypeAlias = Mapping[Question, Any]  # the kinds of answer stand beside each question
