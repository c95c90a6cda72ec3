"""The wire format of protobuf, both ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bedplate.clients.protobuf import field, fields


def test_a_field_is_written_as_the_encoding_says() -> None:
    assert field(1, 150) == bytes.fromhex("089601")  # the two examples of protobuf.dev
    assert field(2, b"testing") == bytes.fromhex("120774657374696e67")
    assert field(3, 0) == field(3, b"") == b""


@given(st.lists(st.tuples(st.integers(1, 2**20), st.integers(1, 2**64 - 1) | st.binary(min_size=1)), max_size=20))
def test_what_is_written_is_read(parts: list[tuple[int, int | bytes]]) -> None:
    assert list(fields(b"".join(field(*part) for part in parts))) == parts
