"""context_sources: which paths of the context the COPY, ADD and bind mounts of a Dockerfile take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bedplate import wildcards
from bedplate.context_listing import Listing
from bedplate.dockerfile_mistakes import nearest
from bedplate.dockerfile_reader import Dockerfile, Instruction
from bedplate.dockerfile_stages import Source
from bedplate.errors import Mistake, SpecError
from bedplate.ignorefile import Matcher


@dataclass
class Chosen:
    dockerfile: Dockerfile
    paths: dict[str, Instruction] = field(default_factory=dict)  # each with the first instruction that takes it
    warnings: list[Mistake] = field(default_factory=list)

    def mistake(self, path: str, message: str) -> Mistake:
        return self.dockerfile.mistake(self.paths[path], message)


def choose(sources: Sequence[Source], dockerfile: Dockerfile, listing: Listing, ignore_path: str) -> Chosen:
    """Raises SpecError for a source that is not there, saying what takes it out or what was meant."""
    chosen = Chosen(dockerfile)
    mistakes: list[Mistake] = []
    for source in sources:
        try:
            exclude = Matcher(source.exclude) if source.exclude else None
        except wildcards.BadPatternError as error:
            mistakes.append(dockerfile.mistake(source.at, str(error), word=error.pattern))
            continue
        for written in source.paths:
            try:
                found = _paths(source, written, listing)
            except wildcards.BadPatternError as error:
                mistakes.append(dockerfile.mistake(source.at, str(error), word=written))
                continue
            if found is None:
                mistakes.append(_missing(source.at, written, dockerfile, listing, ignore_path))
                continue
            if not found:
                message = f"nothing in the context matches {written}"
                chosen.warnings.append(dockerfile.mistake(source.at, message, word=written))
            for path in found:
                _take(path, source.at, listing, exclude, chosen)
    if mistakes:
        raise SpecError(mistakes)
    return chosen


def _paths(source: Source, written: str, listing: Listing) -> list[str] | None:
    """The paths a source names, links on the way among them; None if it has to be there and is not."""
    if source.parents:
        return _with_parents(written, listing)
    path = _inside(written)
    if source.wildcards and wildcards.has_wildcard(path):
        matches = listing.matching(path)
        return [p for match in matches for p in _followed(match, listing) or ()] + _links_before(path, listing)
    return _followed(path, listing)


def _followed(path: str, listing: Listing) -> list[str] | None:
    end, links = listing.resolve(path)
    return None if end is None else [*links, end]


def _links_before(pattern: str, listing: Listing) -> list[str]:
    """Links in the part of a pattern that stands before its first wildcard."""
    parts = pattern.split("/")
    fixed = parts[: next(i for i, part in enumerate(parts) if wildcards.has_wildcard(part))]
    return listing.resolve("/".join(fixed))[1] if fixed else []


def _with_parents(written: str, listing: Listing) -> list[str] | None:
    """`--parents`: here `**` means folders too, and `/./` parts the base from the pattern."""
    base, pivot, pattern = written.partition("/./")
    start = _inside(base) if pivot else ""
    pattern = _inside(pattern if pivot else written)
    end, links = listing.resolve(start)
    if end is None:
        return None
    if not wildcards.has_wildcard(pattern):
        found = _followed(f"{end}/{pattern}" if end else pattern, listing)
        return None if found is None else links + found
    match = Matcher([pattern]).excluded
    skip = len(end) + 1 if end else 0
    return links + [path for path, _ in listing.below(end) if match(path[skip:])]


def _take(path: str, at: Instruction, listing: Listing, exclude: Matcher | None, chosen: Chosen) -> None:
    if path:
        chosen.paths.setdefault(path, at)
    if listing.is_folder(path):
        skip = len(path) + 1 if path else 0
        for inner, _ in listing.below(path):
            if exclude is None or not exclude.excluded(inner[skip:]):
                chosen.paths.setdefault(inner, at)


def _inside(path: str) -> str:
    """Cleaned as if the context were the root of all: no `..` leads out of it."""
    return wildcards.clean("/" + path).lstrip("/")


def _missing(at: Instruction, written: str, dockerfile: Dockerfile, listing: Listing, ignore_path: str) -> Mistake:
    path = _inside(written)
    end, passed = listing.resolve(path)
    assert end is None
    last = passed[-1] if passed else path
    if listing.entry(last) is not None and listing.ignore.excluded(last):
        pattern = listing.ignore.deciding(last)
        message = f"{written} is in the context, but {ignore_path} takes it out: {pattern}"
        return dockerfile.mistake(at, message, f"add a line '!{path}' to {ignore_path}", written)
    message = f"there is no {written} in the context"
    if last != path:
        message += f": {last} is not there"
    return dockerfile.mistake(at, message, _meant(last, listing), written)


def _meant(path: str, listing: Listing) -> str:
    parent, _, name = path.rpartition("/")
    if not listing.is_folder(parent):
        return ""
    return nearest(name, [n for n in listing.folder(parent)]).replace("'", f"'{parent}/" if parent else "'", 1)
