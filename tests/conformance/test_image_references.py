"""Image references, as the engine's own library reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bedplate import refs
from bedplate.refs import ImageRef

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "image-references" / "cases.json"
HEX = "sha256:" + "f" * 64
OWN: list[dict[str, Any]] = [
    {"id": "short", "kind": "normalize", "input": "ubuntu", "expect_valid": True, "familiar": "ubuntu",
     "canonical": "docker.io/library/ubuntu", "domain": "docker.io", "path": "library/ubuntu"},
    {"id": "upper case", "kind": "normalized-valid", "input": "team/App", "expect_valid": False},
    {"id": "all parts", "kind": "parse-strict", "input": f"localhost:5000/a/b:v1@{HEX}", "expect_valid": True,
     "name": "localhost:5000/a/b", "domain": "localhost:5000", "tag": "v1", "digest": HEX},
]  # fmt: skip
CASES: list[dict[str, Any]] = OWN + (json.loads(DATA.read_text())["cases"] if DATA.exists() else [])


def of(*kinds: str) -> pytest.MarkDecorator:
    cases = [case for case in CASES if case["kind"] in kinds]
    return pytest.mark.parametrize("case", cases, ids=lambda case: f"{case['id']}-{case['input'][:30]}")


def parsed(text: str, *, strict: bool = False) -> ImageRef | None:
    try:
        return ImageRef.parse_strict(text) if strict else ImageRef.parse(text)
    except ValueError as error:
        assert str(error), "an error says why"
        return None


@of("normalized-valid", "normalize", "docker-ref")
def test_what_a_user_types_is_completed_or_refused(case: dict[str, Any]) -> None:
    ref = parsed(case["input"])
    assert (ref is not None) == case["expect_valid"]
    if ref is None:
        return
    if case["kind"] == "docker-ref":
        assert str(ref.with_default_tag()) == case["canonical"]
    if case["kind"] == "normalize":
        assert (str(ref), ref.domain, ref.path) == (case["canonical"], case["domain"], case["path"])
        assert ref.familiar == case["familiar"]


@of("any-reference")
def test_a_bare_digest_is_not_a_name(case: dict[str, Any]) -> None:
    ref = parsed(case["input"])
    valid = case["expect_valid"] and not case["is_bare_digest"]
    assert (ref is not None) == valid
    if ref is not None:
        assert str(ref) == case["canonical"]


@of("name-invalid")
def test_a_name_is_no_reference(case: dict[str, Any]) -> None:
    ref = parsed(case["input"], strict=True)
    # a tag or a digest is wrong in these rows, and right in a reference
    assert (ref is not None and ref.name == case["input"]) == case["expect_valid"]


@of("parse-strict", "skaffold-parse")
def test_the_grammar_without_defaults(case: dict[str, Any]) -> None:
    ref = parsed(case["input"], strict=True)
    if case["kind"] == "skaffold-parse" and ("://" in case["input"] or "/Example" in case["input"]):
        assert ref is None  # Skaffold strips schemes and lowers names; the engine refuses them, and so do we
        return
    assert (ref is not None) == case["expect_valid"]
    if ref is not None:
        assert (ref.name, ref.tag or "", ref.digest or "") == (case["name"], case["tag"], case["digest"])
        if case["kind"] == "parse-strict":
            assert ref.domain == case["domain"]


@of("parse-canonical-named")
def test_a_canonical_name_is_what_it_is_parsed_to(case: dict[str, Any]) -> None:
    ref = parsed(case["input"])
    assert (ref is not None and str(ref) == case["input"]) == case["expect_valid"]
    if case["expect_valid"]:
        assert ref is not None and (ref.domain, ref.path) == (case["domain"], case["path"])


@of("split-domain-normalized")
def test_the_domain_with_defaults(case: dict[str, Any]) -> None:
    assert refs.split_domain(case["input"])[0] == case["domain"]
    assert refs.split_domain(case["input"])[1].removeprefix("library/") == case["path"].removeprefix("library/")


@of("split-domain-strict")
def test_the_domain_without_defaults(case: dict[str, Any]) -> None:
    ref = ImageRef.parse_strict(case["input"])
    assert (ref.domain, ref.path) == (case["domain"], case["path"])


@of("compose")
def test_parts_are_put_together(case: dict[str, Any]) -> None:
    name = ImageRef.parse_strict(case["name"])
    assert str(ImageRef(name.domain, name.path, case["tag"] or None, case["digest"] or None)) == case["expect"]


@of("regexp-domain")
def test_domains(case: dict[str, Any]) -> None:
    assert refs.valid_domain(case["input"]) == case["expect_valid"]


@of("regexp-name")
def test_names(case: dict[str, Any]) -> None:
    assert refs.valid_name(case["input"]) == case["expect_valid"]
    if case["expect_valid"] and case["subs"]:
        ref = ImageRef.parse_strict(case["input"])
        assert [ref.domain, ref.path] == case["subs"]


@of("regexp-reference")
def test_references(case: dict[str, Any]) -> None:
    ref = parsed(case["input"], strict=True)
    assert (ref is not None) == case["expect_valid"]
    if ref is not None and case["subs"]:
        assert [ref.name, ref.tag or "", ref.digest or ""] == case["subs"]


@pytest.mark.skipif(not DATA.exists(), reason="not here: ../shared/conformance/image-references")
def test_all_cases_were_found() -> None:
    """All but `familiar-match` (a glob of the engine's `--filter`) and `regexp-identifier` (image ids) are used."""
    assert len(CASES) == 356 + len(OWN)
