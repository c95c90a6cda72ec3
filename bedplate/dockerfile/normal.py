"""dockerfile.normal: one text for each meaning of an instruction, whatever its comments, line breaks and case."""

from __future__ import annotations

import json
import re
from collections.abc import Container

from bedplate.dockerfile.reader import Instruction


def normal(at: Instruction, *, posix_shell: bool = True, given: Container[str] = ()) -> str:
    """`posix_shell`: a shell text is read by `/bin/sh`, so that blanks between its words may be made one.

    `given`: arguments that have a value from elsewhere, so that the default of their ARG means nothing."""
    head = " ".join([at.keyword, *at.flags])
    if at.inner is not None:
        return f"{head} {normal(at.inner, posix_shell=posix_shell)}"
    if at.json:
        body = json.dumps(at.words, ensure_ascii=False)
    elif at.keyword in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
        body = " ".join(single_blanks(w) if posix_shell and not at.heredocs else w for w in at.words)
    elif at.keyword in ("ENV", "LABEL") and "=" in at.original.partition(at.words[0])[2][:1]:
        body = " ".join(f"{name}={value}" for name, value in zip(at.words[::2], at.words[1::2], strict=True))
    elif at.keyword == "ARG":
        body = " ".join(w.partition("=")[0] if w.partition("=")[0] in given else w for w in at.words)
    elif at.keyword == "FROM" and len(at.words) == 3:
        body = f"{at.words[0]} AS {at.words[2]}"
    else:
        body = " ".join(at.words)
    heredocs = "".join(f"\n<<{'' if h.expand else repr(h.name)}{'-' * h.chomp}\n{h.content}" for h in at.heredocs)
    return f"{head} {body}{heredocs}".rstrip(" ")


# Where quotes nest, or text follows a `#` or a `<<`, blanks may mean something that this does not see.
_DOUBTFUL = re.compile(r"""`|\$'|\$"|<<|(?:\A|[\s;&|(])#""")
_PIECES = re.compile(r"""(\\.|'[^']*'|"(?:\\.|[^"\\])*")|([ \t]+)|([^\s\\'"]+|.)""", re.DOTALL)
_NESTED = re.compile(r"\$\(|\$\{(?!\w+\})")


def single_blanks(text: str) -> str:
    """A shell text with runs of blanks outside of quotes made one; the text itself where that is not certain."""
    if "  " not in text and "\t" not in text:
        return text
    if _DOUBTFUL.search(text):
        return text
    out = []
    for quoted, blank, plain in _PIECES.findall(text):
        if quoted.startswith('"') and _NESTED.search(quoted):
            return text
        if plain in ("'", '"', "\\") or re.search(r"\$\{(?!\w+\})", plain):
            return text
        out.append(quoted or (" " if blank else plain))
    return "".join(out)
