"""azureml.read: Azure ML v2 YAML that a team already has, read where it stands as `az ml` reads it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from bedplate.azureml import rules
from bedplate.azureml.documents import Build, EnvironmentVersion, ModelVersion, OnlineDeployment
from bedplate.azureml.refs import AssetRef
from bedplate.errors import Mistake, SpecError
from bedplate.model import InferenceConfig, Route
from bedplate.specfile import conform, places
from bedplate.specfile.paths import leaves
from bedplate.specfile.rules import Rule
from bedplate.yamlfile import text as yaml_text
from bedplate.yamlfile.nodes import Mapping as MappingNode
from bedplate.yamlfile.nodes import Node
from bedplate.yamlfile.written import written

Plain: TypeAlias = Mapping[str, Any]
Keys: TypeAlias = tuple[str, ...]

FIELDS = ("name", "endpoint_name", "type", "model", "environment", "code_configuration")
FIELDS_TOO = ("environment_variables", "instance_type", "instance_count")


def environment(path: str, root: Path) -> EnvironmentVersion:
    """The environment in the file `path` of the project `root`. Raises SpecError with every mistake in it."""
    read: EnvironmentVersion = _File(path, root).whole(rules.ENVIRONMENT, _File.environment)
    return read


def deployment(path: str, root: Path) -> OnlineDeployment:
    """The online deployment in the file `path` of the project `root`. Raises SpecError with every mistake in it."""
    read: OnlineDeployment = _File(path, root).whole(rules.DEPLOYMENT, _File.deployment)
    return read


def with_files(
    path: str, root: Path, *, deployment: bool
) -> tuple[EnvironmentVersion | OnlineDeployment, Sequence[str]]:
    """What stands in the file, and the YAML files that it consists of. Raises SpecError with every mistake."""
    file = _File(path, root)
    rule, build = (rules.DEPLOYMENT, _File.deployment) if deployment else (rules.ENVIRONMENT, _File.environment)
    noun: EnvironmentVersion | OnlineDeployment = file.whole(rule, build)
    return noun, [path, *file.includes]


def elsewhere(path: str) -> bool:
    """Is it a URI, and no path of the project?"""
    return "://" in path or path.startswith("azureml:")


def conda_text(environment: EnvironmentVersion, root: Path) -> str | None:
    """What its conda file holds; None: it has none."""
    if environment.conda_file:
        return (root / environment.conda_file).read_text(encoding="utf-8-sig")
    plain = environment.conda
    return written(plain) if plain else None


class _File:
    """One file; what it includes with `file:` is another. Paths in it are relative to its own folder."""

    def __init__(self, path: str, root: Path) -> None:
        self.path = path
        self._root = root
        try:
            content = (root / path).read_bytes()
        except OSError as error:
            raise SpecError([Mistake(path, 0, 0, f"cannot be read: {error.strerror}")]) from None
        self._node, self._mistakes = yaml_text.read(content, path)
        self._included: list[Mistake] = []
        self.includes: list[str] = []

    def whole(self, rule: Rule, build: Any) -> Any:  # a method of this class, for one of two nouns
        made = self.made(rule, build)
        found = self._mistakes.all() + self._included
        if found:
            raise SpecError(found)
        return made

    def made(self, rule: Rule, build: Any) -> Any:
        if not isinstance(self._node, MappingNode):
            self._say(self._node, (), "the file is no mapping of keys to values")
            return None
        plain = conform.conform(rule, self._node, self._mistakes)
        return build(self, plain, ())

    def environment(self, plain: Plain, keys: Keys) -> EnvironmentVersion:
        node = places.at(self._node, keys)
        made_of = [key for key in ("image", "build") if isinstance(node, MappingNode) and key in node.entries]
        if len(made_of) != 1:
            hint = "write image: REFERENCE, or build: {path: FOLDER}"
            what = "'image' and 'build' exclude each other" if made_of else "'image' or 'build' is missing"
            self._say(self._key(keys, "build"), keys, what, hint)
        conda = self._one(plain, "conda_file", keys, (str, Mapping), "a path, or the packages themselves")
        self._one(plain, "version", keys, (str, int, float), "a text")
        return EnvironmentVersion(
            name=plain.get("name"),
            version=_text(plain.get("version")),
            image=plain.get("image"),
            build=self._build(plain["build"], (*keys, "build")) if "build" in plain else None,
            conda_file=self._file(conda, (*keys, "conda_file")) if isinstance(conda, str) else None,
            conda=conda if isinstance(conda, Mapping) else None,
            inference_config=_inference_config(plain.get("inference_config")),
            os_type=plain.get("os_type"),
            description=plain.get("description"),
            tags=self._texts(plain, "tags", keys),
            properties=self._texts(plain, "properties", keys),
        )

    def deployment(self, plain: Plain, keys: Keys) -> OnlineDeployment:
        kubernetes = plain.get("type") == "kubernetes"
        if not kubernetes and "instance_type" not in plain:
            self._say(self._node, keys, "'instance_type' is missing", "write instance_type: Standard_DS3_v2")
        self._apart(plain, kubernetes)
        code = plain.get("code_configuration", {})
        apart = (*FIELDS, *FIELDS_TOO, *rules.READ_ONLY)
        return OnlineDeployment(
            name=plain.get("name", ""),
            endpoint=plain.get("endpoint_name", ""),
            kubernetes=kubernetes,
            environment=self._asset(plain, "environment", rules.ENVIRONMENT_INLINE, _File.environment),
            model=self._asset(plain, "model", rules.MODEL, _File.model),
            code=self._code(code, ("code_configuration", "code")),
            scoring_script=code.get("scoring_script"),
            variables=self._texts(plain, "environment_variables", keys),
            instance_type=plain.get("instance_type"),
            instance_count=plain.get("instance_count"),
            settings=self._settings({key: value for key, value in plain.items() if key not in apart}, keys),
        )

    def model(self, plain: Plain, keys: Keys) -> ModelVersion:
        path = plain.get("path")
        if path is None:
            self._say(places.key_at(self._node, keys), keys, "'path' is missing", "write path: FILE or FOLDER")
        return ModelVersion(
            path="" if path is None else self._local(path, (*keys, "path")),
            name=plain.get("name"),
            version=_text(plain.get("version")),
            type=plain.get("type"),
            description=plain.get("description"),
            tags=self._texts(plain, "tags", keys),
            properties=self._texts(plain, "properties", keys),
        )

    def _asset(self, plain: Plain, key: str, rule: Rule, build: Any) -> Any:
        """`azureml:...`, `file:OTHER.yml`, or the thing itself."""
        value = self._one(plain, key, (), (str, Mapping), f"azureml:NAME:VERSION, or the {key} itself")
        if isinstance(value, Mapping):
            # once more, by the rule of the thing itself: what is wrong in it is named where it stands
            node = places.at(self._node, (key,))
            return build(self, conform.conform(rule, node, self._mistakes), (key,))
        if value is None:
            return None
        if value.startswith("file:"):
            return self._include(value[len("file:") :], rule, build, (key,))
        try:
            return AssetRef.parse(value, f"{key}s")
        except ValueError as error:
            self._say(places.at(self._node, (key,)), (key,), f"'{value}' names no {key}: {error}")
            return None

    def _include(self, path: str, rule: Rule, build: Any, keys: Keys) -> Any:
        below = self._file(path, keys)
        if below is None:
            return None
        self.includes.append(below)
        try:
            other = _File(below, self._root)
            made = other.made(rule, build)
            self._included += other._mistakes.all()
            self.includes += other.includes
        except SpecError as error:
            self._included += error.mistakes
            return None
        return made

    def _build(self, plain: Plain, keys: Keys) -> Build:
        place, dockerfile = (*keys, "path"), plain.get("dockerfile_path", "Dockerfile")
        path = self._local(plain.get("path", "."), place)
        there = self._root / path
        if path and not elsewhere(path) and there.is_dir() and not (there / dockerfile).is_file():
            self._say(places.at(self._node, place), place, f"there is no file {posixpath.join(path, dockerfile)}")
        return Build(path, dockerfile)

    def _code(self, code: Plain, keys: Keys) -> AssetRef | str | None:
        if "code" not in code:
            return None
        if code["code"].startswith("azureml:"):
            try:
                return AssetRef.parse(code["code"], "codes")
            except ValueError as error:
                self._say(places.at(self._node, keys), keys, f"'{code['code']}' names no code: {error}")
                return None
        folder = self._local(code["code"], keys)
        script = code.get("scoring_script")
        if folder and script and (self._root / folder).is_dir() and not (self._root / folder / script).is_file():
            place = (keys[0], "scoring_script")
            self._say(places.at(self._node, place), place, f"there is no file {posixpath.join(folder, script)}")
        return folder

    def _local(self, path: str, keys: Keys) -> str:
        """A path of the project; a URI is handed on."""
        return path if elsewhere(path) else self._file(path, keys) or ""

    def _file(self, path: str, keys: Keys) -> str | None:
        """The path below the project's root, of something that is there."""
        place = places.at(self._node, keys)
        below = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), path))
        why = leaves(path if path.startswith(("/", "~")) else below)
        if why:
            self._say(place, keys, f"'{path}' {why}", "it is relative to the folder of this file")
        elif not (self._root / below).exists():
            self._say(place, keys, f"there is no {below}", "it is relative to the folder of this file")
        else:
            return below
        return None

    def _settings(self, settings: Plain, keys: Keys) -> Plain:
        maps = {key: self._texts(settings, key, keys) for key in ("tags", "properties") if key in settings}
        return {**settings, **maps}

    def _texts(self, plain: Plain, key: str, keys: Keys) -> dict[str, str]:
        """A mapping to texts; what YAML reads as a number or a boolean is meant as one, too."""
        values: Plain = plain.get(key, {})
        for name in values:
            self._one(values, name, (*keys, key), (str, int, float), "a text")
        return {name: _said(value) for name, value in values.items()}

    def _one(self, plain: Plain, key: str, keys: Keys, types: tuple[type, ...], wanted: str) -> Any:
        """The value, if it is of one of these types; None otherwise, after saying so, or where there is none."""
        value = plain.get(key)
        if key in plain and not isinstance(value, types):
            self._say(places.at(self._node, (*keys, key)), (*keys, key), f"{wanted} is wanted")
            return None
        return value

    def _apart(self, plain: Plain, kubernetes: bool) -> None:
        """Keys that `az ml` takes for the other kind of deployment only."""
        others = rules.MANAGED_ONLY if kubernetes else rules.KUBERNETES_ONLY
        kind = "managed" if kubernetes else "kubernetes"
        for key in plain:
            if key in others:
                self._say(self._key((), key), (), f"'{key}' is for type: {kind}", "take it out, or change the type")

    def _key(self, keys: Keys, name: str) -> Node:
        return places.key_at(self._node, (*keys, name))

    def _say(self, place: Node, keys: Keys, message: str, hint: str = "") -> None:
        where = ".".join(keys)
        self._mistakes.add(place, f"{where}: {message}" if where else message, hint)


def _inference_config(plain: Plain | None) -> InferenceConfig | None:
    names = ("liveness_route", "readiness_route", "scoring_route")
    if plain is None or any(set(plain.get(name, ())) != {"port", "path"} for name in names):
        return None  # what is missing is noted
    return InferenceConfig(**{name: Route(**plain[name]) for name in names})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
