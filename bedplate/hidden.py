"""hidden: the secret texts that this process has met, taken out of every line that it writes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

SHORTEST = 4  # a shorter text is no secret worth the name, and would blacken half of every line
TOKEN = 8  # `https://NAME@host`: a name as long as this may be a token, `git` is none
# user and password of an address; a proxy's may come without `http://`
PAIR = re.compile(r"(?:^|//)([^\s/:@]*):([^\s/]*)@")
ALONE = re.compile(r"//([^\s/:@]+)@")

_lock = threading.Lock()
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def learn(secret: str) -> None:
    """From now on `without` takes this text out, also as it stands in a URL, in JSON or line by line."""
    import json
    from urllib.parse import quote, quote_plus, unquote

    forms: set[str] = set()
    credentials = secret.removeprefix("Basic ").removeprefix("Bearer ")
    for text in {credentials, unquote(credentials), *credentials.splitlines()}:
        forms |= {text, quote(text, safe=""), quote(text), quote_plus(text), json.dumps(text)[1:-1]}
    _add(form for form in forms if len(form.strip()) >= SHORTEST)


def learn_addresses(texts: Iterable[str]) -> None:
    """Learns the passwords of addresses, `http://user:password@host`, and what HTTP makes of them."""
    import base64
    from urllib.parse import unquote

    for text in texts:
        for user, password in PAIR.findall(text):
            secret = password or (user if len(user) >= TOKEN else "")
            if secret:
                learn(secret)
                pair = f"{unquote(user)}:{unquote(password)}"
                # RFC 7617: what `Proxy-Authorization: Basic` holds. And a short password, where it stands in an address
                _add((base64.b64encode(pair.encode()).decode(), f"{user}:{password}@"))
        for token in ALONE.findall(text):
            if len(token) >= TOKEN:
                learn(token)


def without(text: str) -> str:
    """The text with `***` for each secret in it."""
    return _pattern.sub(_stars, text) if _pattern is not None else text


def forget() -> None:
    """For tests: nothing is known any more."""
    global _pattern
    with _lock:
        _known.clear()
        _pattern = None


def _stars(found: re.Match[str]) -> str:
    return "***@" if found[0].endswith("@") and ":" in found[0] else "***"


def _add(texts: Iterable[str]) -> None:
    global _pattern
    with _lock:
        new = set(texts) - _known
        if new:
            _known.update(new)
            # the longest first: a password may begin with another
            _pattern = re.compile("|".join(re.escape(one) for one in sorted(_known, key=len, reverse=True)))
