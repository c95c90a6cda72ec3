"""conform: a node held against a rule of the schema becomes its plain value, and every mistake in it is noted."""

from __future__ import annotations

import re
from typing import Any

from bedplate.mistakes import Mistakes, did_you_mean, listed
from bedplate.specfile.rules import Rule
from bedplate.specfile.scalar import NOTHING, Nothing, Scalars, short, wanted, wrong
from bedplate.yamlfile.nodes import Mapping, Node, Scalar, Sequence
from bedplate.yamlfile.scalars import reads_as

# what people know from elsewhere, and why it is no key here
NOT_TAKEN = {
    "startup_probe": "Azure ML's interface of 2024-04-01 has none: readiness_probe: {initial_delay: SECONDS} lets a"
    " slow start take its time"
}


def conform(rule: Rule, node: Node, mistakes: Mistakes) -> Any:
    """The plain value of `node` with the schema's defaults filled in. Parts that are wrong are left out of it."""
    return _Conforming(mistakes).value(rule, node, "", node)


class _Conforming:
    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._scalars = Scalars(mistakes)

    def value(self, rule: Rule, node: Node, path: str, key: Node) -> Any:
        """`path`: as the user would say it, `images.base.tags`; `key`: where it is named."""
        if rule.variants:
            return self._variant(rule, node, path, key)
        kind = type(node)
        if kind is Scalar:
            return self._scalars.value(rule, node, path, key)  # type: ignore[arg-type]  # `type() is` for speed
        if kind is Mapping and (not rule.types or "object" in rule.types):
            return self._mapping(rule, node, path, key)  # type: ignore[arg-type]
        if kind is Sequence and (not rule.types or "array" in rule.types):
            return self._sequence(rule, node, path, key)  # type: ignore[arg-type]
        given = "a mapping" if kind is Mapping else "a list"
        return self._wrong(node, path, f"{wanted(rule)} is wanted, not {given}")

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
                    self._unknown_key(rule, name_node, value_node, path, node)
                    continue
                here = others
                if name_node.plain and (others is not _ANY or name) and reads_as(name) != "text":
                    self._scalars.unquoted(name_node, path or name, "a key is text")
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

    def _unknown_key(self, rule: Rule, key: Scalar, value: Node, path: str, node: Mapping) -> None:
        hint = did_you_mean(key.text, rule.properties)
        if "password" in rule.properties and ("'password'" in hint or not hint.startswith("did")):
            self._hide(value)
        # what stands there already, or excludes what does, would be the next mistake
        taken = {other for names in rule.apart if any(n in node.entries for n in names) for other in names}
        free = [name for name in rule.properties if name not in node.entries and name not in taken]
        hint = NOT_TAKEN.get(key.text) or did_you_mean(key.text, free)
        self._wrong(key, path, f"unknown key '{key.text}'", hint)

    def _named(self, rule: Rule, key: Scalar, path: str) -> Any:
        if rule.pattern and not re.search(rule.pattern, key.text):
            return self._wrong(key, path, f"'{short(key.text)}' is no name here", f"a name is {rule.words}")
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
            self._wrong(kind, path, f"there is no kind '{short(text)}'", did_you_mean(text, kinds))
            return {}
        return self.value(variants[kinds.index(kind.text)], node, path, key)

    # ---- saying so

    def _wrong(self, place: Node, path: str, message: str, hint: str = "") -> Nothing:
        return wrong(self._mistakes, place, path, message, hint)

    def _hide(self, node: Node) -> None:
        if isinstance(node, Scalar):
            self._mistakes.hide(node.text)
        elif isinstance(node, Sequence):
            for item in node.items:
                self._hide(item)
        else:
            for _, value in node.entries.values():
                self._hide(value)


def _example(rule: Rule, name: str) -> str:
    missing = rule.properties.get(name)
    if missing is not None and missing.const is not None:
        return f"write {name}: {missing.const}"
    return ""


_ANY = Rule(types=(), words="")
