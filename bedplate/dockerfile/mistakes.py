"""dockerfile.mistakes: what is wrong with a Dockerfile whatever its context, in the user's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate.dockerfile.reader import KEYWORDS, Dockerfile, Instruction
from bedplate.errors import Mistake

NO_BREAK = "\u00a0\u2007\u202f\u200b\ufeff"
FLAGS = {
    "ADD": ("keep-git-dir", "checksum", "chown", "chmod", "link", "exclude", "unpack"),
    "COPY": ("from", "chown", "chmod", "link", "parents", "exclude"),
    "FROM": ("platform",),
    "HEALTHCHECK": ("interval", "timeout", "start-period", "start-interval", "retries"),
    "RUN": ("mount", "network", "security", "device"),
}


def find(dockerfile: Dockerfile, *, complete: bool) -> list[Mistake]:
    """`complete` False: lines are missing that could not be read, so none is said to be missing."""
    mistakes = list(_unknown(dockerfile))
    for at in dockerfile.instructions:
        if at.keyword in KEYWORDS:
            mistakes += _in_one(dockerfile, at)
    if not mistakes and complete:
        mistakes += _order(dockerfile)
    return mistakes


def nearest(word: str, names: list[str] | tuple[str, ...]) -> str:
    """A hint that names the nearest of `names`, or nothing."""
    from difflib import get_close_matches

    found = get_close_matches(word, names, 1, 0.6)
    return f"did you mean '{found[0]}'?" if found else ""


def _unknown(dockerfile: Dockerfile) -> Iterator[Mistake]:
    before: Instruction | None = None
    lost = False  # the lines that follow a lost backslash are one mistake, told once
    for at in dockerfile.instructions:
        if at.keyword in KEYWORDS:
            lost = False
        elif any(c in NO_BREAK for c in _word(at)):
            yield _no_break_after_keyword(dockerfile, at)
        elif before is None or _is_typing_error(at):
            yield dockerfile.mistake(at, f"unknown instruction '{_word(at)}'", nearest(at.keyword, KEYWORDS))
        elif not lost:
            yield _lost_backslash(dockerfile, at, before)
            lost = True
        before = at


def _is_typing_error(at: Instruction) -> bool:
    """`CPY a b` at the line's start, rather than the rest of a command whose line break lost its backslash?"""
    return at.column == 1 and _word(at).isupper() and bool(nearest(at.keyword, KEYWORDS))


def _no_break_after_keyword(dockerfile: Dockerfile, at: Instruction) -> Mistake:
    word = _word(at)
    odd = next(c for c in word if c in NO_BREAK)
    message = f"a no-break space (U+{ord(odd):04X}) stands after '{word.partition(odd)[0]}' where a blank belongs"
    return dockerfile.mistake(at, message, "type the blank again", odd)


def _lost_backslash(dockerfile: Dockerfile, at: Instruction, before: Instruction) -> Mistake:
    escape = dockerfile.escape
    last = _last_line(dockerfile, before, at)
    ends = dockerfile.source[last - 1].rstrip()
    message = f"unknown instruction '{_word(at)}': line {last} does not end in a {_name(escape)}"
    hint = f"end line {last} with {escape} if this goes on with the {before.keyword} of line {before.line}"
    if re.search(re.escape(escape) + r"\s*#", ends):
        hint = f"a comment can not follow the {_name(escape)} of line {last}: give it a line of its own"
    elif ends.endswith(escape * 2):
        message = (
            f"unknown instruction '{_word(at)}': line {last} ends in two {_name(escape)}s, which stand for one as text"
        )
        hint = f"end line {last} with a single {escape}"
    return dockerfile.mistake(at, message, hint)


def _last_line(dockerfile: Dockerfile, before: Instruction, at: Instruction) -> int:
    """The last line of `before` that holds text: comments and empty lines in a continuation do not count."""
    for number in range(min(before.end_line, at.line - 1), before.line, -1):
        text = dockerfile.source[number - 1].strip()
        if text and not text.startswith("#"):
            return number
    return before.line


def _name(escape: str) -> str:
    return "backslash" if escape == "\\" else "backtick"


def _in_one(dockerfile: Dockerfile, at: Instruction) -> Iterator[Mistake]:
    yield from _no_break_spaces(dockerfile, at)
    known = FLAGS.get(at.keyword, ())
    for flag in at.flags:
        name = flag[2:].partition("=")[0]
        if name not in known:
            yield dockerfile.mistake(at, f"{at.keyword} has no flag --{name}", nearest(name, known), flag.split("=")[0])
    if at.keyword == "FROM" and not (len(at.words) == 1 or (len(at.words) == 3 and at.words[1].upper() == "AS")):
        yield dockerfile.mistake(at, "FROM takes an image, and may take a name: FROM IMAGE AS NAME")
    elif at.keyword in ("COPY", "ADD") and len(at.words) < 2:
        yield dockerfile.mistake(at, f"{at.keyword} needs at least a source and a destination")
    elif at.keyword == "RUN":
        if not at.words and not at.heredocs:
            yield dockerfile.mistake(at, "RUN without a command")
    elif at.keyword == "ONBUILD":
        if (
            at.inner is None
            or at.inner.keyword not in KEYWORDS
            or at.inner.keyword in ("FROM", "ONBUILD", "MAINTAINER")
        ):
            yield dockerfile.mistake(at, "ONBUILD takes an instruction, and none of FROM, ONBUILD and MAINTAINER")
    elif not at.words and at.keyword not in ("CMD", "ENTRYPOINT", "VOLUME", "EXPOSE"):
        yield dockerfile.mistake(at, f"{at.keyword} without a value")


def _no_break_spaces(dockerfile: Dockerfile, at: Instruction) -> Iterator[Mistake]:
    if at.keyword in ("MAINTAINER", "LABEL", "ENV") or at.original.isascii():
        return
    bare = re.sub(r'"(?:\\.|[^"\\])*"|' + "'[^']*'", "", at.original)
    for odd in sorted({c for c in bare if c in NO_BREAK}):
        message = f"a no-break space (U+{ord(odd):04X}): it looks like a blank but does not part words"
        yield dockerfile.mistake(at, message, "type the blank again", odd)


def _order(dockerfile: Dockerfile) -> Iterator[Mistake]:
    if not dockerfile.instructions:
        yield Mistake(dockerfile.path, 0, 0, "there is no instruction in it", "a Dockerfile begins with FROM IMAGE")
        return
    for at in dockerfile.instructions:
        if at.keyword == "FROM":
            return
        if at.keyword != "ARG":
            yield dockerfile.mistake(at, f"{at.keyword} before the first FROM", "only ARG may stand before FROM")
            return
    yield Mistake(dockerfile.path, 0, 0, "there is no FROM in it", "a Dockerfile begins with FROM IMAGE")


def _word(at: Instruction) -> str:
    return re.split(r"[\t\v\f\r ]", at.original, maxsplit=1)[0]
