"""spec.load: a file becomes a Spec, unchanged files cheaply, and no file becomes a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedplate import specfile
from bedplate.errors import SpecError
from bedplate.model import (
    AcrTasksBuilder,
    AzureMlEnvironment,
    ContainerDeploy,
    DockerfileImage,
    EnvSecret,
    FileSecret,
    GenericRegistry,
    LocalBuilder,
    LocalEnvironment,
    LocalRegistry,
    OnlineEndpointDeploy,
    ReferenceImage,
    RootfsImage,
    WorkspaceRegistry,
)

WHOLE = """\
version: 1
project: iris
images:
  os: {rootfs: {suite: bookworm, packages: [python3, ca-certificates]}}
  base:
    {context: ./images//base/, from: {BASE: os}, args: {CUDA: "12.10"}, tags: [v1], secrets: {pip: {file: ~/pip.conf}}}
  onnx: {reference: "mcr.microsoft.com/azureml/onnxruntime:latest", platform: linux/amd64}
environments:
  iris: {image: base, pip: services/iris/requirements.txt, variables: {A: b}}
models:
  iris: {path: services/iris/model}
  far: {registered: "mymodel:3"}
services:
  iris:
    environment: iris
    model: iris
    code: services/iris
    entry_script: score.py
    smoke_test:
      - {request: {json: {data: [[5.1, null, true, "1"]]}}, expect: {json: [1], tolerance: 0.5}}
      - {name: text, request: {body: "1,2", headers: {Content-Type: text/csv}}}
targets:
  local: {registry: {kind: local}, deploy: {kind: container, ports: {iris: 9000}}}
  harbor:
    registry: {kind: generic, address: registry.example.org/team, username: robot, password: {env: REG_PASSWORD}}
  azure:
    workspace: {resource_group: rg, name: iris-ws}
    registry: {kind: workspace, fallback: {kind: acr, name: myregistry}}
    builder: {kind: acr_tasks}
    environment: {kind: azureml}
    deploy: {kind: online_endpoint, instance_type: Standard_DS3_v2, app_insights_enabled: true}
    protect: true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path: Path) -> list[str]:
    try:
        specfile.load(path)
    except SpecError as error:
        return [mistake.message for mistake in error.mistakes]
    return []


def test_the_first_target_is_the_default_and_defaults_come_from_the_schema(tmp_path: Path) -> None:
    read = specfile.load(write(tmp_path, WHOLE))
    assert (read.version, read.project, read.targets) == (1, "iris", ("local", "harbor", "azure"))
    assert list(read.images) == ["os", "base", "onnx"]
    assert read.images["os"] == RootfsImage(
        "os", "bookworm", ("python3", "ca-certificates"), "minbase", ("main",), None, None, ("latest",), {}
    )
    base = read.images["base"]
    assert isinstance(base, DockerfileImage)
    assert (base.context, base.dockerfile, base.target) == ("images/base", "images/base/Dockerfile", None)
    assert (base.args, base.from_, base.tags) == ({"CUDA": "12.10"}, {"BASE": "os"}, ("v1",))
    assert base.secrets == {"pip": FileSecret("~/pip.conf")}
    assert isinstance(read.images["onnx"], ReferenceImage) and read.images["onnx"].platform == "linux/amd64"
    assert read.environments["iris"].inference_server == "1.5.1"
    assert (read.models["iris"].version, read.models["far"].version) == ("1", "3")
    assert read.target.name == "local"
    assert read.target.registry == LocalRegistry(5000)
    assert read.target.builder == LocalBuilder(4)
    assert read.target.environment == LocalEnvironment()
    assert read.target.deploy == ContainerDeploy(8890, {"iris": 9000}, "127.0.0.1", 60, None)
    assert read.policy == {"pins": "warn"}


def test_smoke_cases_tell_no_json_from_json_null(tmp_path: Path) -> None:
    first, second = specfile.load(write(tmp_path, WHOLE)).services["iris"].smoke_test
    assert (first.name, second.name) == ("case 1", "text")
    assert first.request.has_json and first.request.json == {"data": [[5.1, None, True, "1"]]}
    assert (first.request.method, first.expect.status, first.expect.tolerance) == ("POST", 200, 0.5)
    assert not second.request.has_json and second.request.body == "1,2"


def test_another_target_is_chosen_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    harbor = specfile.load(path, "harbor").target
    assert harbor.registry == GenericRegistry("registry.example.org/team", "robot", EnvSecret("REG_PASSWORD"), False)
    assert harbor.deploy is None
    azure = specfile.load(path, "azure").target
    assert isinstance(azure.registry, WorkspaceRegistry) and azure.registry.fallback is not None
    assert isinstance(azure.builder, AcrTasksBuilder) and azure.builder.timeout_s == 3600
    assert azure.environment == AzureMlEnvironment() and azure.protect
    assert isinstance(azure.deploy, OnlineEndpointDeploy)
    assert azure.deploy.settings == {"app_insights_enabled": True}


def test_an_unknown_target_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        specfile.load(write(tmp_path, WHOLE), "harbour")
    assert str(caught.value) == "pipeline.yaml: there is no target 'harbour'\n  hint: did you mean 'harbor'?"


def test_a_spec_may_be_two_lines(tmp_path: Path) -> None:
    read = specfile.load(write(tmp_path, "version: 1\nproject: iris\n"))
    assert (read.images, read.targets) == ({}, ("local",))


def test_a_missing_file_is_a_mistake_of_the_spec(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "pipeline.yaml") == ["there is none"]


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert specfile.load(path) == specfile.load(write(tmp_path, WHOLE))


# ---- paths


def test_a_link_out_of_the_project_is_refused_and_one_inside_is_not(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    project = tmp_path / "project"
    (project / "images" / "real").mkdir(parents=True)
    path = write(project, "version: 1\nproject: iris\nimages:\n  base: {context: images/base}\n")
    (project / "images" / "base").symlink_to("real")
    assert mistakes(path) == []
    (project / "images" / "base").unlink()
    (project / "images" / "base").symlink_to(tmp_path / "outside")
    cache = tmp_path / "cache"
    with pytest.raises(SpecError) as caught:
        specfile.load(path, cache=cache)
    assert "4:19: images.base.context: the link 'images/base' leads out of the project" in str(caught.value)


def test_a_link_made_after_the_spec_was_cached_is_seen(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    path = write(project, "version: 1\nproject: iris\nimages:\n  base: {context: base}\n")
    specfile.load(path, cache=tmp_path / "cache")
    (project / "base").symlink_to(tmp_path)
    with pytest.raises(SpecError):
        specfile.load(path, cache=tmp_path / "cache")


# ---- the cache


def test_an_unchanged_spec_is_read_without_yaml_and_jsonschema(tmp_path: Path) -> None:
    path, cache = write(tmp_path, WHOLE), tmp_path / "cache"
    first = specfile.load(path, "azure", cache)
    program = (
        "import sys\nfrom pathlib import Path\nfrom bedplate import specfile\n"
        "read = specfile.load(Path(sys.argv[1]), 'azure', Path(sys.argv[2]))\n"
        "print(repr(read))\n"
        "assert not {'yaml', 'jsonschema', 'bedplate.yamlfile.text'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(cache)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == repr(first)


def test_a_changed_spec_is_read_anew(tmp_path: Path) -> None:
    path, cache = write(tmp_path, WHOLE), tmp_path / "cache"
    specfile.load(path, cache=cache)
    write(tmp_path, WHOLE.replace("project: iris", "project: rose"))
    assert specfile.load(path, cache=cache).project == "rose"


@pytest.mark.parametrize("content", [b"", b"\x00", b"not marshal", b"i\x01\x00\x00\x00", b"(\x02\x00\x00\x00"])
def test_a_broken_cache_is_no_harm(tmp_path: Path, content: bytes) -> None:
    path, cache = write(tmp_path, WHOLE), tmp_path / "cache"
    first = specfile.load(path, cache=cache)
    kept = list(cache.iterdir())
    assert len(kept) == 1
    kept[0].write_bytes(content)
    assert specfile.load(path, cache=cache) == first


def test_a_cache_that_cannot_be_written_is_no_harm(tmp_path: Path) -> None:
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("a file")
    assert specfile.load(write(tmp_path, WHOLE), cache=in_the_way).project == "iris"


def test_old_cache_files_go(tmp_path: Path) -> None:
    for n in range(20):
        specfile.load(write(tmp_path, f"version: 1\nproject: p{n}\n"), cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == specfile.kept.KEPT


SOME = {"images": {"a"}, "environments": {"a"}}


def test_some_entries_of_a_spec_are_loaded_without_the_others(tmp_path: Path) -> None:
    path, cache = write(tmp_path, WHOLE), tmp_path / "cache"
    assert specfile.load_some(path, None, cache, SOME) is None, "nobody has checked it yet"
    whole = specfile.load(path, cache=cache)
    one = next(iter(whole.images))
    some = specfile.load_some(path, None, cache, {"images": {one}})
    assert some is not None
    assert dict(some.images) == {one: whole.images[one]}
    assert not some.environments and not some.models and not some.services
    assert (some.project, some.targets, some.target) == (whole.project, whole.targets, whole.target)


def test_an_edited_spec_is_loaded_whole(tmp_path: Path) -> None:
    path, cache = write(tmp_path, WHOLE), tmp_path / "cache"
    specfile.load(path, cache=cache)
    assert specfile.load_some(write(tmp_path, f"{WHOLE}# edited\n"), None, cache, SOME) is None


def test_a_path_that_is_gone_is_told_by_loading_the_spec_whole(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    path, cache = write(tmp_path, "version: 1\nproject: p\nimages: {a: {context: a}}\n"), tmp_path / "cache"
    specfile.load(path, cache=cache)
    assert specfile.load_some(path, None, cache, SOME)
    (tmp_path / "a/Dockerfile").unlink()
    assert specfile.load_some(path, None, cache, SOME) is None


def test_a_spec_with_mistakes_is_not_kept(tmp_path: Path) -> None:
    path, cache = write(tmp_path, "version: 1\n"), tmp_path / "cache"
    for _ in range(2):
        with pytest.raises(SpecError):
            specfile.load(path, cache=cache)


# ---- any text


WORDS = ["", "~", "on", "12.10", "{}", "[]", "&a", "*a", "- x", "'", '"', "#", "!!str", "<<: *a", "\t", "\x07", "é",
         "null", "1e999", "0x1F", "2024-01-01", "|", ">", "?", ": ", "kind", "../x", "/x", "-1", "65536", "a: b",
         "\n"]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_spec_is_a_spec_or_a_list_of_mistakes(tmp_path: Path, data: st.DataObject) -> None:
    text = WHOLE
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.sampled_from(WORDS) | st.text(max_size=4)) + text[end:]
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        specfile.load(path)
    except SpecError as error:
        assert error.mistakes
        for mistake in error.mistakes:
            assert mistake.message and mistake.line <= len(text.splitlines())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_spec_or_a_list_of_mistakes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError):
        specfile.load(path)
