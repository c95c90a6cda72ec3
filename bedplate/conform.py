"""conform: a node held against a rule of the schema becomes its plain value, and every mistake in it is noted."""

from __future__ import annotations

import re
from typing import Any

from bedplate.mistakes import Mistakes, did_you_mean, listed
from bedplate.schema_rules import Rule
from bedplate.yaml_nodes import Mapping, Node, Scalar, Sequence
from bedplate.yaml_scalars import reads_as


class _Nothing:
    """A value that could not be read; its mistake is noted."""


NOTHING = _Nothing()


def conform(rule: Rule, node: Node, mistakes: Mistakes) -> Any:
    """The plain value of `node` with the schema's defaults filled in. Parts that are wrong are left out of it."""
    return _Conforming(mistakes).value(rule, node, "", node)


class _Conforming:
    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes

    def value(self, rule: Rule, node: Node, path: str, key: Node) -> Any:
        """`path`: as the user would say it, `images.base.tags`; `key`: where it is named."""
        if rule.variants:
            return self._variant(rule, node, path, key)
        kind = type(node)
        if kind is Scalar:
            return self._scalar(rule, node, path, key)  # type: ignore[arg-type]  # `type() is` for speed
        if kind is Mapping and (not rule.types or "object" in rule.types):
            return self._mapping(rule, node, path, key)  # type: ignore[arg-type]
        if kind is Sequence and (not rule.types or "array" in rule.types):
            return self._sequence(rule, node, path, key)  # type: ignore[arg-type]
        given = "a mapping" if kind is Mapping else "a list"
        return self._wrong(node, path, f"{_wanted(rule)} is wanted, not {given}")

    # ---- collections

    def _sequence(self, rule: Rule, node: Sequence, path: str, key: Node) -> Any:
        items = rule.items or _ANY
        values = [self.value(items, item, f"{path}[{n}]", item) for n, item in enumerate(node.items, 1)]
        if len(values) < rule.least_items:
            return self._wrong(node, path, "the list is empty", "write an item, or take the key out")
        if items.types == ("object",):
            return [{} if value is NOTHING else value for value in values]  # each keeps its number
        return [value for value in values if value is not NOTHING]

    def _mapping(self, rule: Rule, node: Mapping, path: str, key: Node) -> Any:
        entries, properties, others = node.entries, rule.properties, rule.others or (None if rule.properties else _ANY)
        values = dict(rule.defaults)
        inner = path + "." if path else ""
        for name, (name_node, value_node) in entries.items():
            here = properties.get(name)
            if here is None:
                if others is None:
                    self._unknown_key(rule, name_node, value_node, path)
                    continue
                here = others
                if name_node.plain and (others is not _ANY or name) and reads_as(name) != "text":
                    self._unquoted(name_node, path or name, "a key is text")
                    self.value(here, value_node, inner + name, name_node)
                    continue
                if rule.names is not None and self._named(rule.names, name_node, path) is NOTHING:
                    # its value is looked at all the same
                    self.value(here, value_node, inner + name, name_node)
                    continue
            value = self.value(here, value_node, inner + name, name_node)
            if value is NOTHING:
                values.pop(name, None)
            else:
                values[name] = value
        for name in rule.required:
            if name not in entries:
                self._wrong(key, path, f"'{name}' is missing", _example(rule, name))
        for names in rule.apart:
            if all(name in entries for name in names):
                late = max((entries[name][0] for name in names), key=lambda k: (k.line, k.column))
                self._wrong(late, path, f"{listed(names)} exclude each other", "keep one of them")
        if len(entries) < rule.least_properties:
            self._wrong(key, path, "nothing stands here", "write an entry, or take the key out")
        return values

    def _unknown_key(self, rule: Rule, key: Scalar, value: Node, path: str) -> None:
        hint = did_you_mean(key.text, rule.properties)
        if "password" in rule.properties and ("'password'" in hint or not hint.startswith("did")):
            self._hide(value)
        self._wrong(key, path, f"unknown key '{key.text}'", hint)

    def _named(self, rule: Rule, key: Scalar, path: str) -> Any:
        if rule.pattern is not None and not rule.pattern.search(key.text):
            return self._wrong(key, path, f"'{_short(key.text)}' is no name here", f"a name is {rule.words}")
        return key.text

    # ---- variants

    def _variant(self, rule: Rule, node: Node, path: str, key: Node) -> Any:
        """Chooses by type, then by `kind`, else by the key that only one variant requires."""
        if rule.secret and not isinstance(node, Mapping):
            self._hide(node)
            hint = "write {env: NAME} or {file: PATH} to say where it is"
            return self._wrong(node, path, "a secret does not stand in the file", hint)
        texts = [variant for variant in rule.variants if variant.types == ("string",)]
        if texts and isinstance(node, Scalar):
            return self.value(texts[0], node, path, key)
        variants = [variant for variant in rule.variants if variant not in texts]
        if not isinstance(node, Mapping):
            return self.value(variants[0], node, path, key)
        if "kind" in variants[0].properties:
            return self._by_kind(variants, node, path, key)
        deciding = [variant.required[0] for variant in variants]
        chosen = [name for name in deciding if name in node.entries]
        if rule.secret and chosen != list(node.entries):
            self._hide(node)
        if len(chosen) == 1:
            return self.value(variants[deciding.index(chosen[0])], node, path, key)
        if chosen:
            later = node.entries[chosen[-1]][0]
            self._wrong(later, path, f"{listed(chosen)} exclude each other", "keep one of them")
            return {}
        for name, (name_node, _) in node.entries.items():
            if not any(name in variant.properties for variant in variants):
                self._wrong(name_node, path, f"unknown key '{name}'", did_you_mean(name, deciding))
                return {}
        self._wrong(key, path, f"one of {listed(deciding)} is missing")
        return {}

    def _by_kind(self, variants: list[Rule], node: Mapping, path: str, key: Node) -> Any:
        kinds = [variant.properties["kind"].const for variant in variants]
        if "kind" not in node.entries:
            self._wrong(key, path, "'kind' is missing", f"it is one of {listed(kinds)}")
            return {}
        kind = node.entries["kind"][1]
        if not isinstance(kind, Scalar) or kind.text not in kinds:
            text = kind.text if isinstance(kind, Scalar) else "..."
            self._wrong(kind, path, f"there is no kind '{_short(text)}'", did_you_mean(text, kinds))
            return {}
        return self.value(variants[kinds.index(kind.text)], node, path, key)

    # ---- scalars

    def _scalar(self, rule: Rule, node: Scalar, path: str, key: Node) -> Any:
        types, text = rule.types, node.text
        read = reads_as(text) if node.plain else "text"
        if rule.enum or isinstance(rule.const, str):
            # the words of a schema are compared as they are written, so `off` needs no quotes
            words = rule.enum or (rule.const,)
            if text in words:
                return text
            return self._wrong(node, path, f"'{_short(text)}' is not one of {listed(words)}", did_you_mean(text, words))
        if types == ("string",):
            if read != "text":
                if read == "nothing":
                    return self._empty(rule, node, path, key)
                return self._unquoted(node, path, "text is wanted")
            return self._text(rule, node, path)
        if read == "nothing" and types:
            return self._empty(rule, node, path, key)
        if not types:
            return self._any(node, read, path)
        if read == "a boolean" and "boolean" in types and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if read == "a number" and ("integer" in types or "number" in types):
            return self._number(rule, node, path)
        given = f"'{_short(text)}'" if read != "text" or node.plain else "a quoted text"
        return self._wrong(node, path, f"{_wanted(rule)} is wanted, not {given}", self._better(rule, node))

    def _text(self, rule: Rule, node: Scalar, path: str) -> Any:
        if len(node.text) < rule.least_length:
            return self._wrong(node, path, "the text is empty", "write a value, or take the key out")
        if rule.pattern is not None and not rule.pattern.search(node.text):
            return self._wrong(node, path, f"'{_short(node.text)}' does not fit", f"wanted: {rule.words}")
        return node.text

    def _number(self, rule: Rule, node: Scalar, path: str) -> Any:
        whole = rule.types == ("integer",)
        if len(node.text) > 300 or not _JSON_NUMBER.fullmatch(node.text):
            return self._wrong(node, path, f"'{_short(node.text)}' can be read in several ways", "write it in decimals")
        number = float(node.text)
        if number in (float("inf"), -float("inf")):
            return self._wrong(node, path, f"'{_short(node.text)}' is too large")
        if whole and not number.is_integer():
            return self._wrong(node, path, f"a whole number is wanted, not {node.text}")
        value = int(number) if whole and not node.text.lstrip("-").isdigit() else _number(node.text)
        if rule.const is not None and value != rule.const:
            return self._wrong(node, path, f"{rule.const} is wanted here, not {node.text}")
        low, above, high = rule.minimum, rule.above, rule.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"{low} to {high}" if high is not None else f"{low} or more"
            return self._wrong(node, path, f"{_short(node.text)} is out of range: {bounds}")
        if above is not None and value <= above:
            return self._wrong(node, path, f"{_short(node.text)} is out of range: more than {above}")
        return value

    def _any(self, node: Scalar, read: str, path: str) -> Any:
        """A value of JSON. What YAML 1.1 and 1.2 read differently must be quoted."""
        text = node.text
        if read == "text":
            return text
        if read == "nothing" and text != "~":
            return None
        if read == "a boolean" and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if read == "a number" and len(text) <= 300 and _JSON_NUMBER.fullmatch(text):
            return _number(text)
        return self._unquoted(node, path, "JSON has no such value")

    def _unquoted(self, node: Scalar, path: str, why: str) -> Any:
        read = reads_as(node.text)
        return self._wrong(
            node, path, f"{why}, and YAML reads {_short(node.text)} as {read}", f'quote it: "{_short(node.text)}"'
        )

    def _empty(self, rule: Rule, node: Scalar, path: str, key: Node) -> Any:
        message = f"nothing stands here; {_wanted(rule)} is wanted"
        return self._wrong(key, path, message, "write it, or take the key out")

    def _better(self, rule: Rule, node: Scalar) -> str:
        if "boolean" in rule.types and node.text.lower() in _YES_NO:
            return f"write {_YES_NO[node.text.lower()]}"
        if not node.plain and "string" not in rule.types and reads_as(node.text) in ("a number", "a boolean"):
            return f"write {node.text} without quotes"
        if rule.types == ("array",):
            return f"write [{_short(node.text)}]"
        return ""

    # ---- saying so

    def _wrong(self, place: Node, path: str, message: str, hint: str = "") -> _Nothing:
        self._mistakes.add(place, f"{path}: {message}" if path else message, hint)
        return NOTHING

    def _hide(self, node: Node) -> None:
        if isinstance(node, Scalar):
            self._mistakes.hide(node.text)
        elif isinstance(node, Sequence):
            for item in node.items:
                self._hide(item)
        else:
            for _, value in node.entries.values():
                self._hide(value)


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _wanted(rule: Rule) -> str:
    if rule.variants:
        return "a mapping"
    return " or ".join(_TYPES[name] for name in rule.types) or "a value"


def _example(rule: Rule, name: str) -> str:
    missing = rule.properties.get(name)
    if missing is not None and missing.const is not None:
        return f"write {name}: {missing.const}"
    return ""


def _short(text: str) -> str:
    line = text if len(text) <= 40 else text[:37] + "..."
    return line.replace("\n", "\\n")


_ANY = Rule(types=(), words="")
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_BOOLEANS = {"true": True, "false": False}
_YES_NO = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
