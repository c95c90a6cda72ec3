"""refs: parsing and writing are inverses, and a refusal says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.refs import ImageRef, valid_domain, valid_path, valid_tag

COMPONENTS = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
DOMAINS = st.sampled_from(["docker.io", "localhost", "localhost:5000", "ghcr.io", "a.b-c.d:1", "[::1]:5000", "Host"])
TAGS = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DIGESTS = st.none() | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
REFS = st.builds(ImageRef, DOMAINS, st.lists(COMPONENTS, min_size=2, max_size=4).map("/".join), TAGS, DIGESTS)


@given(REFS)
def test_parse_and_str_are_inverses(ref: ImageRef) -> None:
    assert ImageRef.parse(str(ref)) == ref
    assert ImageRef.parse_strict(str(ref)) == ref


@given(REFS)
def test_the_familiar_form_means_the_same(ref: ImageRef) -> None:
    assert ImageRef.parse(ref.familiar) == ref


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_a_reason(text: str) -> None:
    try:
        ref = ImageRef.parse(text)
    except ValueError as error:
        assert str(error)
    else:
        assert ImageRef.parse(str(ref)) == ref


def test_defaults_of_docker_hub() -> None:
    ref = ImageRef.parse("ubuntu:22.04")
    assert (ref.domain, ref.path, ref.tag, ref.digest) == ("docker.io", "library/ubuntu", "22.04", None)
    assert (ref.name, ref.familiar, str(ref)) == (
        "docker.io/library/ubuntu",
        "ubuntu:22.04",
        "docker.io/library/ubuntu:22.04",
    )
    assert ImageRef.parse("index.docker.io/team/app").domain == "docker.io"


def test_what_is_pulled_where_no_tag_is_given() -> None:
    assert str(ImageRef.parse("ubuntu").with_default_tag()) == "docker.io/library/ubuntu:latest"
    pinned = ImageRef.parse("ubuntu:22.04@sha256:" + "0" * 64)
    assert pinned.pinned
    assert str(pinned.with_default_tag()) == "docker.io/library/ubuntu@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an empty name"),
        ("https://docker.io/ubuntu", "no http:// or https://"),
        ("Ubuntu", "lower-case"),
        ("ghcr.io/Team/app", "lower-case"),
        ("ubuntu:22 04", "'22 04' is no tag"),
        ("ubuntu:" + "v" * 129, "is no tag"),
        ("ubuntu@sha256:12", "no digest"),
        ("ubuntu@sha256:" + "F" * 64, "lower-case hex"),
        ("ubuntu@sha512:" + "f" * 128, "digests are sha256"),
        ("sha256:" + "f" * 64, "names no repository"),
        ("a/" * 200 + "b", "255 characters"),
        ("team/-app", "parted by"),
    ],
)
def test_a_refusal_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        ImageRef.parse(text)


def test_parts_alone() -> None:
    assert valid_tag("v1.0_a-b") and not valid_tag("-v1") and not valid_tag("v" * 129)
    assert valid_path("team/app") and not valid_path("team//app") and not valid_path("a" * 256)
    assert valid_domain("[::1]:5000") and not valid_domain("a..b")
