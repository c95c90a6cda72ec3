"""spec_page: writes docs/spec.md from the schema: `python docs/spec_page.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# pipeline.yaml, key by key

Written from `schemas/pipeline.schema.json` by `docs/spec_page.py`; edit the schema, not this page. Editors that know
YAML schemas complete these keys: the first line of `pipeline.yaml` names the schema.

Text that YAML would read as a number, a boolean or a date is quoted: `"12.10"`, `"on"`. Not read, each with a message
that says so: tags (`!!python/...`), merge keys (`<<`), several documents, tabs as indentation, a key that stands twice.
"""


def page(schema: dict[str, Any]) -> str:
    """The page for this schema, as Markdown."""
    named = schema["$defs"]
    parts = [HEAD, "## The file\n", *_keys(schema, named)]
    for name, definition in named.items():
        if "properties" in definition or "oneOf" in definition:
            parts += [f"## {name}\n", definition["description"] + "\n", *_forms(definition, named)]
    return "\n".join(parts)


def _forms(definition: dict[str, Any], named: dict[str, Any]) -> Iterator[str]:
    for variant in definition.get("oneOf", [definition]):
        if "$ref" in variant:
            name = variant["$ref"].rpartition("/")[2]
            yield f"- {named[name]['description']} See [{name}](#{name.lower()}).\n"
        elif "properties" in variant:
            if variant is not definition:
                yield f"**{variant['description']}**\n"
            yield from _keys(variant, named)
        else:
            yield f"- {variant['description']}\n"


def _keys(definition: dict[str, Any], named: dict[str, Any]) -> Iterator[str]:
    rows = ["| key | value | meaning | default |", "|---|---|---|---|"]
    inner = []
    for key, value in definition["properties"].items():
        needed = " (required)" if key in definition.get("required", ()) else ""
        default = f"`{_flow(value['default'])}`" if "default" in value else ""
        rows.append(f"| `{key}`{needed} | {_kind(value, named)} | {_cell(value['description'])} | {default} |")
        if "properties" in value:
            inner += [f"`{key}`:\n", *_keys(value, named)]
    yield "\n".join(rows) + "\n"
    if "examples" in definition:
        yield f"Example: `{_flow(definition['examples'][0])}`\n"
    yield from inner


def _kind(value: dict[str, Any], named: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        target = named[name]
        linked = "properties" in target or "oneOf" in target
        return f"[{name}](#{name.lower()})" if linked else _kind(target, named)
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"])
    if value.get("type") == "array":
        return "list of " + _kind(value["items"], named)
    if isinstance(value.get("additionalProperties"), dict):
        return "name: " + _kind(value["additionalProperties"], named)
    types = value.get("type", "any value")
    return " or ".join(types) if isinstance(types, list) else "mapping" if types == "object" else str(types)


def _flow(value: Any) -> str:
    """One line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and value[:1].isalpha() and value not in ("on", "off", "yes", "no", "true", "false"):
        return value if not set(value) & set(":#,[]{}") else json.dumps(value)
    return json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    schema = json.loads((ROOT / "schemas" / "pipeline.schema.json").read_text(encoding="utf-8"))
    (ROOT / "docs" / "spec.md").write_text(page(schema), encoding="utf-8")
