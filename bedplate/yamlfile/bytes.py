"""yamlfile.bytes: the bytes of a file become a text that YAML may hold."""

from __future__ import annotations

import re

from bedplate.errors import SpecError
from bedplate.mistakes import Mistakes
from bedplate.yamlfile.strict import Spot

MOST_BYTES = 16_000_000


def decoded(content: bytes, file: str) -> str:
    """The text, without a byte-order mark. Raises SpecError where it is not UTF-8, or holds what YAML 1.1, section 5.1,
    does not allow."""
    if len(content) > MOST_BYTES:
        whole = Mistakes(file, "")
        whole.add(None, f"the file is larger than {MOST_BYTES // 1_000_000} MB", "split the project")
        raise SpecError(whole.all())
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            mistakes = Mistakes(file, "")
            mistakes.add(Spot(1, 1), "the file is UTF-16, not UTF-8", hint)
            raise SpecError(mistakes.all()) from None
        before = content[: error.start].decode("utf-8-sig", "replace")
        mistakes = Mistakes(file, content.decode("utf-8-sig", "replace"))
        mistakes.add(_end_of(before), f"not UTF-8: byte 0x{content[error.start]:02x} cannot stand here", hint)
        raise SpecError(mistakes.all()) from None
    if len(content.translate(None, _CONTROLS)) != len(content) or not text.isascii():
        found = re.search(_UNPRINTABLE, text)
        if found:
            mistakes = Mistakes(file, text)
            name = f"U+{ord(found[0]):04X}"
            mistakes.add(_end_of(text[: found.start()]), f"the control character {name} stands here", "take it out")
            raise SpecError(mistakes.all())
    return text


def _end_of(text: str) -> Spot:
    lines = (text + "x").splitlines()
    return Spot(len(lines), len(lines[-1]))


_CONTROLS = bytes(n for n in range(32) if n not in (9, 10, 13)) + b"\x7f"
# compiled by whoever needs it; a byte-order mark may stand at the start only
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
