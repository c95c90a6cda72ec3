"""findings_said: findings as text, as JSON, and as the annotations of the service that runs us."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedplate.checks.codes import ERROR, NOTE, SEVERITIES, WARNING
from bedplate.checks.finding import Finding

if TYPE_CHECKING:
    from bedplate.tasks.session import Session

TITLES = {ERROR: "errors", WARNING: "warnings", NOTE: "notes"}


def as_text(findings: list[Finding], session: Session | None, notes: Sequence[str] = ()) -> str:
    """`notes`: what was learned that is nothing to mend."""
    said = [session.headline, *(f"  {note}" for note in notes)] if session else []
    for severity in SEVERITIES:
        group = [f for f in findings if f.weight == severity]
        if group:
            said += ["", f"{TITLES[severity]}:", *(str(f) for f in group)]
    said += ["", summary(findings)] if findings else [summary(findings)]
    return "\n".join(said).lstrip("\n") + "\n"


def summary(findings: list[Finding]) -> str:
    counts = [(severity, sum(1 for f in findings if f.weight == severity)) for severity in SEVERITIES]
    told = ", ".join(f"{n} {severity}{'s' * (n != 1)}" for severity, n in counts if n)
    return f"{told}: docs/checks.md explains the codes" if told else "nothing to say"


def as_json(findings: list[Finding], session: Session | None, notes: Sequence[str] = ()) -> str:
    """As schemas/check.schema.json says."""
    document: dict[str, Any] = {
        "version": 1,
        "project": session.spec.project if session else None,
        "target": session.spec.target.name if session else None,
        "notes": list(notes),
        "findings": [
            {
                "code": f.code,
                "severity": f.weight,
                "file": f.mistake.file,
                "line": f.mistake.line,
                "column": f.mistake.column,
                "message": f.mistake.message,
                "hint": f.mistake.hint,
            }
            for f in findings
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def for_service(findings: list[Finding], environ: Mapping[str, str], root: Path) -> Iterator[str]:
    """Workflow commands of GitHub Actions, logging commands of Azure Pipelines; nothing elsewhere.

    Both know files by their paths below the repository; `root`: the project's."""
    if environ.get("GITHUB_ACTIONS") == "true":
        yield from (_github(_below(f, root, environ.get("GITHUB_WORKSPACE", ""))) for f in findings)
    elif environ.get("TF_BUILD", "").lower() == "true":
        kept = (f for f in findings if f.weight != NOTE)  # it knows no third kind
        yield from (_azure(_below(f, root, environ.get("BUILD_SOURCESDIRECTORY", ""))) for f in kept)


def _below(finding: Finding, root: Path, repository: str) -> Finding:
    if not repository or not root.is_relative_to(repository):
        return finding
    file = (root / finding.mistake.file).relative_to(repository).as_posix()
    return replace(finding, mistake=replace(finding.mistake, file=file))


def _github(finding: Finding) -> str:
    """docs.github.com, "Workflow commands for GitHub Actions"."""
    at = finding.mistake
    kind = {ERROR: "error", WARNING: "warning", NOTE: "notice"}[finding.weight]
    places = {"file": at.file, "line": at.line, "col": at.column, "title": finding.code}
    fields = ",".join(f"{k}={_escaped(str(v), ':,')}" for k, v in places.items() if v)
    return f"::{kind} {fields}::{_escaped(_message(finding), '')}"


def _azure(finding: Finding) -> str:
    """learn.microsoft.com, "Logging commands": task.logissue."""
    at = finding.mistake
    places = {
        "type": finding.weight,
        "sourcepath": at.file,
        "linenumber": at.line,
        "columnnumber": at.column,
        "code": finding.code,
    }
    fields = "".join(f"{k}={_escaped(str(v), ';]', '%AZP25')};" for k, v in places.items() if v)
    return f"##vso[task.logissue {fields}]{_escaped(_message(finding), '', '%AZP25')}"


def _message(finding: Finding) -> str:
    hint = finding.mistake.hint
    return finding.mistake.message + (f" ({hint})" if hint else "")


def _escaped(text: str, also: str, percent: str = "%25") -> str:
    text = text.replace("%", percent)
    for char in "\r\n" + also:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
