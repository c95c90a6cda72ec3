"""context.sources: which paths of the context the COPY, ADD and bind mounts of a Dockerfile take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bedplate import wildcards
from bedplate.context.listing import Listing
from bedplate.context.whole import Whole
from bedplate.dockerfile.mistakes import nearest
from bedplate.dockerfile.reader import Dockerfile, Instruction
from bedplate.dockerfile.takes import Source
from bedplate.errors import Mistake, SpecError
from bedplate.ignorefile import Matcher


@dataclass
class Chosen:
    """Each path with the first instruction that takes it. `folders`: taken with all files in them, but not folders."""

    dockerfile: Dockerfile
    whole: Whole
    folders: dict[str, Instruction] = field(default_factory=dict)
    paths: dict[str, Instruction] = field(default_factory=dict)
    warnings: list[Mistake] = field(default_factory=list)

    def mistake(self, path: str, message: str) -> Mistake:
        at = self.paths.get(path) or self.folders.get(path) or self.folders[path.rpartition("/")[0]]
        return self.dockerfile.mistake(at, message)


def choose(sources: Sequence[Source], dockerfile: Dockerfile, listing: Listing, ignore_path: str) -> Chosen:
    """Raises SpecError for a source that is not there, saying what takes it out or what was meant."""
    chosen = Chosen(dockerfile, Whole(listing))
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
            except OSError as error:
                mistakes.append(_unreadable(source.at, error, dockerfile, listing))
                continue
            except _NotThereError as missing:
                mistakes.append(_missing(source.at, written, missing.path, dockerfile, listing, ignore_path))
                continue
            if not found.paths:
                message = f"nothing in the context matches {written}"
                chosen.warnings.append(dockerfile.mistake(source.at, message, word=written, code="NothingMatches"))
                if found.searched:  # BuildKit looks there, too, and fails where there is no such folder
                    chosen.paths.setdefault(found.searched, source.at)
            try:
                for path in (*found.links, *found.paths):
                    base = found.base if found.base is not None else path
                    _take(path, base, source.at, listing, exclude, chosen)
            except OSError as error:
                mistakes.append(_unreadable(source.at, error, dockerfile, listing))
    if mistakes:
        raise SpecError(mistakes)
    return chosen


class _NotThereError(Exception):
    def __init__(self, path: str) -> None:
        self.path = path


@dataclass
class _Found:
    """`base`: what `--exclude` is relative to; None for each path itself. `links`: those on the way.
    `searched`: the folder in which a pattern was looked for."""

    paths: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    base: str | None = None
    searched: str = ""


def _paths(source: Source, written: str, listing: Listing) -> _Found:
    """Raises BadPatternError, _NotThereError."""
    if source.parents:
        return _with_parents(written, listing)
    found = _Found()
    path = _inside(written)
    if not (source.wildcards and wildcards.has_wildcard(path)):
        found.paths.append(_followed(path, listing, found))
        return found
    fixed = path.split("/")
    while wildcards.has_wildcard("/".join(fixed)):
        fixed.pop()
    folder, _ = listing.resolve("/".join(fixed))
    if folder is not None and listing.is_folder(folder):
        found.searched = _followed("/".join(fixed), listing, found)
        matches = listing.matching(path)
        found.paths += [_followed(match, listing, found) for match in matches]
    return found


def _followed(path: str, listing: Listing, found: _Found) -> str:
    end, links = listing.resolve(path)
    if end is None:
        raise _NotThereError(path)
    found.links += links
    return end


def _with_parents(written: str, listing: Listing) -> _Found:
    """`--parents`: here `**` means folders too, and `/./` parts the base from the pattern."""
    base, pivot, pattern = written.partition("/./")
    found = _Found()
    found.base = _followed(_inside(base) if pivot else "", listing, found)
    pattern = _inside(pattern if pivot else written)
    if not wildcards.has_wildcard(pattern):
        found.paths.append(_followed(f"{found.base}/{pattern}", listing, found))
        return found
    match = Matcher([pattern]).excluded
    skip = len(found.base) + 1 if found.base else 0
    found.paths = [path for path, _ in listing.below(found.base) if match(path[skip:])]
    return found


def _take(path: str, base: str, at: Instruction, listing: Listing, exclude: Matcher | None, chosen: Chosen) -> None:
    if not listing.is_folder(path):
        chosen.paths.setdefault(path, at)
    elif exclude is None:
        folders, single = chosen.whole.take(path)
        for folder in folders:
            chosen.folders.setdefault(folder, at)
        for inner in single:
            chosen.paths.setdefault(inner, at)
    else:
        if path:
            chosen.paths.setdefault(path, at)
        skip = len(base) + 1 if base else 0
        for inner, _ in listing.below(path):
            if not exclude.excluded(inner[skip:]):
                chosen.paths.setdefault(inner, at)


def _unreadable(at: Instruction, error: OSError, dockerfile: Dockerfile, listing: Listing) -> Mistake:
    path = str(error.filename).removeprefix(listing.root).lstrip("/") or "."
    return dockerfile.mistake(at, f"{path} can not be read: {error.strerror}")


def _inside(path: str) -> str:
    """Cleaned as if the context were the root of all: no `..` leads out of it."""
    return wildcards.clean("/" + path).lstrip("/")


def _missing(
    at: Instruction, written: str, path: str, dockerfile: Dockerfile, listing: Listing, ignore_path: str
) -> Mistake:
    end, passed = listing.resolve(path)
    assert end is None
    last = passed[-1]
    entry = listing.entry(last)
    if entry is not None and listing.ignore.excluded(last):
        pattern = listing.ignore.deciding(last)
        message = f"{written} is in the context, but {ignore_path} takes it out: {pattern}"
        return dockerfile.mistake(
            at, message, f"add a line '!{last}' to {ignore_path}", written, code="CopyIgnoredFile"
        )
    if entry is not None:
        return dockerfile.mistake(at, f"the link {last} leads to itself", word=written)
    message = f"there is no {written} in the context"
    if last != _inside(written):
        message = f"{written} leads to {last}, which is not in the context"
    return dockerfile.mistake(at, message, _meant(last, listing), written, code="MissingSource")


def _meant(path: str, listing: Listing) -> str:
    parent, _, name = path.rpartition("/")
    if not listing.is_folder(parent):
        return ""
    before = f"{parent}/" if parent else ""
    # not what the ignore file takes out, nor a link to nothing
    taken = [other for other in listing.folder(parent) if listing.resolve(before + other)[0] is not None]
    return nearest(name, taken).replace("'", f"'{before}", 1)
