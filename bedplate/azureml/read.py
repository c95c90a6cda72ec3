"""azureml.read: Azure ML v2 YAML that a team already has, read where it stands as `az ml` reads it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bedplate.azureml import rules
from bedplate.azureml.documents import Build, EnvironmentVersion, ModelVersion, OnlineDeployment
from bedplate.azureml.refs import AssetRef
from bedplate.azureml.team_yaml import Keys, Plain, TeamYaml, elsewhere
from bedplate.model import InferenceConfig, Route
from bedplate.specfile import places
from bedplate.yamlfile.nodes import Mapping as MappingNode
from bedplate.yamlfile.written import written

FIELDS = ("name", "endpoint_name", "type", "model", "environment", "code_configuration")
FIELDS_TOO = ("environment_variables", "instance_type", "instance_count")


def environment(path: str, root: Path) -> EnvironmentVersion:
    """The environment in the file `path` of the project `root`. Raises SpecError with every mistake in it."""
    read: EnvironmentVersion = TeamYaml(path, root).whole(rules.ENVIRONMENT, _environment)
    return read


def deployment(path: str, root: Path) -> OnlineDeployment:
    """The online deployment in the file `path` of the project `root`. Raises SpecError with every mistake in it."""
    read: OnlineDeployment = TeamYaml(path, root).whole(rules.DEPLOYMENT, _deployment)
    return read


def with_files(
    path: str, root: Path, *, deployment: bool, compute: str | None = None
) -> tuple[EnvironmentVersion | OnlineDeployment, Sequence[str]]:
    """What stands in the file, and the YAML files that it consists of. Raises SpecError with every mistake.

    `compute`: that pipeline.yaml names for a deployment's endpoint; None: it is a managed one."""

    def on_compute(file: TeamYaml, plain: Plain, keys: Keys) -> OnlineDeployment:
        read = _deployment(file, plain, keys)
        _check_compute(file, keys, read.kubernetes, compute)
        return read

    file = TeamYaml(path, root)
    rule, build = (rules.DEPLOYMENT, on_compute) if deployment else (rules.ENVIRONMENT, _environment)
    noun: EnvironmentVersion | OnlineDeployment = file.whole(rule, build)
    return noun, [path, *file.includes]


def conda_text(environment: EnvironmentVersion, root: Path) -> str | None:
    """What its conda file holds; None: it has none."""
    if environment.conda_file:
        return (root / environment.conda_file).read_text(encoding="utf-8-sig")
    plain = environment.conda
    return written(plain) if plain else None


def _environment(file: TeamYaml, plain: Plain, keys: Keys) -> EnvironmentVersion:
    node = places.at(file.node, keys)
    made_of = [key for key in ("image", "build") if isinstance(node, MappingNode) and key in node.entries]
    if len(made_of) != 1:
        hint = "write image: REFERENCE, or build: {path: FOLDER}"
        what = "'image' and 'build' exclude each other" if made_of else "'image' or 'build' is missing"
        file.say(file.key(keys, "build"), keys, what, hint)
    conda = file.one(plain, "conda_file", keys, (str, Mapping), "a path, or the packages themselves")
    file.one(plain, "version", keys, (str, int, float), "a text")
    return EnvironmentVersion(
        name=plain.get("name"),
        version=_text(plain.get("version")),
        image=plain.get("image"),
        build=_build(file, plain["build"], (*keys, "build")) if "build" in plain else None,
        conda_file=file.file(conda, (*keys, "conda_file")) if isinstance(conda, str) else None,
        conda=conda if isinstance(conda, Mapping) else None,
        inference_config=_inference_config(plain.get("inference_config")),
        os_type=plain.get("os_type"),
        description=plain.get("description"),
        tags=file.texts(plain, "tags", keys),
        properties=file.texts(plain, "properties", keys),
    )


def _deployment(file: TeamYaml, plain: Plain, keys: Keys) -> OnlineDeployment:
    kubernetes = plain.get("type") == "kubernetes"
    if not kubernetes and "instance_type" not in plain:
        file.say(file.node, keys, "'instance_type' is missing", "write instance_type: Standard_DS3_v2")
    _apart(file, plain, kubernetes)
    code = plain.get("code_configuration", {})
    apart = (*FIELDS, *FIELDS_TOO, *rules.READ_ONLY)
    return OnlineDeployment(
        name=plain.get("name", ""),
        endpoint=plain.get("endpoint_name", ""),
        kubernetes=kubernetes,
        environment=file.asset(plain, "environment", rules.ENVIRONMENT_INLINE, _environment),
        model=file.asset(plain, "model", rules.MODEL, _model),
        code=_code(file, code, ("code_configuration", "code")),
        scoring_script=code.get("scoring_script"),
        variables=file.texts(plain, "environment_variables", keys),
        instance_type=plain.get("instance_type"),
        instance_count=plain.get("instance_count"),
        settings=_settings(file, {key: value for key, value in plain.items() if key not in apart}, keys),
    )


def _model(file: TeamYaml, plain: Plain, keys: Keys) -> ModelVersion:
    path = plain.get("path")
    if path is None:
        file.say(places.key_at(file.node, keys), keys, "'path' is missing", "write path: FILE or FOLDER")
    return ModelVersion(
        path="" if path is None else file.local(path, (*keys, "path")),
        name=plain.get("name"),
        version=_text(plain.get("version")),
        type=plain.get("type"),
        description=plain.get("description"),
        tags=file.texts(plain, "tags", keys),
        properties=file.texts(plain, "properties", keys),
    )


def _build(file: TeamYaml, plain: Plain, keys: Keys) -> Build:
    place, dockerfile = (*keys, "path"), plain.get("dockerfile_path", "Dockerfile")
    path = file.local(plain.get("path", "."), place)
    there = file.root / path
    if path and not elsewhere(path) and there.is_dir() and not (there / dockerfile).is_file():
        file.say(places.at(file.node, place), place, f"there is no file {posixpath.join(path, dockerfile)}")
    return Build(path, dockerfile)


def _code(file: TeamYaml, code: Plain, keys: Keys) -> AssetRef | str | None:
    if "code" not in code:
        return None
    if code["code"].startswith("azureml:"):
        try:
            return AssetRef.parse(code["code"], "codes")
        except ValueError as error:
            file.say(places.at(file.node, keys), keys, f"'{code['code']}' names no code: {error}")
            return None
    folder = file.local(code["code"], keys)
    script = code.get("scoring_script")
    if folder and script and (file.root / folder).is_dir() and not (file.root / folder / script).is_file():
        place = (keys[0], "scoring_script")
        file.say(places.at(file.node, place), place, f"there is no file {posixpath.join(folder, script)}")
    return folder


def _apart(file: TeamYaml, plain: Plain, kubernetes: bool) -> None:
    """Keys that `az ml` takes for the other kind of deployment only."""
    others = rules.MANAGED_ONLY if kubernetes else rules.KUBERNETES_ONLY
    kind = "managed" if kubernetes else "kubernetes"
    for key in plain:
        if key in others:
            file.say(file.key((), key), (), f"'{key}' is for type: {kind}", "take it out, or change the type")


def _check_compute(file: TeamYaml, keys: Keys, kubernetes: bool, compute: str | None) -> None:
    """An endpoint has deployments of its own kind alone: endpoint.compute, endpointComputeType (2024-04-01)."""
    place = places.at(file.node, (*keys, "type"))
    if kubernetes and compute is None:
        hint = "write compute: NAME beside from: in pipeline.yaml, or type: managed here"
        what = "'kubernetes' needs a compute of the workspace, and pipeline.yaml names none"
        file.say(place, (*keys, "type"), what, hint)
    elif compute is not None and not kubernetes:
        hint = "write type: kubernetes, or take compute out of pipeline.yaml"
        what = f"a managed deployment is not for compute '{compute}', which pipeline.yaml names"
        file.say(place, (*keys, "type"), what, hint)


def _settings(file: TeamYaml, settings: Plain, keys: Keys) -> Plain:
    maps = {key: file.texts(settings, key, keys) for key in ("tags", "properties") if key in settings}
    return {**settings, **maps}


def _inference_config(plain: Plain | None) -> InferenceConfig | None:
    names = ("liveness_route", "readiness_route", "scoring_route")
    if plain is None or any(set(plain.get(name, ())) != {"port", "path"} for name in names):
        return None  # what is missing is noted
    return InferenceConfig(**{name: Route(**plain[name]) for name in names})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
