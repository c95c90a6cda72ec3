"""versions: does a version lie in a range, by the order of whoever numbers it (docs/decisions/version-ranges.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from bedplate.image_contents import orders

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

Compare: TypeAlias = Callable[[str, str], int]

CLAUSE = re.compile(r"\s*(==|!=|<=|>=|<|>|~=)?\s*([0-9A-Za-z][0-9A-Za-z.*+!~:_-]*)\s*")
NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
COMPARES: Mapping[str, Compare] = {
    "dpkg": orders.debian,
    "rpm": orders.rpm,
    "apk": orders.apk,
    "conda": orders.conda,
}
TESTS: Mapping[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
}


def within(version: str, wanted: str, kind: str) -> bool:
    """Does the version meet every comparison of `wanted`?

    `wanted`: `*`, or comparisons parted by commas; `3.8` alone and `==3.8.*` are 3.8 and all that begins with `3.8.`.
    `kind`: dpkg, rpm, apk, conda; else PEP 440. A comparison without a revision (`2.39`, not `2.39-1`) is held against
    a package's upstream version, one without an epoch against the version without it. Raises ValueError for a
    comparison that the kind cannot have."""
    if wanted == "*":
        return True
    if kind not in COMPARES:
        return _pep440(version, wanted)
    return all(_meets(version, operator, bound, kind) for operator, bound in clauses(wanted))


def pep440(wanted: str) -> SpecifierSet:
    """Raises ValueError for what is no range."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    found = SpecifierSet(prereleases=True)
    for operator, bound in clauses(wanted):
        try:
            found &= SpecifierSet(f"{operator}{bound}", prereleases=True)
        except InvalidSpecifier:
            bare = bound.removesuffix(".*")
            raise ValueError(f"'{bare}' is no version" + (f" that {operator} takes" if "+" in bare else "")) from None
    return found


def upstream(version: str, kind: str) -> str:
    """The upstream part of a package's version: `1:2.39.5-0+deb12u2` -> `2.39.5`."""
    version = version.partition(":")[2] or version
    if kind in ("dpkg", "rpm"):
        return version.rpartition("-")[0] or version
    return re.sub(r"-r[0-9]+$", "", version) if kind == "apk" else version


def clauses(wanted: str) -> Iterator[tuple[str, str]]:
    """Operators of two sides and what they compare with. Raises ValueError."""
    for clause in wanted.split(","):
        found = CLAUSE.fullmatch(clause)
        if found is None:
            raise ValueError(f"'{clause.strip()}' is no comparison of versions")
        operator, bound = found[1] or "==", found[2]
        if operator in ("==", "!=") and not found[1] and "+" not in bound:  # no local version begins like another
            bound = f"{bound.removesuffix('.*')}.*"
        if operator == "~=":
            head = bound.rpartition(".")[0]
            if bound.endswith(".*"):
                raise ValueError(f"'~={bound}': '.*' goes with == and != only")
            if not head:
                raise ValueError(f"'~={bound}' needs two numbers at least")
            yield from ((">=", bound), ("==", f"{head}.*"))
        elif bound.endswith(".*") and operator not in ("==", "!="):
            raise ValueError(f"'{operator}{bound}': '.*' goes with == and != only")
        else:
            yield operator, bound


def _meets(version: str, operator: str, bound: str, kind: str) -> bool:
    if kind in ("dpkg", "rpm") and ":" not in bound:
        version = version.partition(":")[2] or version
    if kind != "conda" and "-" not in bound:
        version = upstream(version, kind)
    if bound.endswith(".*"):
        begins = f"{version}.".startswith(bound[:-1])
        return begins == (operator == "==")
    return TESTS[operator](COMPARES[kind](version, bound))


def _pep440(version: str, wanted: str) -> bool:
    from packaging.version import InvalidVersion, Version

    specifiers = pep440(wanted)
    try:
        return specifiers.contains(Version(version))
    except InvalidVersion:
        numbers = NUMBERS.match(version)
        return bool(numbers) and specifiers.contains(Version(numbers[0] if numbers else "0"))
