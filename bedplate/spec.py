"""spec: pipeline.yaml becomes a Spec, or every mistake in it is named."""

from __future__ import annotations

import gc
import hashlib
import marshal
import os
from pathlib import Path
from typing import Any

import bedplate
from bedplate import entries
from bedplate.errors import Mistake, SpecError
from bedplate.model import Spec
from bedplate.paths import outside
from bedplate.schema_rules import schema_path

KEPT = 8  # checked specs in the cache; the oldest go


def load(path: Path, target: str | None = None, cache: Path | None = None) -> Spec:
    """The spec in the file `path` with `target` (None: its first) chosen. Raises SpecError with all mistakes.

    `cache` is a folder that keeps the checked values of unchanged files. What the file says about the disk (links
    that leave the project) is looked at each time; whether a file exists is for the step that reads it."""
    collecting = gc.isenabled()
    gc.disable()  # a large spec makes nothing but lasting values: looking for waste among them doubles the time
    try:
        return _load(path, target, cache)
    finally:
        if collecting:
            gc.enable()


def read(content: bytes, schema: bytes, file: str) -> dict[str, Any]:
    """The checked, plain values of a spec, all defaults filled in. Pure. Raises SpecError with all mistakes."""
    from bedplate import conform, schema_rules, spec_checks
    from bedplate.yamlfile import text as yaml_text
    from bedplate.yamlfile.nodes import Mapping, Scalar

    root, mistakes = yaml_text.read(content, file)
    if not isinstance(root, Mapping):
        empty = isinstance(root, Scalar) and root.plain and not root.text
        what = "the file is empty" if empty else "the file is no mapping of keys to values"
        mistakes.add(None if empty else root, what, "begin with `version: 1` and `project: NAME`")
        raise SpecError(mistakes.all())
    plain: dict[str, Any] = conform.conform(schema_rules.rules(schema), root, mistakes)
    spec_checks.check(plain, root, mistakes)
    if mistakes:
        raise SpecError(mistakes.all())
    return plain


def _load(path: Path, target: str | None, cache: Path | None) -> Spec:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError([Mistake(path.name, 0, 0, f"cannot be read: {error.strerror}")]) from None
    schema = schema_path().read_bytes()
    key = hashlib.sha256(hashlib.sha256(schema).digest() + bedplate.__version__.encode() + b"\0" + content).hexdigest()
    plain = _kept(cache, key)
    if plain is None:
        plain = read(content, schema, path.name)
        if cache is not None:
            _keep(cache, key, plain)
    links = outside(path.parent, plain)
    if links:
        raise SpecError(_links(content, path.name, links))
    if target is not None and target not in plain["targets"]:
        raise SpecError([_no_target(path.name, target, list(plain["targets"]))])
    return entries.spec(plain, target if target is not None else next(iter(plain["targets"])))


def _no_target(file: str, target: str, known: list[str]) -> Mistake:
    from bedplate.mistakes import did_you_mean

    return Mistake(file, 0, 0, f"there is no target '{target}'", did_you_mean(target, known))


def _links(content: bytes, file: str, links: list[tuple[tuple[str, ...], str]]) -> list[Mistake]:
    from bedplate import places
    from bedplate.yamlfile import text as yaml_text

    root, mistakes = yaml_text.read(content, file)
    for keys, link in links:
        place = places.at(root, keys)
        mistakes.add(place, f"{'.'.join(keys)}: the link '{link}' leads out of the project", "copy what it leads to")
    return mistakes.all()


# ---- the cache


def _kept(cache: Path | None, key: str) -> dict[str, Any] | None:
    if cache is None:
        return None
    try:
        kept: tuple[str, dict[str, Any]] = marshal.loads((cache / f"spec-{key[:16]}").read_bytes())
        return kept[1] if kept[0] == key else None
    except (OSError, ValueError, EOFError, TypeError, IndexError, KeyError):
        return None  # not there, or broken: the file itself is read


def _keep(cache: Path, key: str, plain: dict[str, Any]) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft = cache / f"spec-{key[:16]}.{os.getpid()}"
        draft.write_bytes(marshal.dumps((key, plain)))
        draft.replace(cache / f"spec-{key[:16]}")
        others = sorted(cache.glob("spec-*"), key=lambda f: f.stat().st_mtime)
        for old in others[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # a disk that cannot be written to costs time, no more
