"""The schema is one that editors can use, and our reading of it agrees with jsonschema's."""

from __future__ import annotations

import copy
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bedplate import refs
from bedplate.specfile import conform, rules
from bedplate.yamlfile import text as yaml_text

ROOT = Path(__file__).parents[3]
TEXT = rules.schema_path().read_bytes()
SCHEMA: dict[str, Any] = json.loads(TEXT)
VALIDATOR = Draft202012Validator(SCHEMA)
RULE = rules.rules(TEXT)


def schemas(schema: dict[str, Any], path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within, with its place."""
    yield path, schema
    for keyword in ("properties", "$defs"):
        for name, inner in schema.get(keyword, {}).items():
            yield from schemas(inner, f"{path}/{keyword}/{name}")
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(keyword), dict):
            yield from schemas(schema[keyword], f"{path}/{keyword}")
    for number, inner in enumerate(schema.get("oneOf", ())):
        yield from schemas(inner, f"{path}/oneOf/{number}")


ALL = list(schemas(SCHEMA))


def test_it_is_a_json_schema_of_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_only_keywords_are_used_that_our_reading_knows() -> None:
    known = rules.KEYWORDS | rules.ANNOTATIONS
    assert [(path, key) for path, schema in ALL for key in schema if key not in known] == []
    for path, schema in ALL:
        if "not" in schema:
            assert list(schema["not"]) == ["anyOf"], path
            assert all(list(pair) == ["required"] for pair in schema["not"]["anyOf"]), path


def test_each_key_has_a_description_and_an_example() -> None:
    for path, schema in ALL:
        for name, key in schema.get("properties", {}).items():
            assert key.get("description", "").endswith("."), f"{path}/{name}"
            assert key.get("examples"), f"{path}/{name}"


def test_every_mapping_is_closed_or_says_what_its_values_are() -> None:
    for path, schema in ALL:
        if "properties" in schema:
            assert schema.get("additionalProperties") is False, path


def test_each_example_and_default_is_valid() -> None:
    for path, schema in ALL:
        if path == "#":
            continue
        judge = Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]})
        for value in [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else [])]:
            errors = [error.message for error in judge.iter_errors(value)]
            assert not errors, f"{path}: {value}: {errors}"


def test_public_images_of_azure_stand_as_examples() -> None:
    examples = SCHEMA["$defs"]["reference"]["examples"]
    assert "mcr.microsoft.com/azureml/onnxruntime:latest-cuda" in examples
    for example in examples:
        refs.ImageRef.parse(example)


@pytest.mark.parametrize("name", ["pipeline.yaml"])
def test_the_demo_is_valid_for_an_editor(name: str) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load((ROOT / name).read_text()))) == []
    first = (ROOT / name).read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schemas/pipeline.schema.json"


# ---- agreement


def ours(value: Any) -> bool:
    root, mistakes = yaml_text.read(json.dumps(value, ensure_ascii=False).encode(), "x")
    conform.conform(RULE, root, mistakes)
    return not mistakes


def theirs(value: Any) -> bool:
    return bool(VALIDATOR.is_valid(value))


BASE: dict[str, Any] = {"version": 1, "project": "iris"} | {
    name: SCHEMA["properties"][name]["examples"][0] for name in ("images", "environments", "models", "services")
}
BASE["targets"] = {
    f"t{n}": {**SCHEMA["$defs"]["target"]["examples"][0], key: value}
    for n, (key, value) in enumerate(
        (key, example)
        for key, name in [("registry", "registry"), ("builder", "builder"), ("deploy", "deploy")]
        for variant in SCHEMA["$defs"][name]["oneOf"]
        for example in (variant if "examples" in variant else SCHEMA["$defs"][variant["$ref"][8:]])["examples"]
    )
}
BASE["images"] = {f"i{n}": v for n, v in enumerate(SCHEMA["$defs"]["image"]["examples"])}
BASE["environments"]["other"] = {
    "inference_config": SCHEMA["$defs"]["environment"]["properties"]["inference_config"]["examples"][0]
}
BASE["services"]["iris"] |= {"smoke_test": SCHEMA["$defs"]["smokeCase"]["examples"]}
KEYS = sorted({key for _, schema in ALL for key in schema.get("properties", {})})
KINDS = sorted({str(s["const"]) for _, s in ALL if "const" in s} | {w for _, s in ALL for w in s.get("enum", ())})
VALUES = (
    st.sampled_from(
        [None, True, False, 0, 1, -1, 8890, 65536, 0.5, 1.0, "", "iris", "Iris", "v1", ">=3.8", "a b", "/x"]
    )
    | st.sampled_from(KINDS)
    | st.sampled_from([[], {}, [1], ["a"], {"a": 1}, {"env": "A"}, {"file": "f"}, {"env": "A", "file": "f"}])
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def test_the_whole_of_the_examples_is_valid_for_both() -> None:
    assert theirs(BASE) and ours(BASE)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_our_reading_and_jsonschema_agree(data: st.DataObject) -> None:
    agree(data)


@pytest.mark.long
@settings(max_examples=3_000, deadline=None)
@given(data=st.data())
def test_our_reading_and_jsonschema_agree_on_very_many_specs(data: st.DataObject) -> None:
    agree(data)


def agree(data: st.DataObject) -> None:
    value = copy.deepcopy(BASE)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([p for p in places(value) if p]))
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        what = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "remove":
            del holder[path[-1]]
        elif what == "replace":
            holder[path[-1]] = copy.deepcopy(data.draw(VALUES))
        elif isinstance(holder[path[-1]], dict):
            holder[path[-1]][data.draw(st.sampled_from(KEYS) | st.text("aZ0._-é ", max_size=3))] = copy.deepcopy(
                data.draw(VALUES)
            )
        elif isinstance(holder[path[-1]], list):
            holder[path[-1]].append(copy.deepcopy(data.draw(VALUES)))
    assert ours(value) == theirs(value)


def test_the_page_of_all_keys_is_fresh() -> None:
    """`python docs/spec_page.py` writes it anew."""
    page = runpy.run_path(str(ROOT / "docs" / "spec_page.py"))["page"](SCHEMA)
    assert (ROOT / "docs" / "spec.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("place", "good", "bad"),
    [
        (
            "target.properties.workspace.properties.name",  # machineLearningServices.json, WorkspaceNameParameter
            ["iris-ws", "a_b", "9ab", "a" * 33],
            ["ws", "-iris", "iris.ws", "a" * 34, ""],
        ),
        (
            "target.properties.workspace.properties.resource_group",  # types.json, and Azure's rules for names
            ["rg", "a.b", "(team)_1-x", "größe", "a" * 90],
            ["", "a.", "a b", "a/b", "a" * 91],
        ),
        (
            "acrRegistry.properties.name",  # containerregistry.json, RegistryNameParameter; or a login server
            ["myreg", "a" * 50, "myregistry.azurecr.io", "my-label.azurecr.us"],
            ["mine", "my-registry", "a" * 51, ".azurecr.io", "myregistry.azurecr.io/team"],
        ),
        (
            "builder.oneOf.1.properties.agent_pool",  # containerregistry_build.json, AgentPoolNameParameter
            ["pool-1", "abc", "a" * 20],
            ["ab", "a_b", "a" * 21],
        ),
    ],
)
def test_names_are_those_that_azure_takes(place: str, good: list[str], bad: list[str]) -> None:
    schema: Any = SCHEMA["$defs"]
    for part in place.split("."):
        schema = schema[int(part)] if part.isdigit() else schema[part]
    validator = Draft202012Validator(schema)
    assert [name for name in good if not validator.is_valid(name)] == []
    assert [name for name in bad if validator.is_valid(name)] == []
