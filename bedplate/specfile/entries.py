"""entries: the checked, plain values of a spec become the nouns of the model."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, TypeAlias

from bedplate import model
from bedplate.model import SecretSource, Spec, Target

Plain: TypeAlias = Mapping[str, Any]  # what the schema lets through, defaults filled in


def spec(plain: Plain, target: str) -> Spec:
    """The spec with `target`, which must be one of its targets, chosen."""
    return Spec(
        version=plain["version"],
        project=plain["project"],
        images={name: _image(name, entry) for name, entry in plain["images"].items()},
        environments={name: _environment(name, entry) for name, entry in plain["environments"].items()},
        models={name: _model(name, entry) for name, entry in plain["models"].items()},
        services={name: _service(name, entry) for name, entry in plain["services"].items()},
        targets=tuple(plain["targets"]),
        target=_target(target, plain["targets"][target]),
        policy=plain["policy"],
    )


def inside(path: str) -> str:
    """A path of the project in its shortest form: `./a//b/` is `a/b`."""
    return posixpath.normpath(path)


def _image(name: str, plain: Plain) -> model.ImageEntry:
    tags, platform, requires = tuple(plain["tags"]), plain.get("platform"), plain["requires"]
    if "reference" in plain:
        return model.ReferenceImage(name, plain["reference"], platform, tags, requires)
    if "rootfs" in plain:
        rootfs = plain["rootfs"]
        return model.RootfsImage(
            name=name,
            suite=rootfs["suite"],
            packages=tuple(rootfs["packages"]),
            variant=rootfs["variant"],
            components=tuple(rootfs["components"]),
            mirror=rootfs.get("mirror"),
            platform=platform,
            tags=tags,
            requires=requires,
        )
    context = inside(plain["context"])
    return model.DockerfileImage(
        name=name,
        context=context,
        dockerfile=inside(f"{context}/{plain['dockerfile']}"),
        target=plain.get("target"),
        args=plain["args"],
        from_=plain["from"],
        platform=platform,
        secrets={key: _secret(source) for key, source in plain["secrets"].items()},
        tags=tags,
        requires=requires,
    )


def _environment(name: str, plain: Plain) -> model.EnvironmentEntry:
    return model.EnvironmentEntry(
        name=name,
        image=plain.get("image"),
        pip=_path(plain, "pip"),
        conda=_path(plain, "conda"),
        user_managed=plain["user_managed"],
        inference_server=plain["inference_server"],
        inference_config=_inference_config(plain.get("inference_config")),
        variables=plain["variables"],
        tags=tuple(plain["tags"]),
        from_=_path(plain, "from"),
        requires=plain["requires"],
    )


def _inference_config(plain: Plain | None) -> model.InferenceConfig | None:
    if plain is None:
        return None
    return model.InferenceConfig(**{key: model.Route(**route) for key, route in plain.items()})


def _model(name: str, plain: Plain) -> model.ModelEntry:
    registered = plain.get("registered")
    version = registered.rpartition(":")[2] if registered else plain["version"]
    return model.ModelEntry(name, _path(plain, "path"), registered, version)


def _service(name: str, plain: Plain) -> model.ServiceEntry:
    return model.ServiceEntry(
        name=name,
        environment=plain["environment"],
        model=plain.get("model"),
        code=_path(plain, "code"),
        entry_script=plain.get("entry_script"),
        smoke_test=tuple(_smoke_case(n, case) for n, case in enumerate(plain["smoke_test"], 1)),
    )


def _smoke_case(number: int, plain: Plain) -> model.SmokeCase:
    request, expect = plain["request"], plain["expect"]
    return model.SmokeCase(
        name=plain.get("name", f"case {number}"),
        request=model.SmokeRequest(
            method=request["method"],
            path=request.get("path"),
            headers=request["headers"],
            json=request.get("json"),
            body=request.get("body"),
            file=_path(request, "file"),
            has_json="json" in request,
        ),
        expect=model.SmokeExpectation(
            status=expect["status"],
            json_schema=expect.get("json_schema"),
            json=expect.get("json"),
            has_json="json" in expect,
            tolerance=expect["tolerance"],
            contains=expect.get("contains"),
            within_ms=expect.get("within_ms"),
        ),
    )


def _target(name: str, plain: Plain) -> Target:
    return Target(
        name=name,
        registry=_registry(plain["registry"]),
        builder=_builder(plain["builder"]),
        workspace=_workspace(plain["workspace"]) if "workspace" in plain else None,
        environment=_environment_kind(plain["environment"]),
        deploy=_deploy(plain["deploy"]) if "deploy" in plain else None,
        protect=plain["protect"],
    )


def _workspace(plain: Plain) -> model.Workspace:
    return model.Workspace(plain.get("subscription"), plain["resource_group"], plain["name"])


def _registry(plain: Plain) -> model.RegistryEntry:
    kind = plain["kind"]
    if kind == "local":
        return model.LocalRegistry(plain["port"])
    if kind == "workspace":
        fallback = plain.get("fallback")
        return model.WorkspaceRegistry(plain["sign_in"], _private(fallback) if fallback else None)
    return _private(plain)


def _private(plain: Plain) -> model.AcrRegistry | model.GenericRegistry:
    username = _username(plain["username"]) if "username" in plain else None
    password = _secret(plain["password"]) if "password" in plain else None
    if plain["kind"] == "acr":
        return model.AcrRegistry(plain["name"], plain["sign_in"], username, password)
    return model.GenericRegistry(plain["address"], username, password, plain["insecure"])


def _builder(plain: Plain) -> model.BuilderEntry:
    if plain["kind"] == "local":
        return model.LocalBuilder(plain["parallel"])
    return model.AcrTasksBuilder(plain["parallel"], plain["timeout_s"], plain.get("agent_pool"))


def _environment_kind(plain: Plain) -> model.EnvironmentKind:
    if plain["kind"] == "local":
        return model.LocalEnvironment()
    if plain["kind"] == "azureml":
        return model.AzureMlEnvironment()
    username = plain.get("base_image_registry_username")
    return model.AzureMlV1Environment(None if username is None else _username(username))


def _deploy(plain: Plain) -> model.DeployEntry:
    given = {key: value for key, value in plain.items() if key != "kind"}
    if plain["kind"] == "container":
        return model.ContainerDeploy(memory=given.pop("memory", None), **given)
    if plain["kind"] == "online_endpoint":
        return model.OnlineEndpointDeploy(
            endpoint=given.pop("endpoint", None),
            compute=given.pop("compute", None),
            instance_type=given.pop("instance_type", None),
            instance_count=given.pop("instance_count"),
            keep_previous=given.pop("keep_previous"),
            from_=inside(given.pop("from")) if "from" in given else None,
            settings=given,  # what is left has Azure ML's names and is handed on
        )
    return model.AzureMlV1Deploy(given.pop("compute_type"), given.pop("compute_target", None), settings=given)


def _path(plain: Plain, key: str) -> str | None:
    return inside(plain[key]) if key in plain else None


def _username(plain: Plain | str) -> SecretSource | str:
    return plain if isinstance(plain, str) else _secret(plain)


def _secret(plain: Plain) -> SecretSource:
    return model.EnvSecret(plain["env"]) if "env" in plain else model.FileSecret(plain["file"])
