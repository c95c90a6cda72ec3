"""yamlfile.scalars: what YAML makes of a text without quotes."""

from __future__ import annotations

import re


def reads_as(text: str) -> str:
    """What YAML 1.1 or 1.2 makes of a plain scalar: `text`, `nothing`, `a boolean`, `a number`, `a time`, `a date`."""
    if not text or text == "~":
        return "nothing"
    if text[0] not in _NOT_TEXT:
        return "text"
    if text.lower() in _WORDS:
        # only these three ways of writing are words of YAML
        return _WORDS[text.lower()] if text in (text.lower(), text.upper(), text.capitalize()) else "text"
    found = _NUMBER.fullmatch(text)
    return _KINDS[found.lastgroup or ""] if found else "text"


_NOT_TEXT = frozenset("0123456789+-.nNtTfFyYoO")
_WORDS = dict.fromkeys(["true", "false", "yes", "no", "on", "off"], "a boolean") | {"null": "nothing"}
_KINDS = {"number": "a number", "time": "a time", "date": "a date"}
_NUMBER = re.compile(
    r"""(?x) (?P<number> [-+]? ( 0b[01_]+ | 0o[0-7]+ | 0x[0-9a-fA-F_]+ | \.(inf|Inf|INF)
            | ( [0-9][0-9_]* (\.[0-9_]*)? | \.[0-9][0-9_]* ) ([eE][-+]?[0-9]+)? )
        | \.(nan|NaN|NAN) )
    | (?P<time> [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? )
    | (?P<date> [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} ( ([Tt]|[ \t]+)[0-9:.]+([ \t]*(Z|[-+][0-9:]+))? )? )"""
)
