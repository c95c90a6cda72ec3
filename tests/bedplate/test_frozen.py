"""`dataclass` of bedplate.frozen does what the standard library's does."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from bedplate import frozen

STANDARD: Any = dataclasses.dataclass  # mypy takes both for the standard library's
SHARED: Any = frozen.dataclass


class Bare:
    pass


class One:
    name: str


class Many:
    """With words of its own."""

    name: str
    parts: tuple[str, ...] = ()
    inner: Any = None
    kind: str = field(default="", compare=False)
    source: str = field(default="", repr=False)
    by_name: dict[str, str] = field(default_factory=dict)


def made(decorate: Any, cls: type) -> Any:
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    return decorate(type(cls.__name__, (), body))


@pytest.fixture(params=[STANDARD, SHARED], ids=["standard", "shared"])
def classes(request: pytest.FixtureRequest) -> list[Any]:
    return [made(request.param(frozen=True), cls) for cls in (Bare, One, Many)]


def test_shown_as_it_is_written(classes: list[Any]) -> None:
    bare, one, many = classes
    assert [repr(bare()), repr(one("a"))] == ["Bare()", "One(name='a')"]
    assert repr(many("a", inner=one("b"), source="x")) == (
        "Many(name='a', parts=(), inner=One(name='b'), kind='', by_name={})"
    )


def test_equal_where_the_fields_that_count_are(classes: list[Any]) -> None:
    bare, one, many = classes
    assert bare() == bare() and hash(bare()) == hash(bare())
    assert one("a") == one("a") and one("a") != one("b") and hash(one("a")) == hash(one("a"))
    assert many("a", kind="x") == many("a", kind="y") and many("a", source="x") != many("a")
    assert one("a") != many("a") and one("a") != "a" and one("a") != ("a",) and bare() != ()
    with pytest.raises(TypeError, match="unhashable"):
        hash(many("a"))


def test_changed_copies_and_fields_are_the_standard_library_s(classes: list[Any]) -> None:
    _, one, many = classes
    assert dataclasses.replace(many("a", inner=one("b")), name="c") == many("c", inner=one("b"))
    assert dataclasses.asdict(one("a")) == {"name": "a"}
    assert [f.name for f in dataclasses.fields(many)] == ["name", "parts", "inner", "kind", "source", "by_name"]
    first, second = many("a"), many("a")
    assert first.by_name is not second.by_name


def test_what_is_missing_or_unknown_is_refused(classes: list[Any]) -> None:
    for values, named in (((), {}), (("a", "b"), {}), (("a",), {"nope": 1})):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            classes[1](*values, **named)


def test_without_eq_each_is_equal_to_itself_alone() -> None:
    cls = made(SHARED(frozen=True, eq=False), One)
    one = cls("a")
    assert one == one and one != cls("a") and len({one, cls("a")}) == 2


@SHARED(frozen=True)
class Kept:
    name: str


def test_goes_through_pickle() -> None:
    assert pickle.loads(pickle.dumps(Kept("a"))) == Kept("a")  # type: ignore[call-arg]
