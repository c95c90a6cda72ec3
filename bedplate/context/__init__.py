"""context: the files, arguments and parents that make up an image with a Dockerfile."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from bedplate import ignorefile, links
from bedplate.context import sources as context_sources
from bedplate.context.archive import tar
from bedplate.context.disk import LARGE, parts_of, read_files, seen, tree
from bedplate.context.listing import Listing
from bedplate.context.rewritten import sent
from bedplate.context.sources import Chosen
from bedplate.dockerfile import onbuild as dockerfile_onbuild
from bedplate.dockerfile import reader as dockerfile_reader
from bedplate.dockerfile import stages as dockerfile_stages
from bedplate.dockerfile.normal import normal
from bedplate.dockerfile.onbuild import OnBuild
from bedplate.dockerfile.reader import Dockerfile
from bedplate.dockerfile.scope import PROXIES
from bedplate.dockerfile.stages import OWN, Needed, Parent, Reference
from bedplate.errors import Mistake, SpecError
from bedplate.file_set import FileSet
from bedplate.fingerprint import text as short
from bedplate.folder_look import Row
from bedplate.frozen import dataclass
from bedplate.stat_cache import StatCache
from bedplate.step import DockerfileFiles
from bedplate.wildcards import BadPatternError, has_wildcard

__all__ = ["Parent", "Recipe", "ignored", "parts_of", "read", "sent", "tar", "tree", "triggers"]

STATE_FOLDER = ".bedplate"


@dataclass(frozen=True)
class Recipe:
    """What an image is made of. `parts` name all of it but the digests of `parents`.

    file_set       its parts are among `parts`
    changed        looks again, at the files alone: the path of one that was written since, put there or taken away,
                   None: there is none
    ignore         the ignore file that counts, and lines for what at the context's top no instruction takes; None
                   where not every client would read it alike
    unused_args    arguments of the spec that no ARG of the file names
    references     where the file names its parents
    needed         the instructions that the target is made of"""

    dockerfile: Dockerfile
    parts: Mapping[str, str]
    parents: tuple[Parent, ...]
    file_set: FileSet
    changed: Callable[[], str | None]
    ignore: bytes | None
    unused_args: tuple[str, ...]
    warnings: tuple[Mistake, ...]
    references: tuple[Reference, ...]
    needed: tuple[dockerfile_reader.Instruction, ...]

    @property
    def triggers(self) -> tuple[dockerfile_reader.Instruction, ...]:
        """Those of them that ONBUILDs of parents leave."""
        return tuple(at for at in self.needed if not self.dockerfile.holds(at))


def read(files: DockerfileFiles, root: Path, cache: StatCache, onbuild: OnBuild = dockerfile_onbuild.none) -> Recipe:
    """`root`: the project's. Raises SpecError."""
    for path in (files.dockerfile, *_ignore_paths(files)):
        cache.looked.update((str(root / path), *links.followed(str(root / path))))
    dockerfile = _parse(_text(root, files.dockerfile), files.dockerfile)
    args = {**files.args, **{name: OWN + image for name, image in files.images.items()}}
    needed = dockerfile_stages.needed(dockerfile, files.target, args, files.platform, onbuild)

    def take() -> _Taken:
        listing = _listing(files, root, cache.looked)
        chosen = context_sources.choose(needed.sources, dockerfile, listing, ignore_path(files, root) or "")
        return _taken(files.context, chosen, cache)

    taken = take()
    return Recipe(
        dockerfile=dockerfile,
        parts={**dict(_parts(dockerfile, needed, files, args)), **taken.parts},
        parents=tuple(dict.fromkeys(needed.parents)),
        file_set=taken.file_set,
        changed=lambda: _changed(taken, take),
        ignore=_handed_on(files, root, taken.chosen),
        unused_args=_unused(dockerfile, args),
        warnings=(*needed.warnings, *taken.chosen.warnings, *taken.warnings),
        references=tuple(needed.references),
        needed=tuple(needed.instructions),
    )


def triggers(files: DockerfileFiles, root: Path) -> tuple[str, ...]:
    """The ONBUILD instructions that the image leaves to those that start from it. Raises SpecError."""
    dockerfile = _parse(_text(root, files.dockerfile), files.dockerfile)
    return dockerfile_stages.own_triggers(dockerfile, files.target)


def ignored(files: DockerfileFiles, root: Path) -> Iterator[tuple[str, str]]:
    """What the ignore file takes out of the context: each path with the pattern that decides; folders as a whole."""
    listing = _listing(files, root, set())
    yield from _ignored(listing, "")


def ignore_path(files: DockerfileFiles, root: Path) -> str | None:
    """The ignore file that counts, relative to the project's root: the Dockerfile's own before the context's."""
    return next((path for path in _ignore_paths(files) if (root / path).is_file()), None)


@dataclass(frozen=True)
class _Taken:
    chosen: Chosen
    parts: Mapping[str, str]
    file_set: FileSet
    seen: Callable[[], Mapping[str, object]]
    warnings: Sequence[Mistake]


def _taken(root: str, chosen: Chosen, cache: StatCache) -> _Taken:
    whole = chosen.whole
    if whole.count > LARGE:
        from bedplate.context.large import LargeContext

        large = LargeContext(root, chosen, cache)
        return _Taken(chosen, large.parts, large.file_set, lambda: large.seen, large.warnings)
    entries: dict[str, Row | None] = dict.fromkeys(chosen.paths)
    for folder in chosen.folders:
        cache.looked.add(whole.listing.absolute(folder))
        if folder:
            entries[folder] = None
        entries.update(whole.rows(folder))
    read_set = read_files(whole.listing, root, entries, cache, chosen.mistake)
    found = read_set.file_set
    return _Taken(chosen, parts_of(found), found, lambda: seen(found.files), read_set.warnings)


def _changed(before: _Taken, take: Callable[[], _Taken]) -> str | None:
    folder = before.file_set.root
    try:
        was, now = before.seen(), take().seen()
    except (SpecError, OSError):
        return folder  # something that is taken is not there, or cannot be read
    path = next((path for path in (*was, *now) if was.get(path) != now.get(path)), None)
    return None if path is None else os.path.normpath(f"{folder}/{path}")


def _ignore_paths(files: DockerfileFiles) -> tuple[str, str]:
    return f"{files.dockerfile}.dockerignore", os.path.normpath(f"{files.context}/.dockerignore")


def _ignored(listing: Listing, folder: str) -> Iterator[tuple[str, str]]:
    for name, entry in listing.folder(folder).items():
        path = f"{folder}/{name}" if folder else name
        is_folder = entry.is_dir(follow_symlinks=False)
        if listing.ignore.excluded(path) and not (is_folder and listing.present(path)):
            yield path, listing.ignore.deciding(path) or ""
        elif is_folder:
            yield from _ignored(listing, path)


def _listing(files: DockerfileFiles, root: Path, looked: set[str]) -> Listing:
    folder = root / files.context
    if not folder.is_dir():
        raise SpecError(
            [Mistake(files.context, 0, 0, "the build context is not there, or is no folder", code="MissingFile")]
        )
    hidden = os.path.relpath(root / STATE_FOLDER, folder)
    path = ignore_path(files, root)
    content = _text(root, path) if path else b""
    return Listing(folder, _matcher(content, path or ""), looked, None if hidden.startswith("..") else hidden)


def _handed_on(files: DockerfileFiles, root: Path, chosen: Chosen) -> bytes | None:
    listing = chosen.whole.listing
    # the client of 20.10 does not look into folders for an exception with a wildcard
    if any(line.startswith("!") and has_wildcard(line) for line in listing.ignore.key.split("\n")):
        return None
    path = ignore_path(files, root)
    lines = [_text(root, path) if path else b""]
    taken = {path.partition("/")[0] for path in (*chosen.folders, *chosen.paths)}
    beside = [] if "" in taken else [name for name in listing.folder("") if name not in taken]
    if any(name != name.strip() or "\n" in name for name in beside):
        return None
    hidden = [listing.hidden] if listing.hidden else []
    lines += [os.fsencode("/" + re.sub(r"([*?\[\\])", r"\\\1", name)) for name in (*hidden, *beside)]
    return b"\n".join(lines) + b"\n"


def _text(root: Path, path: str) -> bytes:
    try:
        return (root / path).read_bytes()
    except FileNotFoundError:
        raise SpecError([Mistake(path, 0, 0, "there is no such file", code="MissingFile")]) from None
    except OSError as error:
        raise SpecError([Mistake(path, 0, 0, f"it can not be read: {error.strerror}")]) from None


@lru_cache(maxsize=64)  # many images may share a Dockerfile and differ in arguments
def _parse(content: bytes, path: str) -> Dockerfile:
    return dockerfile_reader.parse(content, path)


@lru_cache(maxsize=64)
def _matcher(content: bytes, path: str) -> ignorefile.Matcher:
    patterns = ignorefile.read_lines(content)
    try:
        return ignorefile.Matcher([p for p, _ in patterns], [line for _, line in patterns])
    except BadPatternError as error:
        source = content.decode("utf-8", "replace").split("\n")[error.line - 1].strip()
        raise SpecError([Mistake(path, error.line, 1, str(error), source=source)]) from None


def _parts(
    dockerfile: Dockerfile, needed: Needed, files: DockerfileFiles, args: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    posix = dockerfile.escape == "\\" and not dockerfile.has_shell
    for number, at in enumerate(needed.instructions, 1):
        yield f"instruction {number} {at.keyword}", short(normal(at, posix_shell=posix, given=args))
    if "syntax" in dockerfile.directives:
        yield "syntax", dockerfile.directives["syntax"]
    for name in sorted(args):
        if name in needed.used or name.startswith("BUILDKIT_") or name == "SOURCE_DATE_EPOCH":
            yield f"arg {name}", short(args[name])
    yield "target", files.target or ""
    yield "platform", files.platform


def _unused(dockerfile: Dockerfile, args: Mapping[str, str]) -> tuple[str, ...]:
    declared = {w.partition("=")[0] for at in dockerfile.instructions if at.keyword == "ARG" for w in at.words}
    own = (*PROXIES, "SOURCE_DATE_EPOCH")
    return tuple(n for n in args if n not in declared and n not in own and not n.startswith("BUILDKIT_"))
