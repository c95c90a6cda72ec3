"""secret_values: which texts are secrets by their looks, and how to show a line without them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bedplate.checks.secret_names import secret_name

# what each issuer documents of its tokens: a prefix of its own and a fixed alphabet and length
_KINDS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an OpenAI or Anthropic key": r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_-]{60,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "an Azure storage key": r"\bAccountKey=[A-Za-z0-9+/]{80,}={0,2}",
    "an Azure shared access signature": r"[?&]sig=[A-Za-z0-9%+/]{40,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
}
_KIND = re.compile("|".join(f"(?P<k{n}>{pattern})" for n, pattern in enumerate(_KINDS.values())))
_IN_URL = re.compile(r"(?<=://)[^\s/:@\"'$]*:(?P<password>[^\s/@\"'${}<>*]{3,})@")
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)[\"']?\s*[=:]\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"',;&|]+)")
_VALUE = re.compile(r"[\"']?(?:\s*[=:]\s*|[ \t]+)(?P<value>[^\s$]\S*)")
# whose value is meant: `API_KEY`, not `KEY_COLUMN` or `AUTH_METHOD`; the fingerprint of a GPG key is public
_PASSWORD = re.compile(r"(?i)(?:^|_)(?:password|passwd|pword)\Z")
_OTHERS = re.compile(r"(?i)(?:^|_)(?:apikey|auth|credentials?|key|secret|token)\Z")
_SOURCE = re.compile(r"\{\s*(?:env|file)\b")  # where the spec has a secret from, in pipeline.yaml
_FINGERPRINT = re.compile(r"(?i)(?:^|_)(?:apt|gpg|pgp)_")
_EXAMPLE = re.compile(
    r"(?i)\A(?:|x+|\*+|\.+|-+|none|null|true|false|yes|no|example\w*|sample\w*|dummy\w*|test\w*|fake\w*|secret|password|"
    r"change[-_ ]?me\w*|changeit|your[-_ ]?.*|my[-_ ]?.*|replace.*|insert.*|todo|token|key|placeholder|<.*>|\[.*\]|"
    r"\d{1,5}|admin|root|user|postgres|guest|default|unset|dev|/.*|\S*\.\w{1,4})\Z"
)


def kinds(text: str) -> Iterator[tuple[int, str]]:
    """Where a secret that its issuer made begins in the text, and what it is; never the secret itself."""
    for found in _KIND.finditer(text):
        assert found.lastgroup is not None
        if not re.search(r"(?i)example|x{8}|0{12}", found[0]):
            yield found.start(), list(_KINDS)[int(found.lastgroup[1:])]
    for found in _IN_URL.finditer(text):
        if not _EXAMPLE.match(found["password"]):
            yield found.start(), "a password in a URL"


def literal(name: str, value: str) -> bool:
    """Whether a name that means a secret has a value that is one, rather than a variable, a path or an example.

    Of a password any word may be one; what a key or token is called (`created_at`) has no digits as a rule."""
    name, value = re.sub("[-.]", "_", name), value.strip().strip("\"'")
    if not secret_name(name) or _FINGERPRINT.search(name) or _EXAMPLE.match(value) or len(value) < 6:
        return False
    if re.search(r"[\s$(){}<>`]|\.\*", value):
        return False
    return bool(_PASSWORD.search(name) or (_OTHERS.search(name) and re.search(r"\d", value)))


def assigned(text: str) -> Iterator[tuple[int, str]]:
    """Where `NAME=value` or `name: value` gives a literal to a secret's name, and that name."""
    for found in _ASSIGNED.finditer(text):
        if literal(found["name"], found["value"]):
            yield found.start(), found["name"]


def masked(line: str) -> str:
    """The line as it may be shown; what is taken out keeps its width."""
    for found in [*_KIND.finditer(line), *_IN_URL.finditer(line)]:
        line = line[: found.start()] + "*" * len(found[0]) + line[found.end() :]
    for name in re.finditer(r"[A-Za-z_][\w.-]*", line):
        value = _VALUE.match(line, name.end())
        if value and not _SOURCE.match(line, value.start("value")) and secret_name(name[0].replace("-", "_")):
            start, end = value.span("value")
            line = line[:start] + "*" * (end - start) + line[end:]
    return line
