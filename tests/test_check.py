"""docs/checks.md holds an example of every code, and each gives exactly the finding it is there for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import steps
from bedplate import plan, specfile
from bedplate.checks import project
from bedplate.checks.codes import CODES, MACHINE, PINS
from bedplate.checks.finding import Finding
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache

REPO = Path(__file__).parent.parent
PAGE = (REPO / "docs" / "checks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.S | re.M))
LOCKED = ("debian:12", "python:3.12")
SPEC: dict[str, Any] = {
    "version": 1,
    "project": "examples",
    "images": {"base": {"context": "images/base"}},
    "environments": {"main": {"image": "base"}},
    "services": {"main": {"environment": "main", "code": "service", "entry_script": "score.py"}},
    "targets": {"local": {"registry": {"kind": "local"}, "deploy": {"kind": "container", "port": 8890}}},
}
FILES = {
    "images/base/Dockerfile": "FROM debian:12\n",
    "images/base/app.py": "print('hello')\n",
    "service/score.py": "def init(): ...\n\n\ndef run(raw_data): ...\n",
}
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456\n"


def examples(section: str) -> tuple[dict[str, str], dict[str, str]]:
    """The files of the bad and of the good example: parted by `Good:`, else one block each."""
    blocks = [
        (found.start(), found[1].partition(" ")[2] or "images/base/Dockerfile", found[2])
        for found in re.finditer(r"^```(\w+[^\n]*)\n(.*?)^```$", section, re.S | re.M)
    ]
    middle = section.find("\nGood:\n")
    if middle < 0:
        assert len(blocks) == 2, "two blocks, or several parted by `Good:`"
        middle = blocks[1][0]
    bad, good = ({path: text for at, path, text in blocks if (at < middle) is early} for early in (True, False))
    return bad, good


def merged(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in other.items():
        out[key] = merged(out[key], value) if isinstance(out.get(key), dict) and isinstance(value, dict) else value
    return out


def lay_out(folder: Path, files: Mapping[str, str]) -> None:
    text = files.get("pipeline.yaml", "{}")
    for path, content in {
        **FILES,
        **files,
        "pipeline.yaml": yaml.safe_dump(merged(SPEC, yaml.safe_load(text))),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


def digest(reference: str, platform: str) -> str:
    return "sha256:" + "0" * 64 if reference in LOCKED or "@" in reference else ""


def check(folder: Path, target: str | None = None) -> list[Finding]:
    read = specfile.load(folder / "pipeline.yaml", target)
    tasks = plan.plan(read, steps.load())
    return project.find(read, tasks, Reads(folder, StatCache(folder / "cache"), digest), digest)


def codes(found: list[Finding]) -> list[str]:
    return [f.code for f in found]


def test_the_page_explains_every_code_and_no_other() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M))
    assert set(SECTIONS) | rows == set(CODES)
    assert rows == set(MACHINE)


@pytest.mark.parametrize("code", SECTIONS)
def test_a_bad_example_gives_exactly_its_finding(code: str, tmp_path: Path) -> None:
    bad, _ = examples(SECTIONS[code])
    lay_out(tmp_path, bad)
    found = check(tmp_path)
    assert codes(found) == [code]
    said = SECTIONS[code].lstrip().partition(":")[0].split(",")[0]
    assert found[0].weight == said


@pytest.mark.parametrize("code", SECTIONS)
def test_a_good_example_gives_none(code: str, tmp_path: Path) -> None:
    _, good = examples(SECTIONS[code])
    lay_out(tmp_path, good)
    assert [str(f) for f in check(tmp_path)] == []


@pytest.mark.parametrize("code", sorted(PINS))
def test_the_policy_refuses_or_drops_what_is_not_pinned(code: str, tmp_path: Path) -> None:
    bad, _ = examples(SECTIONS[code])
    for policy, expected in (("require", [(code, "error")]), ("off", [])):
        lay_out(tmp_path, {**bad, "pipeline.yaml": f'policy: {{pins: "{policy}"}}'})
        assert [(f.code, f.weight) for f in check(tmp_path)] == expected


def test_the_demo_gives_no_finding(tmp_path: Path) -> None:
    for name in ("images", "services", "pipeline.yaml"):
        copy = shutil.copytree if (REPO / name).is_dir() else shutil.copy
        copy(REPO / name, tmp_path / name)
    assert check(tmp_path, "local") == []


def test_the_example_of_a_private_registry_gives_what_is_true_of_it(tmp_path: Path) -> None:
    shutil.copytree(REPO / "examples" / "v1_private_registry", tmp_path / "p")
    found = {(f.code, f.mistake.file) for f in check(tmp_path / "p")}
    assert found == {
        ("UnpinnedImage", "images/base/Dockerfile"),
        ("UnpinnedPip", "service/conda.yml"),
        ("UnpinnedApt", "images/base/Dockerfile"),
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model/.gitkeep": ""}, "model holds no file"),
        ({"model/weights.bin": "", "model/deep/more.bin": ""}, "model is empty"),
        (
            {"model/MLmodel": "flavors: {}\n", "model/data/model.pkl": POINTER},
            "model/data/model.pkl is a pointer of Git",
        ),
        ({"model": POINTER}, "model is a pointer of Git LFS"),
    ],
)
def test_a_model_that_is_none_is_told(files: dict[str, str], said: str, tmp_path: Path) -> None:
    model = "models: {main: {path: model, version: '1'}}\nservices: {main: {model: main}}"
    lay_out(tmp_path, {"pipeline.yaml": model, **files})
    (found,) = check(tmp_path)
    assert found.code == "EmptyModel" and said in found.mistake.message


def test_a_model_with_small_and_empty_files_is_one(tmp_path: Path) -> None:
    model = "models: {main: {path: model, version: '1'}}\nservices: {main: {model: main}}"
    lay_out(tmp_path, {"pipeline.yaml": model, "model/a.json": "{}", "model/__init__.py": ""})
    assert check(tmp_path) == []


def test_a_source_that_is_missing_hides_nothing_else(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "pipeline.yaml": "images: {base: {args: {NPM_TOKEN: k3ZtQ9vLx2}}}",
            "images/base/Dockerfile": "FROM ubuntu:24.04 as base\nCOPY apps.py /\nADD https://example.org/m.bin /\n"
            "RUN pip install numpy\n",
        },
    )
    expected = ["FromAsCasing", "MissingSource", "SecretInSpec", "UnpinnedDownload", "UnpinnedImage", "UnpinnedPip"]
    assert sorted(codes(check(tmp_path))) == expected


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    lay_out(
        tmp_path,
        {
            "images/base/Dockerfile": f"FROM debian:12\nENV API_TOKEN {token}\nRUN export API_KEY={token} && run\n"
            f"RUN pip install --index-url https://u:Pa55wordX@example.org/ a\nCOPY . /\nLABEL key Zx81Zx81\n",
            "images/base/.netrc": "machine example.org login me password Pa55wordX\n",
        },
    )
    found = check(tmp_path)
    said = "\n".join(map(str, found))
    assert {"SecretInDockerfile", "SecretInContext", "SecretsUsedInArgOrEnv", "LegacyKeyValueFormat"} <= set(
        codes(found)
    )
    assert token not in said and "Pa55wordX" not in said and "Zx81Zx81" not in said


def test_checks_import_nothing_that_a_no_op_would_pay_for() -> None:
    import subprocess
    import sys

    code = (
        "import sys, bedplate.tasks.loader, bedplate.tasks.session; print([m for m in sys.modules if '.checks' in m])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO, check=True)
    assert ran.stdout.strip() == "[]"


def files_of_many(count: int) -> Iterator[tuple[str, str]]:
    for n in range(count):
        yield (
            f"images/i{n}/Dockerfile",
            f"FROM debian:12\nARG N={n}\nCOPY app.py /\nRUN pip install a{n} && apt-get install -y bb\n",
        )
        yield f"images/i{n}/app.py", "print()\n"


@pytest.mark.measures
@pytest.mark.parametrize("count", [1000])
def test_a_thousand_images_take_three_seconds(count: int, tmp_path: Path) -> None:
    import time

    images = {f"i{n}": {"context": f"images/i{n}"} for n in range(count)}
    lay_out(tmp_path, {**dict(files_of_many(count)), "pipeline.yaml": yaml.safe_dump({"images": images})})
    began = time.monotonic()
    found = check(tmp_path)
    took = time.monotonic() - began
    assert len(found) == 2 * count
    assert took < 3 * 2, f"{took:.1f} s"  # twice: other tests run beside this one
    print(f"{took:.2f} s")
