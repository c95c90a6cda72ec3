"""BuildKit's progress, as an engine of version 20.10 sent it."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedplate.clients.buildkit_trace import Output, Trace, Vertex, decode
from bedplate.clients.protobuf import fields

# what 20.10.24 sent when `[b 3/3] RUN ["/y", "a"]` ended
SENT = base64.b64decode(
    "CqMBCkdzaGEyNTY6OGQ5MjYyNzYzZWFjZjRkYWJjZDU1ZjM0OTU3NTc5OTU3NWVjMTcwZWJiOTY1MTliNTUxZjk5MTQzYzdiYzU0ZBJHc2hh"
    "MjU2OjNhODU4MTU2M2RkNzFjMGY1YThmZmZjZjQ4Yjg2N2VmM2U2ZjU5ZTc0MTU3YTM0M2Y5NjhkZjg0NGQxNjhmZDcaD2NvcHkgL2NvbnRl"
    "eHQgLw=="
)
DONE = base64.b64decode(
    "CokBCkdzaGEyNTY6M2E4NTgxNTYzZGQ3MWMwZjVhOGZmZmNmNDhiODY3ZWYzZTZmNTllNzQxNTdhMzQzZjk2OGRmODQ0ZDE2OGZkNxokW2lu"
    "dGVybmFsXSBsb2FkIHJlbW90ZSBidWlsZCBjb250ZXh0KgsIr/SM2AYQgdC9JTILCK/0jNgGELCm8Sc="
)


def test_a_vertex_that_has_not_begun() -> None:
    (vertex,) = decode(SENT).vertexes
    assert (vertex.name, vertex.cached, vertex.started, vertex.completed, vertex.error) == (
        "copy /context /",
        False,
        0.0,
        0.0,
        "",
    )
    assert vertex.digest == "sha256:8d9262763eacf4dabcd55f349575799575ec170ebb96519b551f99143c7bc54d"


def test_a_vertex_that_is_done_says_how_long_it_took() -> None:
    (vertex,) = decode(DONE).vertexes
    assert vertex.name == "[internal] load remote build context"
    assert 0.004 < vertex.completed - vertex.started < 0.006


def message(*parts: tuple[int, int | bytes]) -> bytes:
    """The wire format, written the other way round."""
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in parts
    )


def varint(value: int) -> bytes:
    out = []
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_output_and_errors_are_read_and_unknown_fields_passed_over() -> None:
    vertex = message((1, b"sha256:v"), (2, b"in1"), (2, b"in2"), (3, b"[1/1] RUN x"), (4, 1), (7, b"broken"), (99, 5))
    sent = message((1, vertex), (3, message((1, b"sha256:v"), (3, 1), (4, b"\xff\n"))), (77, b"later"))
    later = sent + varint(78 << 3 | 1) + b"8bytes.." + varint(79 << 3 | 5) + b"four"
    expected = Trace(
        (Vertex("sha256:v", "[1/1] RUN x", True, 0.0, 0.0, "broken"),), (), (Output("sha256:v", b"\xff\n"),)
    )
    assert decode(later) == expected


@given(st.lists(st.tuples(st.integers(1, 2**20), st.integers(0, 2**63) | st.binary(max_size=300)), max_size=20))
def test_what_is_written_is_read(parts: list[tuple[int, int | bytes]]) -> None:
    assert list(fields(message(*parts))) == parts


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(noise)


@pytest.mark.parametrize("cut", [1, 2, 20, len(DONE) - 1])
def test_a_message_that_ends_too_early_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="not a protobuf message"):
        decode(DONE[:cut])
