"""What only BuildKit reads: a quick build of ACR Tasks has the classic builder."""

from __future__ import annotations

import pytest

from bedplate.dockerfile import buildkit, reader


def parsed(text: str) -> reader.Dockerfile:
    return reader.parse(text, "Dockerfile")


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("# syntax=docker/dockerfile:1\nFROM a\n", "# syntax", 1),
        ("FROM a\nRUN --mount=type=cache,target=/c make\n", "RUN --mount", 2),
        ("FROM a\nRUN --network=none make\n", "RUN --network", 2),
        ("FROM a\n\nRUN <<EOF\nmake\nEOF\n", "RUN <<EOF", 3),
        ("FROM a\nCOPY <<one /one\n1\none\n", "COPY <<one", 2),
        ("FROM a\nCOPY --link b /b\n", "COPY --link", 2),
        ("FROM a\nCOPY --chmod=755 b /b\n", "COPY --chmod", 2),
        ("FROM a\nADD --checksum=sha256:0 https://example.org/a /a\n", "ADD --checksum", 2),
        ("FROM a\nADD https://example.org/a.git#v1 /a\n", "ADD of a git repository", 2),
        ("FROM a\nADD git@example.org:team/a.git /a\n", "ADD of a git repository", 2),
        ("FROM a\nONBUILD RUN --mount=type=cache,target=/c make\n", "ONBUILD RUN --mount", 2),
        ("FROM a\nARG TARGETARCH\nRUN make $TARGETARCH\n", "ARG TARGETARCH", 2),
        ("FROM --platform=$BUILDPLATFORM a\n", "FROM with the platform of the build", 1),
    ],
)
def test_what_the_classic_builder_refuses_or_reads_otherwise_is_named_with_its_line(
    text: str, what: str, line: int
) -> None:
    assert buildkit.need(parsed(text)) == (what, line)


@pytest.mark.parametrize(
    "text",
    [
        "FROM --platform=linux/amd64 a AS b\nCOPY --chown=1 c /c\nADD --chown=1 d.tar /d\nCOPY --from=b /e /e\n",
        "# escape=`\nFROM a\nRUN echo --mount=type=cache '<<EOF'\n",
        "FROM a\nADD https://example.org/a.tar.gz /a\nHEALTHCHECK --interval=5s CMD true\n",
        "ARG VERSION\nFROM a:$VERSION\nRUN make TARGETARCH\n",
    ],
)
def test_what_the_classic_builder_reads_needs_no_other(text: str) -> None:
    assert buildkit.need(parsed(text)) is None


def test_a_platform_that_is_handed_in_as_an_argument_is_one_like_any_other() -> None:
    assert buildkit.need(parsed("FROM a\nARG TARGETARCH\n"), {"TARGETARCH"}) is None


def test_a_secret_without_an_id_has_the_last_part_of_its_target() -> None:
    text = "FROM a\nRUN --mount=type=secret,target=/etc/pip.conf --mount=type=secret,id=b,env=B --mount=type=ssh make\n"
    assert list(buildkit.secret_ids(parsed(text))) == ["pip.conf", "b"]
