"""scalar: a scalar held against a rule of the schema becomes its plain value, or a mistake."""

from __future__ import annotations

import re
from typing import Any

from bedplate.mistakes import Mistakes, did_you_mean, listed
from bedplate.specfile.rules import Rule
from bedplate.yamlfile.nodes import Node, Scalar
from bedplate.yamlfile.scalars import reads_as


class Nothing:
    """A value that could not be read; its mistake is noted."""


NOTHING = Nothing()


class Scalars:
    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes

    def value(self, rule: Rule, node: Scalar, path: str, key: Node) -> Any:
        types, text = rule.types, node.text
        read = reads_as(text) if node.plain else "text"
        if rule.enum or isinstance(rule.const, str):
            # the words of a schema are compared as they are written, so `off` needs no quotes
            words = rule.enum or (rule.const,)
            if text in words:
                return text
            return wrong(
                self._mistakes, node, path, f"'{short(text)}' is not one of {listed(words)}", did_you_mean(text, words)
            )
        if types == ("string",):
            if read != "text":
                if read == "nothing":
                    return self._empty(rule, node, path, key)
                return self.unquoted(node, path, "text is wanted")
            return self._text(rule, node, path)
        if read == "nothing" and types:
            return self._empty(rule, node, path, key)
        if not types:
            return self._any(node, read, path)
        if read == "a boolean" and "boolean" in types and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        if read == "a number" and ("integer" in types or "number" in types):
            return self._number(rule, node, path)
        given = f"'{short(text)}'" if read != "text" or node.plain else "a quoted text"
        return wrong(self._mistakes, node, path, f"{wanted(rule)} is wanted, not {given}", self._better(rule, node))

    def _text(self, rule: Rule, node: Scalar, path: str) -> Any:
        if len(node.text) < rule.least_length:
            return wrong(self._mistakes, node, path, "the text is empty", "write a value, or take the key out")
        if rule.pattern and not re.search(rule.pattern, node.text):
            return wrong(self._mistakes, node, path, f"'{short(node.text)}' does not fit", f"wanted: {rule.words}")
        return node.text

    def _number(self, rule: Rule, node: Scalar, path: str) -> Any:
        whole = rule.types == ("integer",)
        if len(node.text) > 300 or not _JSON_NUMBER.fullmatch(node.text):
            return wrong(
                self._mistakes, node, path, f"'{short(node.text)}' can be read in several ways", "write it in decimals"
            )
        number = float(node.text)
        if number in (float("inf"), -float("inf")):
            return wrong(self._mistakes, node, path, f"'{short(node.text)}' is too large")
        if whole and not number.is_integer():
            return wrong(self._mistakes, node, path, f"a whole number is wanted, not {node.text}")
        value = int(number) if whole and not node.text.lstrip("-").isdigit() else _number(node.text)
        if rule.const is not None and value != rule.const:
            return wrong(self._mistakes, node, path, f"{rule.const} is wanted here, not {node.text}")
        low, above, high = rule.minimum, rule.above, rule.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"{low} to {high}" if high is not None else f"{low} or more"
            return wrong(self._mistakes, node, path, f"{short(node.text)} is out of range: {bounds}")
        if above is not None and value <= above:
            return wrong(self._mistakes, node, path, f"{short(node.text)} is out of range: more than {above}")
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
        return self.unquoted(node, path, "JSON has no such value")

    def unquoted(self, node: Scalar, path: str, why: str) -> Any:
        read = reads_as(node.text)
        return wrong(
            self._mistakes,
            node,
            path,
            f"{why}, and YAML reads {short(node.text)} as {read}",
            f'quote it: "{short(node.text)}"',
        )

    def _empty(self, rule: Rule, node: Scalar, path: str, key: Node) -> Any:
        message = f"nothing stands here; {wanted(rule)} is wanted"
        return wrong(self._mistakes, key, path, message, "write it, or take the key out")

    def _better(self, rule: Rule, node: Scalar) -> str:
        if "boolean" in rule.types and node.text.lower() in _YES_NO:
            return f"write {_YES_NO[node.text.lower()]}"
        if not node.plain and "string" not in rule.types and reads_as(node.text) in ("a number", "a boolean"):
            return f"write {node.text} without quotes"
        if rule.types == ("array",):
            return f"write [{short(node.text)}]"
        return ""


def wrong(mistakes: Mistakes, place: Node, path: str, message: str, hint: str = "") -> Nothing:
    """Notes the mistake. `path`: as the user would say it, `images.base.tags`."""
    mistakes.add(place, f"{path}: {message}" if path else message, hint)
    return NOTHING


def wanted(rule: Rule) -> str:
    if rule.variants:
        return "a mapping"
    return " or ".join(_TYPES[name] for name in rule.types) or "a value"


def short(text: str) -> str:
    line = text if len(text) <= 40 else text[:37] + "..."
    return line.replace("\n", "\\n")


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


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
