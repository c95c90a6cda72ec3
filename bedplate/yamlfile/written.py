"""yamlfile.written: values as YAML that readers of either version, 1.1 and 1.2, take for what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bedplate.yamlfile.scalars import reads_as


def written(document: Mapping[str, Any]) -> str:
    """Block style, keys in their order. A text such as `0E0`, which one version takes for a number, gets quotes."""
    import yaml
    from yaml.representer import SafeRepresenter

    root = SafeRepresenter(default_flow_style=False, sort_keys=False).represent_data(dict(document))
    for scalar in _scalars(root):
        if scalar.tag == "tag:yaml.org,2002:str" and scalar.style is None and reads_as(scalar.value) != "text":
            scalar.style = "'"
    return str(yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True, width=1000))


def _scalars(node: Any) -> Iterable[Any]:
    if isinstance(node.value, str):
        yield node
        return
    for part in node.value:
        for one in part if isinstance(part, tuple) else (part,):
            yield from _scalars(one)
