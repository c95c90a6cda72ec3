"""places: where something of a spec stands in its file."""

from __future__ import annotations

from typing import TypeAlias

from bedplate.yamlfile.nodes import Mapping, Node, Sequence

Keys: TypeAlias = tuple[str, ...]  # ("images", "base", "tags", "0"): keys, and numbers of list items from 0


def at(root: Node, keys: Keys) -> Node:
    """The value there; as far down as the file goes."""
    node = root
    for key in keys:
        if isinstance(node, Mapping) and key in node.entries:
            node = node.entries[key][1]
        elif isinstance(node, Sequence) and key.isdigit() and int(key) < len(node.items):
            node = node.items[int(key)]
        else:
            break
    return node


def key_at(root: Node, keys: Keys) -> Node:
    """The last of these keys that stands in the file."""
    node, place = root, root
    for key in keys:
        if isinstance(node, Mapping) and key in node.entries:
            place, node = node.entries[key]
        else:
            break
    return place
