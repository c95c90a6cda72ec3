"""project: everything that can be said of a project from its files: its spec, images, environments, services."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from bedplate import inference_server
from bedplate.checks import (
    dockerfile,
    excuses,
    image_pins,
    package_pins,
    secret_arguments,
    secrets_written,
    services,
)
from bedplate.checks.excuses import Directive
from bedplate.checks.finding import Finding, of_mistake, ordered, under_policy
from bedplate.checks.secret_values import masked
from bedplate.context import Recipe
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.dockerfile import stages as dockerfile_stages
from bedplate.errors import Mistake, SpecError
from bedplate.model import AcrTasksBuilder, DockerfileImage, Spec
from bedplate.pins import Reference
from bedplate.reads import Reads
from bedplate.specfile import places
from bedplate.step import DockerfileFiles, FileSet, Task
from bedplate.yamlfile.nodes import Node

SPEC = "pipeline.yaml"


def find(
    spec: Spec,
    tasks: Sequence[Task],
    reads: Reads,
    digest: Callable[[str, str], str],
    chosen: Container[str] | None = None,
) -> list[Finding]:
    """`digest`: the lock's, "" for none. `chosen`: names of the tasks to look at; None: all."""
    return _Project(spec, reads, digest).all([t for t in tasks if chosen is None or t.name in chosen])


class _Project:
    def __init__(self, spec: Spec, reads: Reads, digest: Callable[[str, str], str]) -> None:
        self.spec = spec
        self.root: Path = reads.root
        self.reads = reads
        self.digest = digest
        self._lines: dict[str, list[str]] = {}
        self._seen_files: dict[str, str] = {}

    def all(self, tasks: Sequence[Task]) -> list[Finding]:
        found: list[Finding] = []
        for task in tasks:
            if task.step == "build_base":
                found += self._image(task)
            elif task.step == "create_environment":
                found += self._environment(task)
            elif task.step == "deploy":
                texts = inference_server.texts(self.spec, self.root, self._text)
                found += services.find(self.spec.services[task.entry], self.spec, self.root, texts, self._at)
        found = [f for f in under_policy(found, self.spec.policy) if not self._excused(f)]
        for path in list(self._lines):
            found += excuses.bad(path, self._lines[path])
        return [_shown(f) for f in ordered(found)]

    # ---- images

    def _image(self, task: Task) -> Iterator[Finding]:
        entry = self.spec.images[task.entry]
        for files in task.files:
            try:
                read = self.reads.read(files)
            except SpecError as error:
                place = files.dockerfile if isinstance(files, DockerfileFiles) else SPEC
                wrong = [of_mistake(m, place) for m in error.mistakes]
                yield from wrong
                if isinstance(files, DockerfileFiles):
                    yield from self._unread(files, {f.mistake.line for f in wrong})
                continue
            if isinstance(read, Recipe) and isinstance(files, DockerfileFiles):
                yield from self._recipe(files, read, entry)
        if isinstance(entry, DockerfileImage):
            hint = "write it under `secrets` as {env: NAME} and read it with RUN --mount=type=secret,id=..."
            for name, what, mend in secrets_written.in_values(entry.args, hint):
                message = f"images.{entry.name}.args: {what} stands in {name}"
                yield Finding("SecretInSpec", self._at(("images", entry.name, "args", name), message, mend))
        yield from self._pins(task)

    def _recipe(self, files: DockerfileFiles, recipe: Recipe, entry: object) -> Iterator[Finding]:
        self._lines[files.dockerfile] = list(recipe.dockerfile.source)
        given = {**files.args, **files.images}
        found = dockerfile.find(recipe.dockerfile, given, files.platform, recipe.needed, self._file_of(recipe))
        kept = self._secret_arguments(files, recipe, entry)
        lines = {one.mistake.line for one in kept}  # what is known of a line is said in place of what its name says
        yield from (one for one in found if one.code != secret_arguments.CODE or one.mistake.line not in lines)
        yield from kept
        yield from (of_mistake(warning) for warning in recipe.warnings)
        yield from secrets_written.in_files(recipe.file_set, self.root, self._seen_files)
        assert isinstance(entry, DockerfileImage)
        for name in recipe.unused_args:
            key = "from" if name in entry.from_ else "args"
            message = f"images.{entry.name}.{key}: no ARG of {entry.dockerfile} is called {name}"
            yield Finding("UnusedArgument", self._at(("images", entry.name, key, name), message, "take it out"))

    def _secret_arguments(self, files: DockerfileFiles, recipe: Recipe, entry: object) -> list[Finding]:
        secrets = entry.secrets if isinstance(entry, DockerfileImage) else {}
        if not secrets or not isinstance(self.spec.target.builder, AcrTasksBuilder):
            return []
        found = secret_arguments.find(recipe.dockerfile, files.target, secrets)
        return list(Directive.parse(recipe.dockerfile.directives.get("check", "")).apply(list(found)))

    def _unread(self, files: DockerfileFiles, wrong: set[int]) -> Iterator[Finding]:
        """What can be said of a Dockerfile whose context or arguments are wrong; nothing if it cannot be parsed."""
        try:
            content = (self.root / files.dockerfile).read_bytes()
            parsed = dockerfile_reader.parse(content, files.dockerfile)
        except (OSError, SpecError):
            return
        self._lines[files.dockerfile] = list(parsed.source)
        given = {**files.args, **files.images}
        for finding in dockerfile.find(parsed, given, files.platform, parsed.instructions):
            if finding.mistake.line not in wrong:
                yield finding
        args = {**files.args, **{name: dockerfile_stages.OWN + image for name, image in files.images.items()}}
        try:
            needed = dockerfile_stages.needed(parsed, files.target, args, files.platform)
        except SpecError:
            return
        yield from (of_mistake(warning) for warning in needed.warnings)
        upstream = [p for p in needed.parents if p.image is None]
        yield from self._unpinned(
            [Reference(p.reference, p.platform, files.dockerfile, p.line, p.column) for p in upstream]
        )

    def _pins(self, task: Task) -> Iterator[Finding]:
        try:
            references = list(self.reads.upstream(task))
        except SpecError:
            return  # said already
        for number, at in enumerate(references):
            if not at.line and not self.digest(*at.key):
                place = places.at(self._spec_root, at.keys)
                references[number] = replace(at, line=place.line, column=place.column)
        yield from self._unpinned(references)

    def _unpinned(self, references: Sequence[Reference]) -> Iterator[Finding]:
        missing = [(at, self._line(at.file, at.line)) for at in references if not self.digest(*at.key)]
        yield from image_pins.find(missing)

    def _file_of(self, recipe: Recipe) -> package_pins.Find:
        """A file of the context by the name it has in a RUN: of those called so, the one whose folders fit best."""
        files: FileSet = recipe.file_set
        by_name: dict[str, list[str]] = {}
        for file in files.files:
            if file.kind == "file":
                by_name.setdefault(file.path.rpartition("/")[2], []).append(file.path)

        def find_file(name: str) -> tuple[str, str] | None:
            parts = name.strip("./").split("/")
            known = by_name.get(parts[-1], [])
            if not known:
                return None
            best = max(known, key=lambda path: _same_end(path.split("/"), parts))
            path = best if files.root in ("", ".") else f"{files.root}/{best}"
            text = self._text(path)
            return (path, text) if text is not None else None

        return find_file

    # ---- environments

    def _environment(self, task: Task) -> Iterator[Finding]:
        entry = self.spec.environments[task.entry]
        try:
            self.reads.parts(task)
        except SpecError as error:
            yield from (of_mistake(m) for m in error.mistakes)
            return
        for path, judge in ((entry.pip, package_pins.in_requirements), (entry.conda, package_pins.in_conda_file)):
            text = self._text(path) if path else None
            if path and text is not None:
                yield from judge(path, text)
        yield from self._pins(task)
        hint = "whoever sees the environment sees it: let the service fetch it, or use the target's own secrets"
        for name, what, mend in secrets_written.in_values(entry.variables, hint):
            message = f"environments.{entry.name}.variables: {what} stands in {name}"
            yield Finding("SecretInSpec", self._at(("environments", entry.name, "variables", name), message, mend))

    # ---- texts and places

    def _text(self, path: str) -> str | None:
        try:
            text = (self.root / path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None
        self._lines.setdefault(path, text.splitlines())
        return text

    def _line(self, path: str, number: int) -> str:
        if path not in self._lines:
            self._text(path)
        lines = self._lines.get(path, [])
        return lines[number - 1] if 0 < number <= len(lines) else ""

    @cached_property
    def _spec_root(self) -> Node:
        """The spec with its places: read only where a finding needs one."""
        from bedplate.yamlfile import text as yaml_text

        root, _ = yaml_text.read((self.root / SPEC).read_bytes(), SPEC)
        return root

    def _at(self, keys: tuple[str, ...], message: str, hint: str) -> Mistake:
        node = places.key_at(self._spec_root, keys)
        return Mistake(SPEC, node.line, node.column, message, hint, self._line(SPEC, node.line))

    def _excused(self, finding: Finding) -> bool:
        path = finding.mistake.file
        if path not in self._lines and finding.mistake.line:
            self._text(path)
        return excuses.excused(finding, self._lines.get(path, []))


def _same_end(one: list[str], other: list[str]) -> int:
    same = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        same += 1
    return same


def _shown(finding: Finding) -> Finding:
    source = finding.mistake.source
    clean = masked(source) if source else ""
    return finding if clean == source else replace(finding, mistake=replace(finding.mistake, source=clean))
