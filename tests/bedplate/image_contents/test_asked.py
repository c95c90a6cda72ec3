from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bedplate import specfile
from bedplate.image_contents import asked

REGISTRY = "registry: {kind: acr, name: reg1234}"
V1 = f"environment: {{kind: azureml_v1}}, workspace: {{resource_group: rg, name: iris-ws}}, {REGISTRY}"
LOCAL = "registry: {kind: local}"


def of(tmp_path: Path, image: str, environment: str = "", target: str = LOCAL) -> dict[str, str]:
    """What is asked of image base."""
    return dict(asked.of_images(_spec(tmp_path, image, environment, target))["base"])


def _spec(tmp_path: Path, image: str, environment: str, target: str) -> Any:
    more = f"environments: {{iris: {{image: base{environment}}}}}\n" if environment else ""
    (tmp_path / "pipeline.yaml").write_text(
        f"version: 1\nproject: iris\nimages: {{base: {{context: x{image}}}}}\n{more}targets: {{t: {{{target}}}}}\n",
        "utf-8",
    )
    return specfile.load(tmp_path / "pipeline.yaml")


def test_nothing_is_asked_of_most_images(tmp_path: Path) -> None:
    assert of(tmp_path, "") == {}


def test_each_requirement_stands_by_itself(tmp_path: Path) -> None:
    image = ', requires: {git: "*", packages: {libc6: ">=2.31", "fuse | fuse3": "*"}, port: 5001}'
    assert of(tmp_path, image) == {"git": "*", "packages libc6": ">=2.31", "packages fuse | fuse3": "*", "port": "5001"}


def test_several_presets_hold_together(tmp_path: Path) -> None:
    image = ", requires: {presets: [azureml-v1, azureml-v1-last, azureml-datasets]}"
    assert of(tmp_path, image) == {
        "os": "ubuntu>=16.04,ubuntu>=18.04",
        "conda": ">=4.5,>=4.7",
        "python": ">=3.6,>=3.7",
        "shell": "/bin/sh",
        "packages fuse | libfuse-dev | fuse-devel | fuse-dev": "*",
    }


def test_what_stands_beside_a_preset_replaces_what_it_says(tmp_path: Path) -> None:
    image = ', requires: {presets: [azureml-v1], os: "debian>=12", git: "*"}'
    assert of(tmp_path, image) == {"os": "debian>=12", "conda": ">=4.5", "python": ">=3.6", "git": "*"}


@pytest.mark.parametrize(
    ("image", "environment", "keys"),
    [
        ("", ', variables: {A: "1"}', ["os", "conda", "python"]),
        (", requires: {presets: []}", ', variables: {A: "1"}', []),
        (', requires: {git: "*"}', ', variables: {A: "1"}', ["os", "conda", "python", "git"]),
        # Azure ML puts no conda environment on an image that is complete, nor on one that no environment stands on
        ("", ", user_managed: true", []),
        ("", "", []),
    ],
)
def test_a_target_of_version_1_implies_its_preset(
    tmp_path: Path, image: str, environment: str, keys: list[str]
) -> None:
    assert list(of(tmp_path, image, environment, V1)) == keys


def test_what_an_environment_asks_is_asked_of_its_own_image(tmp_path: Path) -> None:
    environment = ', requires: {pip: {numpy: ">=2"}, presets: [azureml-v2-serving]}'
    assert of(tmp_path, "", environment) == {}
    entry = _spec(tmp_path, "", environment, LOCAL).environments["iris"]
    assert asked.of_environment(entry) == {f"pip {asked.SERVER}": "*", "pip numpy": ">=2"}


def test_what_is_complete_is_asked_of_the_image(tmp_path: Path) -> None:
    environment = ', user_managed: true, requires: {pip: {numpy: ">=2"}, python: ">=3.9"}'
    assert of(tmp_path, ', requires: {python: ">=3.8"}', environment) == {"python": ">=3.8,>=3.9", "pip numpy": ">=2"}


def test_what_azure_installs_later_is_not_looked_for_before(tmp_path: Path) -> None:
    environment = ', requires: {pip: {numpy: ">=2"}, git: "*"}'
    assert of(tmp_path, ", requires: {presets: []}", environment, V1) == {"git": "*"}


def test_three_routes_stand_for_the_inference_server(tmp_path: Path) -> None:
    route = "{port: 8080, path: /x}"
    config = f"{{liveness_route: {route}, readiness_route: {route}, scoring_route: {route}}}"
    environment = ", user_managed: true, requires: {presets: [azureml-v2-serving]}"
    assert list(of(tmp_path, "", environment)) == [f"pip {asked.SERVER}"]
    assert of(tmp_path, "", f"{environment}, inference_config: {config}") == {}


def test_the_tag_says_what_was_asked_in_any_order() -> None:
    one = asked.tag({"git": "*", "python": ">=3.8"})
    assert one == asked.tag({"python": ">=3.8", "git": "*"})
    assert one != asked.tag({"python": ">=3.9", "git": "*"})
    assert len(one) == len("checked-") + 16


def test_the_table_of_gpu_images_is_an_example() -> None:
    read = specfile.load(Path(__file__).parents[3] / "examples/gpu_image/pipeline.yaml")
    of = asked.of_images(read)
    assert {asked["cuda"] for asked in of.values()} == {"9.0", "10.0", "10.1"}
    assert all({"os", "conda", "python", "cudnn", "nccl", "git"} <= set(asked) for asked in of.values())
