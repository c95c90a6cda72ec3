"""apt_sources: the mirrors that this machine takes a suite's packages from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ETC = Path("/etc/apt")
ONE_LINE = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)")


def of_suite(suite: str, components: Sequence[str], etc: Path = ETC) -> list[str]:
    """Lines as sources.list has them (man sources.list), for the suite, its updates and its security fixes.

    Empty where this machine has none of the suite itself: mmdebstrap then knows where Debian's are."""
    wanted = (suite, f"{suite}-updates", f"{suite}-security", f"{suite}/updates")
    found: dict[str, str] = {}
    for uri, name, offered in _sources(etc):
        taken = [component for component in components if component in offered.split()]
        if name in wanted and taken and uri.startswith(("http://", "https://")):
            found.setdefault(name, f"deb {uri} {name} {' '.join(taken)}")
    return [found[name] for name in wanted if name in found] if suite in found else []


def _sources(etc: Path) -> Iterator[tuple[str, str, str]]:
    """Address, suite and components of each binary source."""
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]
    for path in files:
        for line in _text(path).splitlines():
            match = ONE_LINE.match(line.partition("#")[0].strip())
            if match:
                yield match[1], match[2], match[3]
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", _text(path)):
            yield from _of_stanza(_fields(stanza.splitlines()))


def _of_stanza(fields: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in ("no", "false"):
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield uri, suite, fields.get("components", "")


def _fields(lines: Iterable[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in lines:
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[last] = f"{fields.get(last, '')} {line.strip()}"
        else:
            last, _, value = line.partition(":")
            last = last.strip().lower()
            fields[last] = value.strip()
    return fields


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
