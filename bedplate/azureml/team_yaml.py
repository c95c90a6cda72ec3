"""azureml.team_yaml: one YAML file of Azure ML's that a team has: its values, its paths, what is wrong with it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bedplate.azureml.refs import AssetRef
from bedplate.errors import Mistake, SpecError
from bedplate.specfile import conform, places
from bedplate.specfile.paths import leaves
from bedplate.specfile.rules import Rule
from bedplate.yamlfile import text as yaml_text
from bedplate.yamlfile.nodes import Mapping as MappingNode
from bedplate.yamlfile.nodes import Node

Plain: TypeAlias = Mapping[str, Any]
Keys: TypeAlias = tuple[str, ...]
Build: TypeAlias = "Callable[[TeamYaml, Plain, Keys], Any]"  # one of several nouns


def elsewhere(path: str) -> bool:
    """Is it a URI, and no path of the project?"""
    return "://" in path or path.startswith("azureml:")


class TeamYaml:
    """What it includes with `file:` is another. Paths in it are relative to its own folder."""

    def __init__(self, path: str, root: Path) -> None:
        self.path = path
        self.root = root
        try:
            content = (root / path).read_bytes()
        except OSError as error:
            raise SpecError([Mistake(path, 0, 0, f"cannot be read: {error.strerror}")]) from None
        self.node, self.mistakes = yaml_text.read(content, path)
        self.included_mistakes: list[Mistake] = []
        self.includes: list[str] = []

    def whole(self, rule: Rule, build: Build) -> Any:
        made = self.made(rule, build)
        found = self.mistakes.all() + self.included_mistakes
        if found:
            raise SpecError(found)
        return made

    def made(self, rule: Rule, build: Build) -> Any:
        if not isinstance(self.node, MappingNode):
            self.say(self.node, (), "the file is no mapping of keys to values")
            return None
        plain = conform.conform(rule, self.node, self.mistakes)
        return build(self, plain, ())

    def asset(self, plain: Plain, key: str, rule: Rule, build: Build) -> Any:
        """`azureml:...`, `file:OTHER.yml`, or the thing itself."""
        value = self.one(plain, key, (), (str, Mapping), f"azureml:NAME:VERSION, or the {key} itself")
        if isinstance(value, Mapping):
            # once more, by the rule of the thing itself: what is wrong in it is named where it stands
            node = places.at(self.node, (key,))
            return build(self, conform.conform(rule, node, self.mistakes), (key,))
        if value is None:
            return None
        if value.startswith("file:"):
            return self.include(value[len("file:") :], rule, build, (key,))
        try:
            return AssetRef.parse(value, f"{key}s")
        except ValueError as error:
            self.say(places.at(self.node, (key,)), (key,), f"'{value}' names no {key}: {error}")
            return None

    def include(self, path: str, rule: Rule, build: Build, keys: Keys) -> Any:
        below = self.file(path, keys)
        if below is None:
            return None
        self.includes.append(below)
        try:
            other = TeamYaml(below, self.root)
            made = other.made(rule, build)
            self.included_mistakes += other.mistakes.all()
            self.includes += other.includes
        except SpecError as error:
            self.included_mistakes += error.mistakes
            return None
        return made

    def local(self, path: str, keys: Keys) -> str:
        """A path of the project; a URI is handed on."""
        return path if elsewhere(path) else self.file(path, keys) or ""

    def file(self, path: str, keys: Keys) -> str | None:
        """The path below the project's root, of something that is there."""
        place = places.at(self.node, keys)
        below = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), path))
        why = leaves(path if path.startswith(("/", "~")) else below)
        if why:
            self.say(place, keys, f"'{path}' {why}", "it is relative to the folder of this file")
        elif not (self.root / below).exists():
            self.say(place, keys, f"there is no {below}", "it is relative to the folder of this file")
        else:
            return below
        return None

    def texts(self, plain: Plain, key: str, keys: Keys) -> dict[str, str]:
        """A mapping to texts; what YAML reads as a number or a boolean is meant as one, too."""
        values: Plain = plain.get(key, {})
        for name in values:
            self.one(values, name, (*keys, key), (str, int, float), "a text")
        return {name: _said(value) for name, value in values.items()}

    def one(self, plain: Plain, key: str, keys: Keys, types: tuple[type, ...], wanted: str) -> Any:
        """The value, if it is of one of these types; None otherwise, after saying so, or where there is none."""
        value = plain.get(key)
        if key in plain and not isinstance(value, types):
            self.say(places.at(self.node, (*keys, key)), (*keys, key), f"{wanted} is wanted")
            return None
        return value

    def key(self, keys: Keys, name: str) -> Node:
        return places.key_at(self.node, (*keys, name))

    def say(self, place: Node, keys: Keys, message: str, hint: str = "") -> None:
        where = ".".join(keys)
        self.mistakes.add(place, f"{where}: {message}" if where else message, hint)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
