"""dockerfile.arguments: the text behind a keyword as flags, words, pairs or JSON, each as BuildKit's parser has it."""

from __future__ import annotations

import json
import re

from bedplate.ignorefile import SPACE

ASCII_SPACE = "\t\n\v\f\r "
BYTE_SPACE = ASCII_SPACE + "\x85\xa0"
BLANKS = re.compile(r"[\t\v\f\r ]+")


def split_words(text: str, escape: str) -> list[str]:
    """Words as ARG, ENV and LABEL take them: quotes and escapes stay in the word."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if not quote and char in SPACE:
            if word:
                words.append("".join(word))
                word.clear()
            continue
        if char == escape and quote != "'":
            if at == len(text):
                break
            word.append(char)
            char = text[at]
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        word.append(char)
    if word:
        words.append("".join(word))
    return words


def leading_flags(text: str) -> tuple[list[str], str]:
    """The words in front that begin with `--`, without their quotes and backslashes; a lone `--` ends them.

    BuildKit takes each byte for a character here, and so finds spaces within letters: `--from=voilà x` ends early."""
    flags: list[str] = []
    line = text.encode().decode("latin-1")
    at = 0
    while True:
        while at < len(line) and line[at] in BYTE_SPACE:
            at += 1
        if not line.startswith("--", at):
            return flags, _characters(line[at:])
        word = []
        quote = ""
        while at < len(line) and (quote or line[at] not in BYTE_SPACE):
            char = line[at]
            at += 1
            if char == "\\":
                if at == len(line):
                    break
                char = line[at]
                at += 1
            elif char == quote:
                quote = ""
                continue
            elif not quote and char in "'\"":
                quote = char
                continue
            word.append(char)
        if "".join(word) == "--":
            return flags, _characters(line[at:])
        flags.append(_characters("".join(word)))


def _characters(line: str) -> str:
    return line.encode("latin-1").decode(errors="replace")


def name_value_pairs(text: str, keyword: str, escape: str) -> tuple[str, ...]:
    words = split_words(text, escape)
    if not words:
        return ()
    if "=" not in words[0]:  # the old form: NAME VALUE, the value up to the end of the line
        pair = BLANKS.split(text, maxsplit=1)
        if len(pair) < 2:
            raise ValueError(f"{keyword} {text}: a value is missing: {keyword} {text}=VALUE")
        return tuple(pair)
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{keyword}: there is no '=' in {word}; a value with a blank needs quotes: name=\"a b\"")
        found += [name, value]
    return tuple(found)


def json_or(text: str, *, whole: bool) -> tuple[tuple[str, ...], bool]:
    """The words of the JSON array it begins with and True; else the whole text or its words and False."""
    array = text.lstrip(SPACE)
    if array.startswith("["):
        try:
            words, _ = _DECODER.raw_decode(array)  # what follows the array is ignored
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list):
            if not all(isinstance(w, str) for w in words):
                raise ValueError(f"a JSON array here holds strings only: {text}")
            return tuple(words), True
    if not text:
        return (), False
    return ((text,) if whole else tuple(BLANKS.split(text))), False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def partition_blank(text: str) -> tuple[str, str, str]:
    match = re.search(r"[\t\n\v\f\r ]+", text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")
