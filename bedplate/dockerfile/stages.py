"""dockerfile.stages: which stages of a Dockerfile a target needs, and what these start from and take."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import field, replace

from bedplate.dockerfile import onbuild as dockerfile_onbuild
from bedplate.dockerfile import takes as dockerfile_takes
from bedplate.dockerfile.mistakes import nearest
from bedplate.dockerfile.onbuild import OnBuild
from bedplate.dockerfile.reader import Dockerfile, Instruction
from bedplate.dockerfile.scope import Scope, of_platforms
from bedplate.dockerfile.takes import Source, Take
from bedplate.errors import Mistake, SpecError
from bedplate.frozen import dataclass

OWN = "bedplate.internal/"  # references below it stand for images of the spec


@dataclass(frozen=True)
class Parent:
    """An image that a stage starts from or copies from. `image`: its name, if it is one of the spec."""

    reference: str
    platform: str
    image: str | None
    line: int
    column: int


@dataclass(frozen=True)
class Reference:
    """A place in the file that names a parent: the words of its FROM, or the value of a `from=`."""

    at: Instruction
    text: str  # as written
    reference: str  # expanded


@dataclasses.dataclass
class Needed:
    """`instructions`: what the target is made of, in file order; triggers of a parent count as the FROM's line."""

    instructions: list[Instruction] = field(default_factory=list)
    parents: list[Parent] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    warnings: list[Mistake] = field(default_factory=list)


@dataclasses.dataclass
class _Stage:
    index: int
    start: Instruction
    name: str
    body: list[Instruction] = field(default_factory=list)
    end: Scope | None = None  # set once read
    triggers: list[Instruction] = field(default_factory=list)  # of ONBUILD, for a stage that starts from this one
    from_scratch: bool = False
    part: Needed = field(default_factory=Needed)


def needed(
    dockerfile: Dockerfile,
    target: str | None,
    args: Mapping[str, str],
    platform: str,
    onbuild: OnBuild = dockerfile_onbuild.none,
) -> Needed:
    """`args` hold a reference below OWN where an image of the spec is meant. Raises SpecError."""
    reading = _Reading(dockerfile, args, platform, onbuild)
    reading.read(reading.stage_named(target))
    if reading.mistakes:
        raise SpecError(reading.mistakes)
    return reading.result()


def own_triggers(dockerfile: Dockerfile, target: str | None) -> tuple[str, ...]:
    """What an image made of this stage runs in whatever starts from it. Raises SpecError."""
    stage = _Reading(dockerfile, {}, "", dockerfile_onbuild.none).stage_named(target)
    return dockerfile_onbuild.texts(stage.body)


class _Reading:
    def __init__(self, dockerfile: Dockerfile, args: Mapping[str, str], platform: str, onbuild: OnBuild) -> None:
        self.dockerfile = dockerfile
        self.platform = platform
        self.onbuild = onbuild
        self.mistakes: list[Mistake] = []
        self.given = args
        builtin = of_platforms(platform)
        self.outer = Scope(args, builtin, dockerfile.escape, builtin)
        self.outer_args: list[Instruction] = []
        self.outer_uses: dict[str, set[str]] = {}  # ARG before FROM -> those its default names
        self.stages: list[_Stage] = []
        for at in dockerfile.instructions:
            if at.keyword == "FROM":
                name = at.words[2].lower() if len(at.words) == 3 else ""
                self.stages.append(_Stage(len(self.stages), at, name))
            elif self.stages:
                self.stages[-1].body.append(at)
            else:
                self.outer_arg(at)
        self.by_name = {stage.name: stage for stage in self.stages if stage.name}

    def outer_arg(self, at: Instruction) -> None:
        scope = replace(self.outer, used=set())
        try:
            self.outer = replace(scope.after_arg(at), used=self.outer.used)
        except ValueError as error:
            self.mistakes.append(self.dockerfile.mistake(at, str(error)))
        self.outer_args.append(at)
        for word in at.words:
            self.outer_uses[word.partition("=")[0]] = scope.used

    def stage_named(self, target: str | None) -> _Stage:
        if not target:
            return self.stages[-1]
        if target.isdigit() and int(target) < len(self.stages):
            return self.stages[int(target)]
        if target.lower() not in self.by_name:
            names = [stage.name for stage in self.stages if stage.name]
            known = f"its stages are {', '.join(names)}" if names else "none of its stages has a name"
            message = f"there is no stage '{target}' in it: {known}"
            raise SpecError([Mistake(self.dockerfile.path, 0, 0, message, nearest(target.lower(), names))])
        return self.by_name[target.lower()]

    def result(self) -> Needed:
        whole = Needed()
        for stage in self.stages:
            if stage.end is not None:
                whole.instructions += stage.part.instructions
                whole.parents += stage.part.parents
                whole.references += stage.part.references
                whole.sources += stage.part.sources
                whole.warnings += stage.part.warnings
                whole.used |= stage.part.used
        whole.used |= self.outer.used
        open_names = list(whole.used)
        while open_names:
            new = self.outer_uses.get(open_names.pop(), set()) - whole.used
            whole.used |= new
            open_names += new
        first = [a for a in self.outer_args if any(w.partition("=")[0] in whole.used for w in a.words)]
        whole.instructions = first + whole.instructions
        return whole

    def read(self, stage: _Stage) -> Scope:
        """The scope at the stage's end, once all that it needs is read."""
        if stage.end is not None:
            return stage.end
        used = stage.part.used
        stage.end = Scope(self.given, self.outer.values, self.dockerfile.escape, used=used)
        try:
            scope, triggers = self.start(stage)
        except ValueError as error:
            self.mistakes.append(self.dockerfile.mistake(stage.start, str(error), word=stage.start.words[0]))
            return stage.end
        for at in (*triggers, *stage.body):
            stage.part.instructions.append(at)
            scope = self.step(stage, at, scope)
        stage.end = scope
        return scope

    def start(self, stage: _Stage) -> tuple[Scope, list[Instruction]]:
        at = stage.start
        part = stage.part
        part.instructions.append(at)
        assert stage.end is not None
        reference = self.outer.word(at.words[0])
        platform = self.outer.word(at.flag("platform") or "") or self.platform
        if not reference:
            message = f"{at.words[0]} is empty here: no image to start from"
            names = re.findall(r"\w+", at.words[0])
            hint = f"give ARG {names[0]} a default before FROM, or a value under `args`" if names else ""
            self.mistakes.append(self.dockerfile.mistake(at, message, hint, at.words[0]))
            return stage.end, []
        base = self.by_name.get(reference.lower())
        if base is not None and base.index >= stage.index:
            earlier = [s for s in self.stages[: stage.index] if s.name == reference.lower()]
            base = earlier[-1] if earlier else None
        if base is not None:
            scope = replace(self.read(base), used=part.used)
            stage.from_scratch = base.from_scratch
            return scope, [replace(t, line=at.line, column=at.column, end_line=at.end_line) for t in base.triggers]
        if reference == "scratch":
            stage.from_scratch = True
            return stage.end, []
        self.parent(stage, at, at.words[0], reference, platform)
        return stage.end, dockerfile_onbuild.parsed(self.onbuild(reference, platform), at)

    def parent(self, stage: _Stage, at: Instruction, text: str, reference: str, platform: str) -> None:
        place = self.dockerfile.mistake(at, "", word=text)
        image = reference.removeprefix(OWN) if reference.startswith(OWN) else None
        stage.part.parents.append(Parent(reference, platform, image, place.line, place.column))
        stage.part.references.append(Reference(at, text, reference))

    def step(self, stage: _Stage, at: Instruction, scope: Scope) -> Scope:
        try:
            if at.keyword == "ARG":
                return scope.after_arg(at)
            if at.keyword == "ENV":
                return scope.after_env(at)
            if at.keyword in ("COPY", "ADD"):
                self.take(stage, dockerfile_takes.copy(self.dockerfile, at, scope, stage.from_scratch), scope)
            elif at.keyword == "RUN":
                scope.run()
                for mount in at.values("mount"):
                    self.take(stage, dockerfile_takes.mount(at, mount, scope), scope)
            elif at.keyword == "ONBUILD":
                if at.inner is not None:
                    stage.triggers.append(at.inner)
            elif at.keyword in ("WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL", "LABEL"):
                for word in at.words:
                    scope.word(word)
        except ValueError as error:
            self.mistakes.append(self.dockerfile.mistake(at, f"{at.keyword}: {error}"))
        return scope

    def take(self, stage: _Stage, take: Take, scope: Scope) -> None:
        stage.part.warnings += take.warnings
        if take.source:
            stage.part.sources.append(take.source)
        if take.origin:
            self.origin(stage, take.at, take.origin, scope)

    def origin(self, stage: _Stage, at: Instruction, text: str, scope: Scope) -> None:
        """The stage or image that a `from=` names."""
        both = replace(scope, values={**self.outer.values, **scope.values}, args=self.outer.args | scope.args)
        name = both.word(text)
        if name.isdigit():
            if int(name) >= stage.index:
                message = f"from={name}: there is no earlier stage of this number; the first one is 0"
                self.mistakes.append(self.dockerfile.mistake(at, message, word=name))
                return
            self.read(self.stages[int(name)])
        elif name.lower() in self.by_name:
            other = self.by_name[name.lower()]
            if other is stage:
                self.mistakes.append(self.dockerfile.mistake(at, f"the stage '{name}' takes from itself", word=text))
                return
            self.read(other)
        elif name == "scratch" or not name:
            message = f"from={text}: it takes a stage or an image, and this is {'nothing' if not name else 'empty'}"
            self.mistakes.append(self.dockerfile.mistake(at, message, word=text))
        else:
            self.parent(stage, at, text, name, self.platform)
