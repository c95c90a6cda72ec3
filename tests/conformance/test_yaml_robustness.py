"""YAML that must be refused, in words and with a position, quickly and without a crash."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedplate.errors import SpecError
from bedplate.yamlfile import text as yaml_text

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "yaml-robustness" / "cases.json"
OWN = [
    {"id": "a tab in the indentation", "kind": "invalid", "yaml": "a:\n\tb: 1\n"},
    {"id": "an open bracket", "kind": "invalid", "yaml": "a: [1, 2\nb: 3\n"},
    {"id": "a python tag", "kind": "invalid", "yaml": "a: !!python/object/apply:os.system [ls]\n"},
    {"id": "two documents", "kind": "invalid-single-document", "yaml": "a: 1\n---\nb: 2\n"},
    {"id": "many levels", "kind": "resource-limit", "yaml_parts": [["[", 200_000]]},
    {"id": "an alias used twice", "kind": "resource-ok", "yaml": "a: &a [1, 2]\nb: *a\nc: *a\n"},
]
CASES: list[dict[str, Any]] = OWN + (json.loads(DATA.read_text())["cases"] if DATA.exists() else [])


MEASURE = """
import resource, sys
from pathlib import Path
from bedplate.yamlfile import text as yaml_text
from bedplate.errors import SpecError
try:
    yaml_text.read(sys.stdin.buffer.read(), "x")
except SpecError:
    pass
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = usage.ru_maxrss / 1024  # macOS: in bytes
if Path("/proc/self/status").exists():  # Linux: ru_maxrss is also that of the process that forked this one
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(peak, usage.ru_utime)
"""


def content(case: dict[str, Any]) -> bytes:
    if case.get("yaml_base64"):
        return base64.b64decode(case["yaml_base64"])
    if case.get("yaml_parts"):
        return "".join(part * count for part, count in case["yaml_parts"]).encode()
    return str(case["yaml"]).encode("utf-8", "surrogatepass")


def refused(text: bytes, *, pure: bool = False) -> list[Any]:
    """The mistakes that keep this from being read."""
    try:
        _, mistakes = yaml_text.read(text, "pipeline.yaml", pure=pure)
    except SpecError as error:
        return error.mistakes
    return mistakes.all()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_bad_yaml_is_refused_with_a_position_and_good_yaml_is_read(case: dict[str, Any]) -> None:
    mistakes = refused(content(case))
    if case["kind"] == "resource-ok":
        assert mistakes == []
        return
    assert mistakes, "it was read without a word"
    for mistake in mistakes:
        assert mistake.line > 0 or "empty" in mistake.message, mistake
        assert "Traceback" not in str(mistake)


@pytest.mark.parametrize("case", [c for c in CASES if c["kind"] != "resource-limit"], ids=lambda case: case["id"])
def test_the_parser_without_libyaml_refuses_the_same(case: dict[str, Any]) -> None:
    if case["id"] == "limit-6":
        pytest.skip("100 kB of maps take PyYAML's own parser some seconds")
    assert bool(refused(content(case), pure=True)) == (case["kind"] != "resource-ok")


@pytest.mark.measures
@pytest.mark.parametrize("case", [c for c in CASES if c["kind"].startswith("resource")], ids=lambda case: case["id"])
def test_what_is_large_or_deep_costs_little(case: dict[str, Any]) -> None:
    text = content(case)
    if len(text) < 100_000:
        pytest.skip("a small file")
    done = subprocess.run([sys.executable, "-c", MEASURE], input=text, capture_output=True, check=True)
    peak, seconds = map(float, done.stdout.split())
    assert peak < 200_000  # kB
    assert seconds < 5  # of processor time; one or two on an idle machine


@pytest.mark.skipif(not DATA.exists(), reason="the conformance data is not here: ../shared/conformance/yaml-robustness")
def test_all_cases_were_found() -> None:
    assert len(CASES) == 206 + len(OWN)
