"""shell_commands: the text of a RUN as the simple commands in it, as far as that can be told without a shell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bedplate.dockerfile.reader import Instruction

Command = tuple[str, ...]

_TOKEN = re.compile(
    r"""(?P<redirect>\d*[<>]+&?)
      | (?P<word>(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|\$\{[^}]*\}|[^\s"'\\;&|()<>])+)
      | (?P<end>&&|\|\||[;&|()\n])""",
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec", "sudo", "command"}
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SHELL = re.compile(r"(?:.*/)?(?:ba|da|z)?sh\Z|su\Z")  # their -c takes commands


def of_run(at: Instruction) -> Iterator[Command]:
    """The commands of a RUN, shell text, JSON form and heredocs alike; each begins with its program."""
    if at.json:
        if len(at.words) == 3 and at.words[1] in ("-c", "-lc", "-ec"):
            yield from commands(at.words[2])
        elif at.words:
            yield at.words
        return
    for word in at.words:
        yield from commands(re.sub(r"<<-?\s*['\"]?\w+['\"]?", "", word) if at.heredocs else word)
    for heredoc in at.heredocs:
        lines = [line for line in heredoc.content.split("\n") if not line.lstrip().startswith("#")]
        yield from commands("\n".join(lines).replace("\\\n", " "))


def commands(text: str) -> Iterator[Command]:
    """Quotes are taken off; a variable stays as `$NAME`. What a redirection names is left out."""
    words: list[str] = []
    skip = comment = False
    for found in _TOKEN.finditer(text):
        comment = comment or (found["word"] is not None and found[0].startswith("#"))
        if comment and found["end"] != "\n":
            continue
        comment = False
        if found["word"] is not None:
            if skip:
                skip = False
            else:
                words.append(_bare(found["word"]))
        elif found["redirect"] is not None:
            skip = True
        else:
            skip = False
            yield from _trimmed(words)
            words = []
    yield from _trimmed(words)


def unquoted_versions(text: str) -> Iterator[str]:
    """Words such as `numpy>=1.2` outside of quotes: the shell takes `>` and `<` for redirections."""
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.", lambda m: "_" * len(m[0]), text, flags=re.DOTALL)
    for found in re.finditer(r"(?<!\S)[A-Za-z][\w.\[\],-]*(?:>=?|<=?)=?\d[\w.*]*", bare):
        if not re.search(r"(?:^|[\w])\d[<>]&?\d?$", found[0]):
            yield found[0]


def _trimmed(words: list[str]) -> Iterator[Command]:
    start = 0
    while start < len(words) and (words[start] in _KEYWORDS or _ASSIGNMENT.match(words[start])):
        start += 1
    if start < len(words) and words[start] == "env":
        start += 1
        while start < len(words) and (_ASSIGNMENT.match(words[start]) or words[start].startswith("-")):
            start += 1
    if start < len(words):
        yield tuple(words[start:])
        yield from commands(_script(words[start:]))


def _script(words: Sequence[str]) -> str:
    """What `bash -c`, or `su USER -c`, is given to run; "" for any other command."""
    if not _SHELL.match(words[0]):
        return ""
    for number, word in enumerate(words[1:], 1):
        if re.match(r"-[a-z]*c\Z", word):
            return "\n".join(words[number + 1 : number + 2])
        if not word.startswith("-") and words[number - 1] != "-o" and words[0] != "su":
            return ""  # a script's own words
    return ""


def _bare(word: str) -> str:
    return re.sub(r"\\(.)|[\"']", r"\1", word, flags=re.DOTALL)
