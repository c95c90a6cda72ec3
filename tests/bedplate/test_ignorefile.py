"""`.dockerignore` rules: the compiled expression against a slow, plain reading, and what is said of a bad pattern."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate import ignorefile
from bedplate.ignorefile import Matcher
from bedplate.wildcards import BadPatternError, matcher

pieces = st.sampled_from(
    ["a", "b", "ab", "*", "?", "**", "a*", "*b", "[ab]", "[^a]", "a?", "**b", ".a", "a.b", "\\*", "*.b"]
)
patterns = st.lists(
    st.builds(
        lambda sign, parts: sign + "/".join(parts),
        st.sampled_from(["", "", "!"]),
        st.lists(pieces, min_size=1, max_size=3),
    ),
    max_size=5,
)
paths = st.lists(st.sampled_from(["a", "b", "ab", "aab", ".a", "a.b", "*", "é"]), min_size=1, max_size=4).map("/".join)


def one(pattern: str, path: str) -> bool:
    """Does one pattern match one path? By trying every way to divide the path, as the rules of `**` say it."""
    if not pattern:
        return not path
    if pattern.startswith("**"):
        rest = pattern[2:]
        rest = rest.removeprefix("/")
        if not rest:
            return True
        ends = [i for i in range(len(path) + 1) if i == 0 or path[i - 1] == "/"]
        if is_plain(rest) and pattern[2:3] != "/":
            return path.endswith(rest)
        return any(one(rest, path[i:]) for i in ends)
    if pattern[0] == "*":
        end = path.find("/") if "/" in path else len(path)
        return any(one(pattern[1:], path[i:]) for i in range(end + 1))
    if not path:
        return False
    if pattern[0] == "?":
        return path[0] != "/" and one(pattern[1:], path[1:])
    if pattern[0] == "[":
        members, _, rest = pattern[1:].partition("]")
        held = path[0] not in members[1:] if members[0] == "^" else path[0] in members
        return held and one(rest, path[1:])
    if pattern[0] == "\\":
        pattern = pattern[1:]
    return pattern[0] == path[0] and one(pattern[1:], path[1:])


def is_plain(pattern: str) -> bool:
    return not re.search(r"[*?\[\]\\]", pattern)


def slowly(rules: list[str], path: str) -> bool:
    out = False
    parts = path.split("/")
    for rule in rules:
        negated, pattern = rule.startswith("!"), rule.removeprefix("!")
        if any(one(pattern, "/".join(parts[: n + 1])) for n in range(len(parts))):
            out = not negated
    return out


def odd(rules: list[str]) -> bool:
    """`**` in the middle of a name has rules of its own, which the conformance table holds."""
    return any(
        re.search(r"[^/!]\*\*|\*\*[^/]", rule.replace("**b", "")) or re.search(r"\*\*b/|/\*\*b|b.*\*\*b", rule)
        for rule in rules
    )


LISTS = st.lists(paths, min_size=1, max_size=5)
FEW = settings(max_examples=300, deadline=None, derandomize=True)
MANY = settings(max_examples=10_000, deadline=None)


def agree(rules: list[str], found: list[str]) -> None:
    if odd(rules):
        return
    compiled = Matcher(rules)
    for path in found:
        assert compiled.excluded(path) is slowly(rules, path), (rules, path)


def all_below(rules: list[str], folder: str, rest: str) -> None:
    compiled = Matcher(rules)
    if compiled.excluded_below(folder):
        assert compiled.excluded(f"{folder}/{rest}")


def decided(rules: list[str], path: str) -> None:
    deciding = Matcher(rules).deciding(path)
    assert Matcher(rules).excluded(path) is (deciding is not None and not deciding.startswith("!"))


@FEW
@given(patterns, LISTS)
def test_the_compiled_rules_are_the_plain_rules(rules: list[str], found: list[str]) -> None:
    agree(rules, found)


@FEW
@given(patterns, paths, paths)
def test_nothing_is_kept_below_a_folder_that_is_out_as_a_whole(rules: list[str], folder: str, rest: str) -> None:
    all_below(rules, folder, rest)


@FEW
@given(patterns, paths)
def test_the_deciding_pattern_is_the_last_that_matches(rules: list[str], path: str) -> None:
    decided(rules, path)


@pytest.mark.long
@MANY
@given(patterns, LISTS, paths, paths)
def test_it_holds_for_very_many_rules(rules: list[str], found: list[str], folder: str, rest: str) -> None:
    agree(rules, found)
    all_below(rules, folder, rest)
    decided(rules, folder)


def test_twenty_patterns_decide_a_hundred_thousand_paths_in_a_second() -> None:
    rules = Matcher(
        [
            *(
                "**/__pycache__",
                "**/*.pyc",
                ".git",
                "**/.venv",
                "**/node_modules",
                "docs/**",
                "*.log",
                "**/*.tmp",
                "build",
            ),
            *(
                "dist",
                "**/.cache",
                "!docs/README.md",
                "data/*/raw",
                "**/.DS_Store",
                "tests/**/golden",
                "**/*.swp",
                "a?c",
            ),
            *("[x-z]*", "!x/keep", "**/secret*"),
        ]
    )
    paths = [f"pkg{n % 100}/module{n % 1000}/sub/file{n}.py" for n in range(100_000)]
    start = time.process_time()  # of the processor: other tests run beside this one
    taken = sum(not rules.excluded(path) for path in paths)
    assert taken == 100_000
    assert time.process_time() - start < 1


@pytest.mark.parametrize("pattern", ["[", "a[", "[]a]", "[a-", "\\", "!", "a/[^", "[x-]", "\\p*"])
def test_a_bad_pattern_is_named_with_its_line(pattern: str) -> None:
    with pytest.raises(BadPatternError, match="bad pattern") as caught:
        Matcher(["a", pattern], [1, 7])
    assert caught.value.line == 7
    assert caught.value.pattern == pattern


def test_reading_keeps_the_lines() -> None:
    assert ignorefile.read_lines(b"\xef\xbb\xbfa\r\n\n# c\n #d\n! b/../c/ \n/\n") == [
        ("a", 1),
        ("#d", 4),
        ("!c", 5),
        ("/", 6),
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a*", "a/b", False),
        ("[^b]", "/", True),
        ("[b-a]x", "bx", False),
        ("[^b-a]x", "bx", True),
        ("a\\*", "a*", True),
        ("?", "é", True),
        ("a]", "a]", True),
        ("*.txt", "a.txt\n", False),
        ("a" + "*" * 40 + "b", "a" + "c" * 60, False),
    ],
)
def test_wildcards_are_those_of_go(pattern: str, path: str, matches: bool) -> None:
    assert bool(matcher(pattern).match(path)) is matches
