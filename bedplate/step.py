"""step: the contract between the engine and a step module; what a task is, what it is given, what it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from bedplate.file_set import FileSet as FileSet
from bedplate.file_set import ReadFile as ReadFile
from bedplate.frozen import dataclass
from bedplate.model import Output, Registry, Spec
from bedplate.questions import Answers, Question

if TYPE_CHECKING:
    from bedplate.azureml.drift import Difference
    from bedplate.clients.azure.client import Azure
    from bedplate.clients.credentials import Login
    from bedplate.clients.docker_engine import Engine
    from bedplate.clients.oci_registry import OciRegistry
    from bedplate.context import Recipe
    from bedplate.dockerfile.reader import Instruction
    from bedplate.log import Log
    from bedplate.seen import Seen

T = TypeVar("T")


# ---- what a task reads from disk


@dataclass(frozen=True)
class DockerfileFiles:
    """The files that a Dockerfile reads, and its instructions. Paths are relative to the project's root."""

    context: str
    dockerfile: str
    target: str | None
    args: Mapping[str, str]
    images: Mapping[str, str]  # build argument -> image of this spec, whose reference it will hold
    platform: str


@dataclass(frozen=True)
class Tree:
    """Every file below `path` (or `path` itself, if it is a file), but for those at or below `exclude`.

    `as_az_sends`: without what `.amlignore`, else `.gitignore`, in that folder names, and without folders as such."""

    path: str
    exclude: tuple[str, ...] = ()
    as_az_sends: bool = False


@dataclass(frozen=True)
class Requirements:
    """A pip requirements file or a conda environment file, first, then what it includes with -r and -c."""

    path: str
    conda: bool


@dataclass(frozen=True)
class Upstream:
    """An image of somebody else's: the digest that the lock has for it.

    `needed` False: the task does without, where nobody says the digest."""

    reference: str
    platform: str
    needed: bool = True


@dataclass(frozen=True)
class TeamFile:
    """A YAML of Azure ML's that a team has, of a deployment or of an environment, and all the files that it names."""

    path: str
    deployment: bool
    compute: str | None = None  # of a deployment's endpoint, as pipeline.yaml names it


Files: TypeAlias = DockerfileFiles | Tree | Requirements | Upstream | TeamFile


# ---- tasks


@dataclass(frozen=True)
class Task:
    """One line of the plan.

    inputs  what it reads from the spec; every field is part of the fingerprint
    needs   tasks whose outputs it is given, each part of the fingerprint by its `identity`
    after   tasks whose outputs it is given without being part of the fingerprint
    """

    step: str
    entry: str  # name of the spec's entry; "" for the one task of a step without entries
    inputs: Any  # a frozen dataclass of the step's own: no common base, each step names its fields
    files: tuple[Files, ...] = ()
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    foreseen: bool = False  # the output's identity is the task's fingerprint: known before it runs
    aside: Any = None  # what `run` may use though it is not part of the fingerprint (parallel limits, smoke cases)

    @property
    def name(self) -> str:
        return f"{self.step}:{self.entry}" if self.entry else self.step


# ---- running


@dataclass(frozen=True)
class Given:
    """What `run` is given beside its inputs."""

    task: str
    fingerprint: str  # 64 hex, of the task as it is now
    file_sets: tuple[FileSet, ...]  # one for each of the task's `files`, in that order
    outputs: Mapping[str, Output]  # by task name: needs and after
    aside: Any = None

    def one(self, kind: type[T]) -> T:
        """The only output of this kind; AssertionError if there is none or more than one."""
        found = [o for o in self.outputs.values() if isinstance(o, kind)]
        assert len(found) == 1, f"{self.task}: expected one {kind.__name__}, got {len(found)}"
        return found[0]


class Clients(Protocol):
    """The outside world, opened when first asked for."""

    @property
    def root(self) -> Path: ...

    @property
    def spec(self) -> Spec: ...

    @property
    def log(self) -> Log: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def azure(self) -> Azure:
        """The Resource Manager, signed in as `az` is; nothing is asked before its first use."""

    @property
    def again(self) -> bool:
        """The user asked for the work to be done although its result is there (`doit -a`): nothing is reused."""

    @property
    def yes(self) -> bool:
        """The user lets a protected target be changed without being asked (`doit --yes`)."""

    @property
    def seen(self) -> Seen:
        """What the registry was seen to hold before work started, asked in one batch."""

    def registry(self, registry: Registry) -> OciRegistry: ...

    def recipe(self, files: DockerfileFiles) -> Recipe:
        """What the Dockerfile reads, as it was hashed."""

    def pinned(self, reference: str, platform: str) -> str:
        """The upstream reference that stands for the locked content: `name@sha256:...`."""

    def locked(self, reference: str, platform: str) -> str:
        """The digest that the lock has for it: `sha256:...`; nobody is asked. Raises StepError: it has none."""


class Step(Protocol):
    """A module of `steps/`. Its docstring: one line, `name: what becomes what.`"""

    def tasks(self, spec: Spec) -> Iterable[Task]:
        """Pure: the tasks of this step for the spec's chosen target."""

    def run(self, inputs: Any, given: Given, clients: Clients) -> Output:
        """The only effect; safe to repeat; returns once the effect is visible. Raises StepError."""

    def asks(self, output: Any, spec: Spec) -> Sequence[Question]:
        """Pure: what must be known to say whether this output is still there."""

    def present(self, output: Any, answers: Answers) -> str | None:
        """Pure: None if the output is still there, else why not: `container gone`."""


@dataclass(frozen=True)
class Made:
    """An image that a task will have made. `path`: project/name. `tags`: those that it will have set."""

    path: str
    fingerprint: str  # 64 hex
    tags: tuple[str, ...] = ()


class Makes(Protocol):
    """What a step has besides, if it makes images."""

    def makes(
        self, inputs: Any, fingerprint: str, file_sets: Sequence[FileSet], identities: Mapping[str, str]
    ) -> Made | None:
        """Pure: the image that `run` will make or find, known before it runs; None: none of its own.

        `fingerprint`: the task's. `file_sets`: none where the task is foreseen. `identities`: of the outputs that it
        needs, by task."""


class Stops(Protocol):
    """What a step has besides, if `doit clean` should stop what it started."""

    def stop(self, output: Any, clients: Clients) -> str | None:
        """Stops it; what was stopped in words, None if there was nothing to stop. Nothing of others' is touched."""


class Drifts(Protocol):
    """What a step has besides, if others can change what it made (`doit plan --remote`)."""

    def drift(self, inputs: Any, given: Given, clients: Clients) -> list[Difference] | None:
        """What is not as the spec says; None: nothing is elsewhere. Nothing is changed. Raises SpecError, StepError."""


# ---- building, shared by build_base and create_environment


@dataclass(frozen=True)
class BuildRequest:
    """What a builder is asked for. The files are read from `root`/`file_set.root`."""

    image: str  # name, for messages
    tag: str  # local tag that the result gets: project/name:fp-<16 hex>
    dockerfile: str  # text that is sent
    lines: Mapping[int, int]  # line of the text sent -> line of the file on disk
    dockerfile_path: str  # as the user knows it, for messages
    file_set: FileSet
    args: Mapping[str, str]
    target: str | None
    platform: str
    labels: Mapping[str, str]
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    logins: Mapping[str, Login] = field(default_factory=dict, repr=False)  # of upstream images, by registry
    extra_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # in the context for this build only
    triggers: Sequence[Instruction] = ()  # what ONBUILDs of its parents leave: the builder runs them behind FROM
    # an ignore file with which a client program may be handed the folder itself, None: it is given the files alone
    ignore: bytes | None = None
    # looks at the folder again: a path in it that is not any more what was hashed, None: all are
    changed: Callable[[], str | None] = field(default=lambda: None, repr=False)
