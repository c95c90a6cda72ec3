"""An environment as an image: what is in it, what builds it again and what does not, what a base must bring."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bedplate import context, labels, requirements
from bedplate.builders import inspection
from bedplate.clients.credentials import credentials
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import SpecError, StepError
from bedplate.image_contents.look import Image
from bedplate.model import (
    BuiltImage,
    Environment,
    EnvironmentEntry,
    LocalEnvironment,
    PushedImage,
    Registry,
)
from bedplate.questions import Unreachable
from bedplate.stat_cache import StatCache
from bedplate.step import FileSet, Given, ReadFile, Requirements, Task
from steps import create_environment
from steps.create_environment import local, recipe, tools
from steps.create_environment.recipe import Tools
from tests.registries import real_registry
from tests.serving import SERVER, Notes, Outside, engine, python_base

PLAIN = Tools("/opt/venv/bin/python3", False, None, "service")


def entry(**changes: Any) -> EnvironmentEntry:
    plain = EnvironmentEntry(
        name="iris",
        image="base",
        pip="requirements.txt",
        conda=None,
        user_managed=False,
        inference_server=SERVER,
        inference_config=None,
        variables={"LEVEL": "info"},
        tags=("latest",),
        from_=None,
        requires={},
    )
    return replace(plain, **changes)


def spec(*entries: EnvironmentEntry, kind: Any = None) -> Any:
    target = SimpleNamespace(name="local", builder=None, environment=kind or LocalEnvironment(), registry=None)
    named = {one.name: one for one in entries}
    return SimpleNamespace(
        project="p", version=1, target=target, environments=named, images={"base": SimpleNamespace(requires={})}
    )


def one_task(**changes: Any) -> Task:
    (task,) = create_environment.tasks(spec(entry(**changes)))
    return task


# ---- the task


def test_an_environment_is_built_on_its_image_and_goes_where_the_registry_is() -> None:
    task = one_task()
    assert task.name == "create_environment:iris"
    assert task.needs == ("build_base:base", "resolve_registry") and task.after == ()
    assert task.files == (Requirements("requirements.txt", False),)


def test_an_image_that_is_the_environment_reads_no_files() -> None:
    task = one_task(user_managed=True, pip=None)
    assert task.files == () and task.inputs.inference_server == ""


def test_only_what_is_in_the_image_is_part_of_its_fingerprint() -> None:
    base = BuiltImage("base", "p/base:fp-1", "1" * 64, None)
    files = [FileSet("", (ReadFile("requirements.txt", "file", 0o644, "a" * 64, 3, (0, 0, 0, 0)),))]
    first = local.content(one_task().inputs, files, base.identity)
    assert local.content(one_task(tags=("v2",)).inputs, files, base.identity) == first
    assert local.content(one_task().inputs, files, replace(base, digest="sha256:" + "2" * 64).identity) == first
    different = [
        local.content(one_task(variables={"LEVEL": "debug"}).inputs, files, base.identity),
        local.content(one_task(inference_server="1.4.0").inputs, files, base.identity),
        local.content(one_task().inputs, files, replace(base, fingerprint="2" * 64).identity),
        local.content(one_task().inputs, [FileSet("", (replace(files[0].files[0], sha256="b" * 64),))], base.identity),
    ]
    assert len({first, *different}) == 5


# ---- the Dockerfile


def test_what_seldom_changes_stands_first_and_the_user_is_the_bases_own() -> None:
    text = recipe.dockerfile("p/base:fp-1", PLAIN, ["requirements.txt"], [], SERVER, {"A": "1"})
    order = ["FROM p/base:fp-1", "USER root", "COPY", "RUN", 'ENV A="1"', "ENTRYPOINT []", "CMD", "USER service"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert f"-r /opt/environment/requirements.txt azureml-inference-server-http=={SERVER}" in text
    assert "/opt/venv/bin/python3 -m pip install --no-compile --no-cache-dir" in text


def test_a_python_that_refuses_pip_gets_a_virtual_environment() -> None:
    text = recipe.dockerfile("b:1", Tools("/usr/bin/python3", True, None, ""), [], [], SERVER, {})
    assert "/usr/bin/python3 -m venv --system-site-packages /opt/environment/venv" in text
    assert 'ENV PATH="/opt/environment/venv/bin:$PATH"' in text
    assert not text.rstrip().splitlines()[-1].startswith("USER")


def test_a_conda_file_updates_condas_base() -> None:
    conda = Tools("", False, "/opt/conda/bin/conda", "")
    text = recipe.dockerfile("b:1", conda, [], ["env/conda.yml", "env/pip.txt"], SERVER, {})
    assert "/opt/conda/bin/conda env update -n base -f /opt/environment/env/conda.yml" in text
    assert "/opt/conda/bin/python -m pip install" in text
    assert 'COPY ["env/pip.txt", "/opt/environment/env/pip.txt"]' in text


def test_a_variable_of_several_lines_is_refused() -> None:
    with pytest.raises(StepError, match="variables.A: a value of several lines"):
        recipe.dockerfile("b:1", PLAIN, [], [], SERVER, {"A": "1\nRUN rm -rf /"})


# ---- dependency files


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_txt", ".txt").replace("_yml", ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_included_files_are_found_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        a__main_txt="-r ../shared/base.txt  # all\n--constraint=limits.txt\nNumPy[x]>=1; python_version > '3'\n",
        shared__base_txt="-rmore.txt\n# -r none.txt\nazureml_defaults \\\n  ==1.0\n",
        shared__more_txt="-r ../a/main.txt\npkg @ https://example.org/pkg.whl\n",
        a__limits_txt="scipy<2\n",
    )
    listed = requirements.read("a/main.txt", root)
    assert listed.files == ("a/main.txt", "shared/base.txt", "a/limits.txt", "shared/more.txt")
    assert listed.names == {"numpy", "azureml-defaults", "scipy", "pkg"}
    files = requirements.file_set(Requirements("a/main.txt", False), root, StatCache(tmp_path / "cache"))
    assert [f.path for f in files.files] == list(listed.files)
    assert context.parts_of(files)["file a/limits.txt"].endswith(hashlib.sha256(b"scipy<2\n").hexdigest())


def test_every_mistake_of_a_requirements_file_is_told_with_its_line(tmp_path: Path) -> None:
    root = write(tmp_path, main_txt="numpy\n-r gone.txt\n-e ./here\n-c ../out.txt\n")
    with pytest.raises(SpecError) as told:
        requirements.read("main.txt", root)
    assert [(m.line, m.message.split(",")[0]) for m in told.value.mistakes] == [
        (2, "includes 'gone.txt'"),
        (3, "'-e ./here' is a path of this machine"),
        (4, "'../out.txt' leaves the project"),
    ]


def test_a_conda_file_names_its_packages_and_those_of_its_pip_part(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        env__conda_yml="dependencies:\n- python=3.10\n- pip:\n  - -r more.txt\n  - azureml-defaults>=1\n",
        env__more_txt="numpy\n",
    )
    listed = requirements.of_conda("env/conda.yml", root)
    assert listed.files == ("env/conda.yml", "env/more.txt")
    assert listed.names == {"python", "azureml-defaults", "numpy"}
    assert requirements.named(recipe.BRINGS_SERVER, listed) == "azureml-defaults"


# ---- on the engine


class World(Outside):
    """An engine, a registry that stores, and a project folder."""

    def __init__(self, root: Path, address: str, base: str) -> None:
        super().__init__(root)
        self.address = Registry("local", address, insecure=True)
        self.project = f"t{uuid.uuid4().hex[:8]}"
        self.spec = spec()
        self.base = BuiltImage("base", f"{self.project}/base:fp-0", "0" * 64, None)
        self.engine.tag(base, self.base.tag)

    def registry(self, registry: Registry) -> OciRegistry:
        return OciRegistry(registry, credentials(None, registry.address, self.root))

    def create(self, **changes: Any) -> Environment:
        self.log.notes.clear()
        task = one_task(**changes)
        inputs = replace(task.inputs, project=self.project)
        cache = StatCache(self.root / ".cache")
        sets = tuple(requirements.file_set(f, self.root, cache) for f in task.files if isinstance(f, Requirements))
        outputs = {"build_base:base": self.base, "resolve_registry": self.address}
        return create_environment.run(inputs, Given(task.name, "f" * 64, sets, outputs), self)

    def said(self, words: str) -> bool:
        return any(words in note for note in self.log.notes)

    def run(self, environment: Environment, command: str) -> str:
        run = ["docker", "run", "--rm", environment.image, "sh", "-c", command]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout

    def remove(self) -> None:
        for reference in (f"{self.project}/*", f"{self.project}/environments/*", f"{self.address.address}/*/*/*"):
            listed = ["docker", "images", "--format", "{{.ID}}", "--filter", f"reference={reference}"]
            for found in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split():
                subprocess.run(["docker", "rmi", "-f", found], capture_output=True, check=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("registry")
    with real_registry(folder) as address:
        # an image of its own: removing it must not take away the one that other tests use
        name = f"bedplate-test-world:{uuid.uuid4().hex[:8]}"
        marks = f"LABEL world={name} {labels.FINGERPRINT}={'0' * 64}"
        build(name, f"FROM {python_base()}\n{marks}\nRUN useradd -m service\nUSER service\n")
        made = World(tmp_path_factory.mktemp("project"), address, name)
        write(made.root, requirements_txt="-r more.txt\n", more_txt="six==1.17.0\n")
        yield made
        made.remove()
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)


def build(name: str, dockerfile: str) -> None:
    command = ["docker", "build", "-q", "-t", name, "-"]
    environ = {**os.environ, "PATH": "/usr/bin:/bin:/usr/local/bin", "DOCKER_BUILDKIT": "0"}
    subprocess.run(command, input=dockerfile, text=True, check=True, capture_output=True, env=environ)


@pytest.mark.engine
def test_an_environment_is_built_pushed_found_again_and_runs(world: World) -> None:
    created = world.create()
    assert created.image == f"{world.address.address}/{world.project}/environments/iris@{created.digest}"
    assert set(created.tags) == {"latest", f"fp-{created.fingerprint[:16]}"}
    version = "python3 -c 'import six; print(six.__version__)'"
    told = world.run(created, f"id -un; echo $LEVEL; command -v azmlinfsrv; {version}")
    assert told.split() == ["service", "info", "/opt/environment/venv/bin/azmlinfsrv", "1.17.0"]

    assert world.create() == created
    assert world.said("reused")

    # as on another machine: the engine has nothing
    assert world.said("the engine has it")
    for name in (created.image, f"{world.project}/environments/iris:fp-{created.fingerprint[:16]}"):
        subprocess.run(["docker", "rmi", name], capture_output=True, check=False)
    assert world.create() == created and world.said("reused")

    moved = world.create(tags=("latest", "v2"))
    assert moved.fingerprint == created.fingerprint and moved.digest == created.digest and "v2" in moved.tags


@pytest.mark.engine
def test_nothing_of_the_host_or_of_the_build_stays_in_the_image(world: World) -> None:
    created = world.create()
    world.engine.pull(created.image, None, None, world.log)
    container = world.engine.create(f"{world.project}-look", created.image, ["true"])
    try:
        exported = subprocess.run(["docker", "export", container], check=True, capture_output=True).stdout
    finally:
        world.engine.remove(container, force=True)
    with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
        names = tar.getnames()
    assert not [n for n in names if "bedplate" in n or n.startswith(("root/.cache", "tmp/"))]
    assert "opt/environment/more.txt" in names
    found = world.engine.image(created.image)
    assert found is not None
    shown = json.dumps(found["Config"]["Env"])
    assert "CERT" not in shown and "PIP_" not in shown
    assert found["Config"]["Labels"]["dev.bedplate.fingerprint"] == created.fingerprint


@pytest.mark.engine
def test_presence_asks_for_every_tag(world: World) -> None:
    created = world.create()
    questions = create_environment.asks(created, world.spec)
    assert sorted(q.reference for q in questions if hasattr(q, "reference")) == sorted(created.tags)
    there = dict.fromkeys(questions, created.digest)
    assert create_environment.present(created, there) is None
    assert create_environment.present(created, dict.fromkeys(questions, Unreachable())) is None
    assert "not in the registry" in str(create_environment.present(created, dict.fromkeys(questions)))


@pytest.mark.engine
def test_requirements_that_bring_the_server_get_no_second_one(world: World) -> None:
    write(world.root, own_txt="azureml_inference_server_http==1.5.0\n")
    created = world.create(pip="own.txt")
    assert world.said("no inference server is added")
    assert "1.5.0" in world.run(created, "python3 -m pip list")


@pytest.mark.engine
def test_a_package_that_is_not_there_is_told_with_pips_words(world: World) -> None:
    write(world.root, wrong_txt="no-such-package-of-bedplate==1\n")
    with pytest.raises(StepError) as told:
        world.create(pip="wrong.txt")
    assert "environment iris" in told.value.message and "No matching distribution" in told.value.detail


@pytest.mark.engine
def test_a_conda_file_on_a_base_without_conda_is_told(world: World) -> None:
    write(world.root, conda_yml="dependencies: [python]\n")
    with pytest.raises(StepError) as told:
        world.create(pip=None, conda="conda.yml")
    assert "image base has no conda" in told.value.message and told.value.hint


def look(name: str) -> None:
    with inspection.opened(engine(), name) as contents:
        tools.find(contents, "base", conda=False)


class Nothing:
    """The files of an image that has none."""

    def entry(self, path: str) -> None:
        return None


@pytest.mark.parametrize(
    ("triggers", "said"),
    [
        (["ENV A=1", "COPY . /app", "RUN make"], "ONBUILD COPY . /app: the image of an environment has no context"),
        (['ADD ["a b", "/"]'], 'ONBUILD ADD ["a b", "/"]: '),
        (["RUN --mount=target=/src make -C /src"], "ONBUILD RUN --mount=target=/src make -C /src: "),
        (
            ["RUN make", "COPY --from=debian:12 /etc /etc", "COPY <<A /a\nx\nA", "RUN --mount=type=cache,target=/c x"],
            "",
        ),
        ([], ""),
    ],
)
def test_a_base_that_takes_files_of_the_next_build_is_told_before_one_begins(triggers: list[str], said: str) -> None:
    contents = Image(cast(Any, Nothing()), {"OnBuild": triggers})
    with pytest.raises(StepError) as told:
        tools.find(contents, "base", conda=False)
    assert told.value.message.startswith(f"image base holds {said}" if said else "image base has no python3")


@pytest.mark.engine
def test_a_base_without_python_or_without_a_way_to_install_is_told(world: World) -> None:
    name = f"bedplate-test-bare:{uuid.uuid4().hex[:8]}"
    try:
        build(name, "FROM scratch\nENV PATH=/nothing\n")
        with pytest.raises(StepError, match="image base has no python3 on its PATH"):
            look(name)
        build(name, f"FROM {python_base()}\nRUN rm -r /usr/lib/python3.11/ensurepip\n")
        with pytest.raises(StepError, match="cannot make a virtual environment") as told:
            look(name)
        assert "python3-venv" in told.value.hint
        build(name, f"FROM {python_base()}\nRUN python3 -m venv --without-pip /v\nENV PATH=/v/bin:$PATH\n")
        with pytest.raises(StepError, match="the virtual environment /v has no pip"):
            look(name)
    finally:
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)


@pytest.mark.engine
def test_a_base_with_conda_is_given_the_conda_file(world: World) -> None:
    """No conda can be had here: the fixture's writes down what it was asked to do, and its Python is Debian's."""
    name = f"bedplate-test-conda:{uuid.uuid4().hex[:8]}"
    script = '#!/bin/sh\\necho \\"\\$@\\" > /asked\\ncat \\${6} >> /asked\\n'
    build(
        name,
        f"FROM {python_base()}\nLABEL {labels.FINGERPRINT}={'c' * 64}\n"
        f'RUN python3 -m venv /opt/conda && printf "{script}" > /opt/conda/bin/conda'
        " && chmod +x /opt/conda/bin/conda\n",
    )
    before = world.base
    try:
        write(world.root, conda_yml="dependencies: [python, pip: [six]]\n")
        world.base = replace(before, tag=name, fingerprint="c" * 64)
        created = world.create(pip=None, conda="conda.yml")
        told = world.run(created, "cat /asked; command -v azmlinfsrv")
        assert told.splitlines() == [
            "env update -n base -f /opt/environment/conda.yml",
            "dependencies: [python, pip: [six]]",
            "/opt/conda/bin/azmlinfsrv",
        ]
    finally:
        world.base = before
        subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)


def test_an_image_that_is_the_environment_is_taken_by_its_digest(tmp_path: Path) -> None:
    base = BuiltImage("base", "p/base:fp-0", "0" * 64, None)
    pushed = PushedImage("base", "r.example/p/base", "sha256:" + "d" * 64, "0" * 64, ("latest",))
    outputs = {
        "build_base:base": base,
        "resolve_registry": Registry("generic", "r.example", False),
        "push:base": pushed,
    }
    clients: Any = SimpleNamespace(log=Notes(), engine=None)  # nothing is asked of the engine
    inputs = one_task(user_managed=True, pip=None).inputs
    created = create_environment.run(inputs, Given("create_environment:iris", "f" * 64, (), outputs), clients)
    assert created.image == "r.example/p/base@sha256:" + "d" * 64
    assert created.identity == base.fingerprint, "another address or tag of the same image deploys nothing again"
    assert create_environment.asks(created, spec()) == []
