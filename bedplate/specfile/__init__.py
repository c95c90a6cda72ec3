"""specfile: pipeline.yaml becomes a Spec, or every mistake in it is named."""

from __future__ import annotations

import gc
import hashlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bedplate import own_code
from bedplate.errors import Mistake, SpecError
from bedplate.model import Spec
from bedplate.specfile import absent, entries, kept
from bedplate.specfile.kept import Entries
from bedplate.specfile.paths import outside
from bedplate.specfile.rules import schema_path

if TYPE_CHECKING:
    from bedplate.mistakes import Mistakes
    from bedplate.yamlfile.nodes import Node


def load(path: Path, target: str | None = None, cache: Path | None = None, looked: set[str] | None = None) -> Spec:
    """The spec in the file `path` with `target` (None: its first) chosen. Raises SpecError with all mistakes.

    `cache` is a folder that keeps the checked values of unchanged files. What the file says about the disk is looked at
    each time: links that leave the project and, with `looked`, files and folders that it names and that are not there
    (code MissingFile). `looked` gets the absolute paths whose coming and going changes that."""
    collecting = gc.isenabled()
    gc.disable()  # a large spec makes nothing but lasting values: looking for waste among them doubles the time
    try:
        return _load(path, target, cache, looked)
    finally:
        if collecting:
            gc.enable()


def load_some(path: Path, target: str | None, cache: Path, only: Entries) -> Spec | None:
    """The spec as if it had no entries but these, of a file that `load` has found to be right before.

    None: it has to be loaded whole, to be read or to tell what is wrong."""
    plain = kept.read(cache, _key(_content(path), schema_path().read_bytes()), only)
    if plain is None or _on_disk(path.parent, plain, set()):
        return None
    return entries.spec(plain, target if target is not None else next(iter(plain["targets"])))


def read(content: bytes, schema: bytes, file: str) -> dict[str, Any]:
    """The checked, plain values of a spec, all defaults filled in. Pure. Raises SpecError with all mistakes."""
    plain, _, mistakes = _checked(content, schema, file)
    if mistakes:
        raise SpecError(mistakes.all())
    return plain


def _checked(content: bytes, schema: bytes, file: str) -> tuple[dict[str, Any], Node, Mistakes]:
    """The plain values, without those that are wrong; where they stand; the mistakes."""
    from bedplate.specfile import conform, rules, semantics
    from bedplate.yamlfile import text as yaml_text
    from bedplate.yamlfile.nodes import Mapping, Scalar

    root, mistakes = yaml_text.read(content, file)
    if not isinstance(root, Mapping):
        empty = isinstance(root, Scalar) and root.plain and not root.text
        what = "the file is empty" if empty else "the file is no mapping of keys to values"
        mistakes.add(None if empty else root, what, "begin with `version: 1` and `project: NAME`")
        raise SpecError(mistakes.all())
    plain: dict[str, Any] = conform.conform(rules.rules(schema), root, mistakes)
    semantics.check(plain, root, mistakes)
    return plain, root, mistakes


def _load(path: Path, target: str | None, cache: Path | None, looked: set[str] | None) -> Spec:
    content = _content(path)
    schema = schema_path().read_bytes()
    key = _key(content, schema)
    plain = kept.read(cache, key) if cache else None
    if plain is None:
        plain, root, mistakes = _checked(content, schema, path.name)
        if mistakes:
            _add(_on_disk(path.parent, plain, looked), root, mistakes)
            raise SpecError(mistakes.all())
        if cache is not None:
            kept.write(cache, key, plain)
    found = _on_disk(path.parent, plain, looked)
    if found:
        from bedplate.yamlfile import text as yaml_text

        root, mistakes = yaml_text.read(content, path.name)
        _add(found, root, mistakes)
        raise SpecError(mistakes.all())
    if target is not None and target not in plain["targets"]:
        raise SpecError([_no_target(path.name, target, list(plain["targets"]))])
    return entries.spec(plain, target if target is not None else next(iter(plain["targets"])))


def _key(content: bytes, schema: bytes) -> str:
    """Of the checked values in the cache: other ones where the file, the schema or the code is another."""
    return hashlib.sha256(hashlib.sha256(schema).digest() + own_code.identity().encode() + b"\0" + content).hexdigest()


def _content(path: Path) -> bytes:
    hint = "write one: README.md shows how"
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise SpecError([Mistake(path.name, 0, 0, f"is {what}, not a file", hint)])
        return path.read_bytes()
    except FileNotFoundError:
        what = "is a link that leads to no file" if path.is_symlink() else "there is none"
        raise SpecError([Mistake(path.name, 0, 0, what, hint)]) from None
    except OSError as error:
        hint = f"`chmod u+r {path.name}`" if isinstance(error, PermissionError) else ""
        raise SpecError([Mistake(path.name, 0, 0, f"cannot be read: {error.strerror}", hint)]) from None


def _no_target(file: str, target: str, known: list[str]) -> Mistake:
    from bedplate.mistakes import did_you_mean

    return Mistake(file, 0, 0, f"there is no target '{target}'", did_you_mean(target, known))


# ---- what the spec says of the disk

Found: TypeAlias = "list[tuple[tuple[str, ...], str, str, str]]"  # where it stands, message, hint, code


def _on_disk(folder: Path, plain: dict[str, Any], looked: set[str] | None) -> Found:
    links = dict(outside(folder, plain))
    hint = "copy what it leads to"
    found: Found = [
        (keys, f"{'.'.join(keys)}: the link '{link}' leads out of the project", hint, "")
        for keys, link in links.items()
    ]
    if looked is not None:
        missing = absent.find(str(folder), plain, looked)
        found += [(keys, said, hint, absent.CODE) for keys, said, hint in missing if keys not in links]
    return found


def _add(found: Found, root: Node, mistakes: Mistakes) -> None:
    from bedplate.specfile import places

    for keys, said, hint, code in found:
        mistakes.add(places.at(root, keys), said, hint, code)
