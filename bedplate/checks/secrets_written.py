"""secrets_written: secrets that stand in a Dockerfile, in the spec's values or in the files that a build is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bedplate.checks import secret_values
from bedplate.checks.finding import Finding
from bedplate.dockerfile.reader import Dockerfile
from bedplate.errors import Mistake
from bedplate.step import FileSet

LARGEST = 64_000  # bytes of a file that is looked into
MOST = 500  # files of one context that are looked into
HINT_BUILD = "take it out and make it invalid; `secrets:` of the image and RUN --mount=type=secret hand one in"
# a file that is there to hold secrets
KEEPERS = re.compile(
    r"(?:^|/)(?:\.env(?:\.\w+)?|\.netrc|_netrc|\.pypirc|\.npmrc|\.pip/pip\.conf|pip\.conf|\.git-credentials|\.s3cfg|"
    r"\.aws/credentials|\.docker/config\.json|\.kube/config|\.databrickscfg|kaggle\.json|secrets?\.(?:ya?ml|json|toml)|"
    r"credentials?(?:\.json)?|.*service[-_]account.*\.json)\Z"
)
EXAMPLES = re.compile(r"(?i)example|sample|template|\.dist\Z|(?:^|/)tests?/")
TEXT = re.compile(
    r"(?:\.(?:cfg|conf|crt|env|ini|ipynb|json|key|pem|properties|ps1|py|r|sh|toml|txt|ya?ml)|/[^./]+|^[^./]+)\Z", re.I
)


def in_dockerfile(dockerfile: Dockerfile) -> Iterator[Finding]:
    runs = {n: at for at in dockerfile.instructions if at.keyword == "RUN" for n in range(at.line, at.end_line + 1)}
    begins = {n: at.line for at in dockerfile.instructions for n in range(at.line, at.end_line + 1)}
    for number, line in enumerate(dockerfile.source, 1):
        found = [(start, f"{what} is written here") for start, what in secret_values.kinds(line)]
        if not found and number in runs and not line.lstrip().startswith("#") and "=" in line:
            spots = secret_values.assigned(line.replace(": ", "  "))
            found = [(start, f"{name} has its value written here") for start, name in spots]
        for start, message in found[:1]:
            hint = HINT_BUILD
            yield Finding(
                "SecretInDockerfile", Mistake(dockerfile.path, number, start + 1, message, hint), begins.get(number, 0)
            )


def in_values(values: Mapping[str, str], hint: str) -> Iterator[tuple[str, str, str]]:
    """Names of the spec's values that are secrets, what they are, and how to mend it."""
    for name, value in values.items():
        kind = next((what for _, what in secret_values.kinds(value)), "")
        if kind or secret_values.literal(name, value):
            yield name, kind or "a secret, by its name,", hint


def in_files(files: FileSet, root: Path, known: dict[str, str]) -> Iterator[Finding]:
    """`known`: what was found in files that other contexts share, by path; filled."""
    looked = 0
    for file in files.files:
        path = file.path if files.root in ("", ".") else f"{files.root}/{file.path}"
        keeper = KEEPERS.search(file.path) is not None
        if file.kind != "file" or file.size > LARGEST or not (keeper or TEXT.search(file.path)):
            continue
        if EXAMPLES.search(file.path) or looked >= MOST:
            continue
        looked += 1
        if path not in known:
            known[path] = _in_file(root / path, keeper)
        line, _, what = known[path].partition(":")
        if what:
            message = f"{what} in a file that the build is sent, so it can end in the image"
            hint = f"keep it out with .dockerignore, or out of COPY; {HINT_BUILD.partition('; ')[2]}"
            yield Finding("SecretInContext", Mistake(path, int(line), 1, message, hint))


def _in_file(path: Path, keeper: bool) -> str:
    """`line:what`, or "" for a file without a secret."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    kind = next(secret_values.kinds(text), None)
    if kind:
        return f"{text.count(chr(10), 0, kind[0]) + 1}:{kind[1]} stands"
    if keeper:
        for number, line in enumerate(text.splitlines(), 1):
            name = next((name for _, name in secret_values.assigned(line)), "") or _netrc(line)
            if name and not line.lstrip().startswith("#"):
                return f"{number}:a value for {name} stands"
    return ""


def _netrc(line: str) -> str:
    found = re.search(
        r"\bpassword[ \t]+(\S+)|(?:_authToken|_password)=(\S+)|\"(?:key|private_key)\": *\"(\S{16,})", line
    )
    return "a password" if found and "$" not in found[0] else ""
