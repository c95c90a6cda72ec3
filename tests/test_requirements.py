"""What an image must have, as a user meets it: real Debian images with git and Open MPI, a real engine and registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import real_registry
from scratch import Scratch, head

from bedplate.state import State
from tests.conftest import Pipeline

pytestmark = pytest.mark.engine

OS = "os: {rootfs: {suite: bookworm, variant: minbase, packages: [git, libopenmpi3, python3-minimal, fuse3]}}"
MET = """{os: "debian>=12,<13", git: ">=2.39,<3", python: "3.11", openmpi: ">=4", packages: {"fuse | fuse3": "*", \
libc6: ">=2.36"}, user: non-root, port: 5001, command: "*", shell: /bin/sh}"""
DOCKERFILE = """\
ARG BASE
FROM $BASE
COPY serve.sh /usr/local/bin/serve
RUN useradd --system service
EXPOSE 5001
USER service
ENTRYPOINT ["serve"]
"""
UBUNTU = 'ID=ubuntu\nVERSION_ID="16.04"\nNAME="Ubuntu"\n'


def images(good: str = MET, other: str = "{}") -> str:
    return (
        f"{OS}\ngood: {{context: good, from: {{BASE: os}}, requires: {good}}}\n"
        f"other: {{context: other, from: {{BASE: os}}, requires: {other}}}"
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="module")
def project(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """All that is asked of image good is met."""
    made = checkout(tmp_path_factory.mktemp("project") / "first", registry)
    made.run()
    yield made
    made.empty_engine()


def checkout(folder: Path, registry: str, project: str = "") -> Scratch:
    made = Scratch(folder, images(), registry, project)
    made.write({"good/Dockerfile": DOCKERFILE, "good/serve.sh": "#!/bin/sh\nexec sleep 1\n"})
    (made.root / "good/serve.sh").chmod(0o755)
    made.write({"other/Dockerfile": "ARG BASE\nFROM $BASE\nCOPY os-release /usr/lib/os-release\n"})
    made.write({"other/os-release": UBUNTU})
    return made


def checked(project: Scratch, image: str) -> list[str]:
    return [tag for tag in project.tags(image) if tag.startswith("checked-")]


def test_what_was_found_is_shown_beside_what_was_asked(project: Scratch) -> None:
    project.run("-a", "push:good")
    shown = [line.partition("push:good  ")[2] for line in project.output.splitlines() if line.startswith("push:good  ")]
    assert [" ".join(line.split()) for line in shown if line.endswith("ok")] == [
        "os debian>=12,<13 debian 12 ok",
        "git >=2.39,<3 2.39.5 ok",
        "python 3.11 3.11.2 ok",
        "openmpi >=4 4.1.4 ok",
        "packages fuse | fuse3 * fuse3 3.14.0-4 ok",
        next(" ".join(line.split()) for line in shown if "libc6" in line),
        "user non-root service ok",
        "port 5001 5001 ok",
        "command * serve ok",
        "shell /bin/sh /bin/sh ok",
    ]
    assert len({line.index("ok") for line in shown if line.endswith("ok")}) == 1
    assert project.run() == []


def test_the_record_says_what_building_took(project: Scratch) -> None:
    state = State(project.root / ".bedplate" / "local.jsonl")
    below, above, pushed = (state.record(name) for name in ("build_base:os", "build_base:good", "push:good"))
    assert below and above and pushed
    assert above.took["image"] > below.took["image"] > 50_000_000
    assert above.took["context"] == len("#!/bin/sh\nexec sleep 1\n")
    assert pushed.took == {}


def test_a_requirement_that_changes_reruns_the_push_and_builds_nothing(project: Scratch) -> None:
    built = project.record("build_base:good")
    project.spec(images(MET.replace(">=4", ">=4.1")))
    try:
        assert project.doit("plan") == 2
        assert "requires openmpi >=4 -> >=4.1" in project.output
        assert project.run() == ["push:good"]
        assert project.record("build_base:good") == built
    finally:
        project.spec(images())
        project.run()


def test_an_image_that_is_not_what_is_required_is_not_pushed_and_the_others_are(project: Scratch) -> None:
    before = project.tags("other")
    asked = '{os: "ubuntu>=18.04", git: ">=99", conda: ">=4.5", packages: {libfuse-dev: "*"}, user: non-root, port: 80}'
    # one task at a time, and the one that fails is the first that could
    first, good, other = images(other=asked).splitlines()
    project.spec("\n".join((first, other, good)))
    project.write({"other/os-release": UBUNTU + "# another one\n", "good/serve.sh": "#!/bin/sh\nexec sleep 2\n"})
    try:
        assert project.doit("-n", "0") == 1
        said = project.output
        assert "push:other" in said
        assert "image other is not what is required of it: os, git, conda, packages libfuse-dev, user, port" in said
        assert (
            "os: ubuntu 16.04, asked ubuntu>=18.04: let FROM in other/Dockerfile be an image of ubuntu>=18.04" in said
        )
        assert (
            "packages libfuse-dev: missing, asked *: add `libfuse-dev` to apt-get install in other/Dockerfile" in said
        )
        assert project.tags("other") == before
        assert "done:     build_base:other, build_base:good, push:good\n" in said
        assert project.record("push:good")["fingerprint"] == project.record("build_base:good")["fingerprint"]
        assert project.doit("push:other") == 1
    finally:
        project.write({"other/os-release": UBUNTU, "good/serve.sh": "#!/bin/sh\nexec sleep 1\n"})
        project.spec(images())
        project.run()


def test_another_checkout_does_not_look_again_at_what_the_registry_says_was_checked(
    project: Scratch, registry: str, tmp_path: Path
) -> None:
    assert len(checked(project, "good")) >= 1
    second = checkout(tmp_path / "second", registry, project.project)
    second.empty_engine()
    second.run()
    assert "requirements: 10 met when this image was checked before" in second.output
    assert second.images() == []
    project.run()


def test_nothing_is_built_on_an_image_that_is_not_what_is_required_of_it(project: Scratch) -> None:
    child, asked = "child: {context: child, from: {BASE: other}}", '{conda: ">=4.5"}'
    project.write({"child/Dockerfile": "ARG BASE\nFROM $BASE\nLABEL child=1\n"})
    project.spec(f"{images(other=asked)}\n{child}")
    try:
        assert project.doit() == 1
        assert "image other is not what is required of it: conda" in project.output
        assert "not run:  build_base:child, push:child" in project.output
    finally:
        project.spec(images())
        project.run()


def test_an_image_that_the_registry_alone_has_is_pulled_where_a_requirement_is_new(
    project: Scratch, registry: str, tmp_path: Path
) -> None:
    third = checkout(tmp_path / "third", registry, project.project)
    third.spec(images(good='{git: ">=98"}'))
    third.empty_engine()
    assert third.doit() == 1
    assert "git: 2.39.5, asked >=98" in third.output
    assert "its files are asked for, and the engine has them not" in third.output
    project.run()


def test_what_its_configuration_tells_of_an_image_is_read_in_the_registry(
    project: Scratch, registry: str, tmp_path: Path
) -> None:
    fourth = checkout(tmp_path / "fourth", registry, project.project)
    fourth.spec(images(good="{port: 80}"))
    fourth.empty_engine()
    assert fourth.doit() == 1
    assert "port: 5001, asked 80: write EXPOSE 80 in good/Dockerfile" in fourth.output
    fourth.spec(images(good="{port: 5001}"))
    fourth.run()
    assert fourth.images() == []
    project.run()


def test_a_tag_on_another_image_says_nothing_of_this_one(project: Scratch, registry: str) -> None:
    (tag,) = [t for t in project.record("push:good")["tags"] if t.startswith("checked-")]
    assert head(registry, f"{project.project}/good", tag) == project.record("push:good")["digest"]


def test_an_environment_that_is_an_image_as_it_stands_asks_it_of_the_image(tmp_path: Path, registry: str) -> None:
    own = checkout(tmp_path / "environment", registry)
    entry = "environments: {{all: {{image: good, user_managed: true, requires: {{git: '{}'}}}}}}\n"
    own.spec(images(), entry.format(">=99"))
    try:
        assert own.doit("--continue") == 1
        assert "git: 2.39.5, asked >=2.39,<3,>=99: install git" in own.output
        assert own.tags("good") == {}
        own.spec(images(), entry.format(">=2"))
        assert own.run() == ["push:good", "create_environment:all"]
    finally:
        own.empty_engine()


def test_the_demos_environment_is_looked_at_before_it_is_pushed(pipeline: Pipeline) -> None:
    pipeline.run()
    variables = "variables: {EXAMPLE_ENV_VAR: EXAMPLE_VALUE}"
    asked = "requires: {presets: [azureml-v2-serving], pip: {numpy: '>=1', pandas: '*'}, user: non-root, port: 5001}"
    pipeline.edit("pipeline.yaml", variables, f"{variables}\n    {asked}")
    assert pipeline.doit().returncode == 1
    assert "environment iris is not what is required of it: pip pandas" in pipeline.output
    assert "add `pandas` to services/iris/requirements.txt" in pipeline.output
    assert len(pipeline.containers()) == 1
    pipeline.edit("pipeline.yaml", ", pandas: '*'", "")
    # the image is the one that was there: nothing is built, and the service goes on
    assert pipeline.run() == ["create_environment:iris"]
    assert "azureml-inference-server-http" in pipeline.output
    assert pipeline.run() == []
