"""rules: the JSON Schema of the spec as rules that a node is held against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from bedplate.frozen import dataclass

# what this reading of JSON Schema knows; a test holds that the schema uses nothing else
KEYWORDS = frozenset(
    ["$ref", "type", "const", "enum", "oneOf", "not", "default"]
    + ["properties", "required", "additionalProperties", "propertyNames", "minProperties", "items", "minItems"]
    + ["pattern", "minLength", "minimum", "maximum", "exclusiveMinimum"]
)
ANNOTATIONS = frozenset(["$schema", "$defs", "title", "description", "examples", "patternErrorMessage"])


@dataclass(frozen=True)
class Rule:
    """One schema with its references followed. `types`: JSON Schema's names; empty: any value."""

    types: tuple[str, ...]
    words: str  # what is wanted, where `pattern` is not met
    const: Any = None
    enum: tuple[str, ...] = ()
    pattern: str = ""  # in Python's words; compiled by whoever meets a value to hold against it
    least_length: int = 0
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    items: Rule | None = None
    least_items: int = 0
    properties: Mapping[str, Rule] = field(default_factory=dict)
    others: Rule | None = None  # of the values whose keys `properties` does not name; None: there are no such keys
    names: Rule | None = None  # of the keys
    least_properties: int = 0
    required: tuple[str, ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()  # keys that exclude each other
    defaults: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[Rule, ...] = ()
    secret: bool = False


def schema_path() -> Path:
    here = Path(__file__).resolve().parent.parent
    installed = here / "schemas" / "pipeline.schema.json"
    return installed if installed.exists() else here.parent / "schemas" / "pipeline.schema.json"


def rules(schema: bytes) -> Rule:
    """The rule for a whole spec, from the text of its schema."""
    whole = json.loads(schema)
    return _Compiler(whole["$defs"]).rule(whole)


class _Compiler:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._known: dict[str, Rule] = {}

    def rule(self, schema: Mapping[str, Any]) -> Rule:
        if "$ref" in schema:  # what stands beside it is annotations and defaults, which the outer rule reads
            name = schema["$ref"].removeprefix("#/$defs/")
            if name not in self._known:
                self._known[name] = self._rule(self._definitions[name], secret=name == "secret")
            return self._known[name]
        return self._rule(schema)

    def _rule(self, schema: Mapping[str, Any], *, secret: bool = False) -> Rule:
        properties = {key: self.rule(value) for key, value in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties")
        return Rule(
            types=_types(schema),
            words=schema.get("patternErrorMessage", ""),
            const=schema.get("const"),
            enum=tuple(schema.get("enum", ())),
            # `$` of JSON Schema is the very end, that of Python also stands before a last line break
            pattern=schema.get("pattern", "").replace("$", r"\Z"),
            least_length=schema.get("minLength", 0),
            minimum=schema.get("minimum"),
            above=schema.get("exclusiveMinimum"),
            maximum=schema.get("maximum"),
            items=self.rule(schema["items"]) if "items" in schema else None,
            least_items=schema.get("minItems", 0),
            properties=properties,
            others=self.rule(others) if isinstance(others, dict) else None,
            names=self.rule(schema["propertyNames"]) if "propertyNames" in schema else None,
            least_properties=schema.get("minProperties", 0),
            required=tuple(schema.get("required", ())),
            apart=tuple(tuple(pair["required"]) for pair in schema.get("not", {}).get("anyOf", ())),
            defaults={
                key: filled(properties[key], value["default"])
                for key, value in schema.get("properties", {}).items()
                if "default" in value
            },
            variants=tuple(self.rule(variant) for variant in schema.get("oneOf", ())),
            secret=secret,
        )


def filled(rule: Rule, value: Any) -> Any:
    """A valid plain value with every default in its place."""
    if isinstance(value, list) and rule.items:
        return [filled(rule.items, item) for item in value]
    if not isinstance(value, dict):
        return value
    if rule.variants:
        kind = [v for v in rule.variants if "kind" in v.properties and v.properties["kind"].const == value.get("kind")]
        return filled(kind[0], value) if kind else value
    if not rule.properties and not rule.others:
        return value
    given = {k: filled(r, v) for k, v in value.items() if (r := rule.properties.get(k) or rule.others) is not None}
    return {**rule.defaults, **given}


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if "enum" in schema:
        return ("string",)
    if "const" in schema:
        return ("string",) if isinstance(schema["const"], str) else ("integer",)
    types: str | Sequence[str] = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)
