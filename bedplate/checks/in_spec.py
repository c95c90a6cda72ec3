"""in_spec: a finding about something outside, told where pipeline.yaml asks for it."""

from __future__ import annotations

import re
from pathlib import Path

from bedplate.checks.finding import Finding
from bedplate.checks.secret_values import masked
from bedplate.errors import Mistake, SpecError
from bedplate.model import AcrRegistry, GenericRegistry, Spec, WorkspaceRegistry
from bedplate.specfile.places import Keys

SPEC = "pipeline.yaml"
NAMED = re.compile(r"`(workspace|registry)(?:\.(\w+))?[:`]")  # in a hint: the key to be corrected


def finding(root: Path, keys: Keys, code: str, message: str, hint: str = "", severity: str = "") -> Finding:
    """At the value of these keys, or as far down as the file goes; without a place where it cannot be read."""
    from bedplate.specfile import places
    from bedplate.yamlfile import text as yaml_text

    try:
        content = (root / SPEC).read_bytes()
        node = places.at(yaml_text.read(content, SPEC)[0], keys)
    except (OSError, SpecError):
        return Finding(code, Mistake(SPEC, 0, 0, message, hint), severity=severity)
    lines = content.decode("utf-8-sig", "replace").splitlines()
    source = masked(lines[node.line - 1]) if 0 < node.line <= len(lines) else ""
    return Finding(code, Mistake(SPEC, node.line, node.column, message, hint, source), severity=severity)


def registry(spec: Spec) -> Keys:
    """The name or address of the target's registry."""
    keys, entry = ("targets", spec.target.name, "registry"), spec.target.registry
    if isinstance(entry, GenericRegistry):
        return (*keys, "address")
    if isinstance(entry, AcrRegistry):
        return (*keys, "name")
    return (*keys, "kind") if isinstance(entry, WorkspaceRegistry) else keys


def azure(spec: Spec, hint: str) -> Keys:
    """What Azure refused: the key that the hint names, else the workspace, else the registry."""
    named = NAMED.search(hint)
    if named and (named[1] == "registry" or spec.target.workspace):
        return ("targets", spec.target.name, named[1], *([named[2]] if named[2] else []))
    return ("targets", spec.target.name, "workspace") if spec.target.workspace else registry(spec)
