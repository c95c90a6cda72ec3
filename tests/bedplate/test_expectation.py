"""What is told of an answer that is not what the spec expects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.answer import Answer, shown
from bedplate.expectation import difference, problems
from bedplate.model import SmokeExpectation

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def expect(**changes: Any) -> SmokeExpectation:
    fields: dict[str, Any] = {
        "status": 200,
        "json_schema": None,
        "json": changes.get("json"),
        "has_json": "json" in changes,
        "tolerance": 0.0,
        "contains": None,
        "within_ms": None,
    }
    return SmokeExpectation(**{**fields, **changes})


def answer(body: Any, status: int = 200, seconds: float = 0.01, kind: str = "application/json") -> Answer:
    return Answer(status, kind, body if isinstance(body, bytes) else json.dumps(body).encode(), seconds)


@given(JSON)
def test_a_value_differs_from_nothing_but_what_differs(value: Any) -> None:
    assert difference(value, value, 0.0) is None
    assert difference(value, json.loads(json.dumps(value)), 0.0) is None
    assert difference([value], value, 0.0) is not None


def test_the_first_difference_is_named_with_its_path() -> None:
    told = difference([{"species": "setosa", "probability": 0.31}], [{"species": "setosa", "probability": 0.95}], 0.01)
    assert told == "$[0].probability: 0.31, expected 0.95 ± 0.01"
    assert difference({"a b": [1, 2]}, {"a b": [1, 3]}, 0) == '$["a b"][1]: 2, expected 3'


def test_numbers_are_compared_as_they_are_written() -> None:
    assert difference(0.31, 0.3, 0.01) is None  # in binary they are more than 0.01 apart
    assert difference(0.3101, 0.3, 0.01) is not None
    assert difference(1, 1.0, 0) is None
    assert difference(10**30 + 1, 10**30, 0) is not None


@pytest.mark.parametrize(
    ("actual", "expected", "told"),
    [
        (True, 1, "$: boolean true, expected number 1"),
        ("0.3", 0.3, '$: text "0.3", expected number 0.3'),
        (None, {}, "$: null, expected object {}"),
        ([1], [1, 2], "$: 1 items, expected 2"),
        ({}, {"a": 1}, "$.a: missing, expected 1"),
        ({"a": 1, "b": 2}, {"a": 1}, "$.b: 2, not expected"),
        (False, True, "$: false, expected true"),
        ("a", "b", '$: "a", expected "b"'),
    ],
)
def test_each_kind_of_difference_has_its_words(actual: Any, expected: Any, told: str) -> None:
    assert difference(actual, expected, 0) == told


def test_json_that_stands_in_a_text_is_recognised() -> None:
    told = difference('[{"species": "setosa"}]', [{"species": "setosa"}], 0)
    assert told is not None and "let run() return the object itself" in told


def test_an_answer_as_expected_has_no_problems() -> None:
    wanted = expect(json=[1.0], json_schema={"type": "array"}, contains="1", within_ms=500, tolerance=0.1)
    assert problems(wanted, answer([1.05])) == ()


def test_a_wrong_status_is_told_alone_and_with_the_body() -> None:
    (told,) = problems(expect(json=[1], within_ms=1), answer(b"no such file: model.pkl", 500, 2.0, "text/plain"))
    assert told == "status 500, expected 200: no such file: model.pkl"


def test_an_expected_error_status_is_no_problem() -> None:
    assert problems(expect(status=500), answer(b"boom", 500)) == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<a>", "the answer is not JSON: Expecting value: line 1 column 1 (char 0) (Content-Type text/html): <a>"),
        (b"", "the answer is not JSON: it is empty (Content-Type text/html): (empty)"),
        (b"[NaN]", "the answer is not JSON: NaN is not a number in JSON (Content-Type text/html): [NaN]"),
        (b"[" * 200_000, "the answer is not JSON: nested too deeply"),
    ],
)
def test_an_answer_that_is_not_json_is_told_as_such(body: bytes, words: str) -> None:
    (told,) = problems(expect(json=[1]), answer(body, kind="text/html"))
    assert told.startswith(words)


def test_an_answer_of_any_kind_will_do_where_no_json_is_expected() -> None:
    assert problems(expect(contains="ready"), answer(b"\xff\x00 ready")) == ()


def test_the_schema_names_the_place() -> None:
    schema = {"type": "array", "items": {"properties": {"p": {"type": "number"}}}}
    (told,) = problems(expect(json_schema=schema), answer([{"p": "high"}]))
    assert told == "$[0].p: 'high' is not of type 'number' (json_schema)"


def test_of_many_differences_from_the_schema_a_few_are_told() -> None:
    told = problems(expect(json_schema={"items": {"type": "string"}}), answer(list(range(9))))
    assert len(told) == 4 and told[-1] == "and 6 more differences from json_schema"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "arry"}, "json_schema is not a JSON Schema"),
        ({"$ref": "https://example.org/schema.json"}, "json_schema cannot be used: it refers to https://example.org"),
        ({"items": {"$ref": "other.json"}}, "json_schema cannot be used: it refers to other.json"),
        ({"$ref": "#/$defs/none"}, "json_schema cannot be used"),
        (
            {"$ref": "https://a.example/a", "$defs": {"a": {"$id": "https://a.example/a", "type": "null"}}},
            "$: 1 is not",
        ),
        (False, "$: False schema does not allow 1"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_and_nothing_is_fetched(schema: Any, words: str) -> None:
    (told,) = problems(expect(json_schema=schema), answer(1))
    assert told.startswith(words)


def test_a_slow_answer_is_told_with_its_limit() -> None:
    told = problems(expect(within_ms=500), answer([], seconds=0.8124))
    assert told == ("answered in 812 ms, expected within 500 ms",)


def test_a_text_that_is_missing_is_told_with_the_answer() -> None:
    assert problems(expect(contains="setosa"), answer(["virginica"])) == (
        'the answer does not contain "setosa": ["virginica"]',
    )


def test_a_shown_body_is_one_short_line_without_control_characters() -> None:
    assert shown(b"a\n  b\x1b[2Jc") == "a b\ufffd[2Jc"
    assert shown(b"\xff\xfe\x00") == "(3 bytes, not text)"
    assert shown(b"x" * 5000) == "x" * 200 + "... (5000 bytes)"
    assert shown("é".encode() * 500).startswith("é" * 200)
