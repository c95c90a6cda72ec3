"""protobuf: the wire format of BuildKit's messages, read and written field by field."""

from __future__ import annotations

from collections.abc import Iterator

# protobuf.dev/programming-guides/encoding. docs/decisions/buildkit-trace.md says why there is no library for it.

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
WORD = (1 << 64) - 1


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field as it stands on the wire. Raises ValueError."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == LENGTH:
            size, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"not a protobuf message: wire type {kind}")
        if at + size > len(message):
            raise ValueError("not a protobuf message: it ends within a field")
        yield number, message[at : at + size]
        at += size


def field(number: int, value: int | bytes) -> bytes:
    """One field as it stands on the wire; nothing for 0 and for what is empty, which the reader takes for granted."""
    if not value:
        return b""
    if isinstance(value, int):
        return _number(number << 3 | VARINT) + _number(value & WORD)
    return _number(number << 3 | LENGTH) + _number(len(value)) + value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("not a protobuf message: a number without an end")


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
