"""expectation: compares what a service answered with what the spec expects of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bedplate.answer import Answer, shown
from bedplate.model import Json, SmokeExpectation

SHOWN = 120  # characters of a value in a message
SCHEMA_ERRORS = 3  # that are told of one answer


def problems(expect: SmokeExpectation, answer: Answer) -> tuple[str, ...]:
    """What is wrong with the answer, in the user's words; empty: it is as expected.

    A wrong status is told with the body and alone: whatever else differs follows from it."""
    if answer.status != expect.status:
        return (f"status {answer.status}, expected {expect.status}: {shown(answer.body)}",)
    found = list(_of_json(expect, answer))
    if expect.contains is not None and expect.contains not in answer.text:
        found.append(f"the answer does not contain {_shown(expect.contains)}: {shown(answer.body)}")
    if expect.within_ms is not None and answer.seconds * 1000 > expect.within_ms:
        found.append(f"answered in {answer.seconds * 1000:.0f} ms, expected within {expect.within_ms:g} ms")
    return tuple(found)


def difference(actual: Json, expected: Json, tolerance: float, path: str = "$") -> str | None:
    """The first difference, with its path: `$[0].probability: 0.31, expected 0.95 ± 0.01`.

    Numbers are compared as they are written in decimal, so 0.31 is 0.3 ± 0.01; 1 and 1.0 are equal, 1 and true are not.
    Objects must have the same keys, arrays the same length."""
    if _number(actual) and _number(expected):
        if actual == expected or abs(_decimal(actual) - _decimal(expected)) <= _decimal(tolerance):
            return None
        near = f" ± {tolerance:g}" if tolerance else ""
        return f"{path}: {_shown(actual)}, expected {_shown(expected)}{near}"
    if _kind(actual) != _kind(expected):
        return f"{path}: {_with_kind(actual)}, expected {_with_kind(expected)}{_quoted(actual)}"
    if isinstance(actual, list) and isinstance(expected, list):
        pairs = enumerate(zip(actual, expected, strict=False))
        found = (difference(a, e, tolerance, f"{path}[{n}]") for n, (a, e) in pairs)
        if len(actual) != len(expected):
            return f"{path}: {len(actual)} items, expected {len(expected)}"
        return next((text for text in found if text), None)
    if isinstance(actual, dict) and isinstance(expected, dict):
        return next(_of_objects(actual, expected, tolerance, path), None)
    return None if actual == expected else f"{path}: {_shown(actual)}, expected {_shown(expected)}"


def _of_json(expect: SmokeExpectation, answer: Answer) -> Iterator[str]:
    if expect.json_schema is None and not expect.has_json:
        return
    try:
        value: Json = json.loads(answer.body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        yield f"the answer is not JSON: {_why(error, answer)}: {shown(answer.body)}"
        return
    if expect.json_schema is not None:
        yield from _of_schema(expect.json_schema, value)
    if expect.has_json:
        try:
            differs = difference(value, expect.json, expect.tolerance)
        except RecursionError:
            differs = "$: nested too deeply to be compared"
        if differs:
            yield differs


def _of_schema(schema: Any, value: Json) -> Iterator[str]:  # Any: a JSON Schema is an object or a boolean
    import jsonschema

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as wrong:
        yield f"json_schema is not a JSON Schema: {_short(wrong.message)}"
        return
    elsewhere = next((ref for ref in _refs(schema) if not ref.startswith("#") and ref not in set(_ids(schema))), None)
    if elsewhere is not None:
        # jsonschema would fetch it
        yield f"json_schema cannot be used: it refers to {_short(elsewhere)}, which is another document"
        return
    try:
        errors = sorted(kind(schema).iter_errors(value), key=lambda e: [str(step) for step in e.absolute_path])
    except Exception as wrong:  # a $ref that leads nowhere raises what has no public name, a bad pattern re.error
        yield f"json_schema cannot be used: {_short(str(wrong))}"
        return
    for error in errors[:SCHEMA_ERRORS]:
        yield f"{error.json_path}: {_short(error.message)} (json_schema)"
    if len(errors) > SCHEMA_ERRORS:
        yield f"and {len(errors) - SCHEMA_ERRORS} more differences from json_schema"


def _refs(schema: Any) -> Iterator[str]:
    return (text for key in ("$ref", "$dynamicRef") for text in _texts(schema, key))


def _ids(schema: Any) -> Iterator[str]:
    return _texts(schema, "$id")


def _texts(schema: Any, key: str) -> Iterator[str]:
    """The texts under this key, however deep."""
    todo = [schema]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if isinstance(one.get(key), str):
                yield one[key]
            todo += one.values()
        elif isinstance(one, list):
            todo += one


def _of_objects(actual: dict[str, Json], expected: dict[str, Json], tolerance: float, path: str) -> Iterator[str]:
    for key, value in expected.items():
        if key not in actual:
            yield f"{_below(path, key)}: missing, expected {_shown(value)}"
        elif text := difference(actual[key], value, tolerance, _below(path, key)):
            yield text
    for key in actual:
        if key not in expected:
            yield f"{_below(path, key)}: {_shown(actual[key])}, not expected"


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if re.fullmatch(r"\w+", key) else f"{path}[{json.dumps(key)}]"


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimal(value: Any) -> Decimal:
    return Decimal(repr(value))  # Any: int or float, which `_number` has seen


def _kind(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, str):
        return "text"
    return "number" if _number(value) else "array" if isinstance(value, list) else "object"


def _with_kind(value: Json) -> str:
    return "null" if value is None else f"{_kind(value)} {_shown(value)}"


def _quoted(actual: Json) -> str:
    """run() of a scoring script often returns json.dumps(...), which the server then puts in quotes."""
    if not isinstance(actual, str) or actual.strip()[:1] not in ("{", "["):
        return ""
    return " (the text holds JSON: let run() return the object itself, not json.dumps of it)"


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _why(error: Exception, answer: Answer) -> str:
    kind = f" (Content-Type {answer.content_type})" if answer.content_type else ""
    if not answer.body:
        return f"it is empty{kind}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"{_short(str(error))}{kind}"


def _shown(value: Json) -> str:
    return _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
