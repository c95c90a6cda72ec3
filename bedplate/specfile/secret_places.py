"""secret_places: where the spec names the variable or the file of a secret, and which file may have been meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bedplate.errors import Mistake, SpecError
from bedplate.model import EnvSecret, SecretSource
from bedplate.specfile.places import Keys
from bedplate.yamlfile.nodes import Mapping, Node, Scalar, Sequence

SPEC = "pipeline.yaml"


def shown(source: SecretSource, root: Path, under: Keys = ()) -> str:
    """The place with its line and a caret, as mistakes have it; "" where none is found. `root`: the project's.

    `under`: where in the spec it is looked for before it is looked for anywhere."""
    from bedplate.specfile import places
    from bedplate.yamlfile import text as yaml_text

    key, name = ("env", source.env) if isinstance(source, EnvSecret) else ("file", source.file)
    try:
        content = (root / SPEC).read_bytes()
        spec = yaml_text.read(content, SPEC)[0]
        place = next((p for node in (places.at(spec, under), spec) for p in _values(node, key, name)), None)
    except (OSError, SpecError):
        return ""
    if place is None:
        return ""
    line = content.decode("utf-8-sig").splitlines()[place.line - 1]
    return str(Mistake(SPEC, place.line, place.column, "named here", source=line))


def meant(path: Path) -> str:
    """A hint that names the file beside it that is most like it, or ""."""
    from bedplate.mistakes import nearest

    try:
        near = nearest(path.name, [one.name for one in path.parent.iterdir() if one.is_file()])
    except OSError:
        return ""
    return f"did you mean '{near}'?" if near else ""


def _values(node: Node, key: str, text: str) -> Iterator[Scalar]:
    if isinstance(node, Mapping):
        for name, (_, value) in node.entries.items():
            if name == key and isinstance(value, Scalar) and value.text == text:
                yield value
            yield from _values(value, key, text)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _values(item, key, text)
