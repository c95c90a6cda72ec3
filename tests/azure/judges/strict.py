"""Microsoft's documents with what Prism cannot read in them written out: subtypes by discriminator, closed objects.

Swagger 2.0 says by `discriminator` which definition an object fits; Prism takes only the base, so it would accept
anything in a DockerBuildRequest and refuse every real datastore. And a document in which any further property is
welcome finds no misspelt one. Loosened is one thing: a property that can only be written is not required, since
answers leave it out. Left out are the operations that `keep` does not match: reading them takes Prism seconds."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

Schema = dict[str, Any]


def write(document: Path, into: Path, keep: str) -> Path:
    """The strict form of `document`, as a file in `into`. `keep`: a pattern that is searched for in path templates."""
    made = _Strict(document, keep).made()
    path = into / f"{document.parent.name}-{document.name}"
    path.write_text(json.dumps(made), encoding="utf-8")
    return path


class _Strict:
    def __init__(self, document: Path, keep: str) -> None:
        self._document, self._keep = document, keep
        self._files: dict[Path, Any] = {}
        self._made: dict[str, Schema] = {}

    def made(self) -> Schema:
        root = copy.deepcopy(self._load(self._document))
        root["paths"] = {k: v for k, v in root["paths"].items() if re.search(self._keep, k)}
        operations = {k: self._parts(root.get(k, {}), self._document) for k in ("paths", "parameters")}
        return {**{k: v for k, v in root.items() if k != "x-ms-paths"}, **operations, "definitions": self._made}

    def _load(self, path: Path) -> Any:
        if path not in self._files:
            self._files[path] = json.loads(path.read_text(encoding="utf-8-sig"))
        return self._files[path]

    def _find(self, ref: str, at: Path) -> tuple[Path, str, Schema]:
        """The file, name and content that a reference in file `at` leads to."""
        file, _, pointer = ref.partition("#")
        path = (at.parent / file).resolve() if file else at
        found: Any = self._load(path)
        for part in pointer.strip("/").split("/"):
            found = found[part]
        return path, pointer.rsplit("/", 1)[-1], found

    def _parts(self, node: Any, at: Path) -> Any:
        """Paths and parameters, every reference in them resolved; schemas go through `_schema`."""
        if isinstance(node, list):
            return [self._parts(one, at) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node and "/definitions/" not in node["$ref"]:
            path, _, found = self._find(node["$ref"], at)
            return self._parts(copy.deepcopy(found), path)
        if "$ref" in node:
            return self._schema(node, at)
        kept = {k: v for k, v in node.items() if k != "x-ms-examples"}
        return {k: self._schema(v, at) if k == "schema" else self._parts(v, at) for k, v in kept.items()}

    def _schema(self, schema: Any, at: Path) -> Any:
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            path, name, found = self._find(schema["$ref"], at)
            key = f"{path.parent.name}.{path.stem}.{name}"
            if key not in self._made:
                self._made[key] = {}  # a definition may lead to itself
                self._made[key] = self._definition(name, found, path)
            reference = {"$ref": f"#/definitions/{key}"}
            return {"x-nullable": True, "allOf": [reference]} if schema.get("x-nullable") else reference
        return self._object(schema, at)

    def _definition(self, name: str, found: Schema, at: Path) -> Schema:
        if "discriminator" not in found:
            return self._object(found, at)
        subtypes = [(n, d) for n, d in self._load(at)["definitions"].items() if n != name and self._is_a(d, name, at)]
        if not subtypes:
            return self._object(found, at)
        field = found["discriminator"]
        # by if and then, so that what is said is about the subtype that was meant
        values, rules = [], []
        for subtype, definition in subtypes:
            value = definition.get("x-ms-discriminator-value", subtype)
            values.append(value)
            meant = {"type": "object", "properties": {field: {"enum": [value]}}, "required": [field]}
            rules.append({"if": meant, "then": self._object(definition, at)})
        named = {"type": "object", "properties": {field: {"type": "string", "enum": values}}, "required": [field]}
        return {"allOf": [named, *rules]}

    def _is_a(self, definition: Schema, name: str, at: Path) -> bool:
        for parent in definition.get("allOf", []):
            path, found, content = self._find(parent["$ref"], at)
            if found == name or self._is_a(content, name, path):
                return True
        return False

    def _object(self, schema: Schema, at: Path) -> Schema:
        """With its parents' properties among its own, and closed."""
        properties, required = self._members(schema, at)
        made = {k: v for k, v in schema.items() if k not in ("allOf", "properties", "required", "discriminator")}
        for key in ("items", "additionalProperties"):
            if isinstance(made.get(key), dict):
                made[key] = self._schema(made[key], at)
        if properties:
            made |= {"type": "object", "properties": properties}
            made.setdefault("additionalProperties", False)
        elif made.get("additionalProperties") is False and made.get("type") != "object":
            del made["additionalProperties"]  # of a string: it says nothing
        if required:
            made["required"] = required
        return made

    def _members(self, schema: Schema, at: Path) -> tuple[dict[str, Any], list[str]]:
        properties: dict[str, Any] = {}
        required = set(schema.get("required", []))
        for parent in schema.get("allOf", []):
            path, _, found = self._find(parent["$ref"], at) if "$ref" in parent else (at, "", parent)
            more, needed = self._members(found, path)
            properties |= more
            required |= set(needed)
        own = schema.get("properties", {})
        properties |= {k: self._schema(v, at) for k, v in own.items()}
        # what can only be written is in no answer (x-ms-mutability)
        return properties, sorted(
            required - {k for k, v in own.items() if "read" not in v.get("x-ms-mutability", ["read"])}
        )
