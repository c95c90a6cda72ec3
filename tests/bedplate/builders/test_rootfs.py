"""Root file systems: the same bytes every time, kept, and their failures said in words."""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from building import OS, Lines

from bedplate.builders import apt_sources, rootfs
from bedplate.errors import StepError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bedplate" / "rootfs"


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A stand-in for mmdebstrap, found first in PATH."""
    path = tmp_path / "bin" / "mmdebstrap"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


# the tar is the first argument that ends in .tar
MAKES = 'echo "I: made"; for a in "$@"; do case "$a" in *.tar) echo $SOURCE_DATE_EPOCH "$@" > "$a";; esac; done'


def test_what_was_made_once_is_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines) -> None:
    program(tmp_path, monkeypatch, MAKES)
    first = rootfs.build(OS, log)
    assert str(rootfs.EPOCH) in first.read_text() and "I: made" in log.lines
    log.lines.clear()
    assert rootfs.build(OS, log) == first and log.lines == []
    assert rootfs.build(OS, log, fresh=True) == first and log.lines != []


@pytest.mark.parametrize(
    "change", [{"suite": "trixie"}, {"packages": ()}, {"variant": "apt"}, {"mirror": "http://m.example/debian"}]
)
def test_another_setting_is_another_root_file_system(
    change: dict[str, str], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    program(tmp_path, monkeypatch, MAKES)
    assert rootfs.build(OS, log) != rootfs.build(replace(OS, **change), log)  # type: ignore[arg-type]


def test_only_a_few_are_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines) -> None:
    program(tmp_path, monkeypatch, MAKES)
    for n in range(rootfs.KEPT + 3):
        last = rootfs.build(replace(OS, packages=(f"p{n}",)), log)
    assert len(list(cache.iterdir())) == rootfs.KEPT and last.exists()


def test_what_a_killed_process_left_is_removed(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    program(tmp_path, monkeypatch, MAKES)
    for name in ("making-old", "making-now"):
        (cache / name).mkdir(parents=True)
        (cache / name / "rootfs.tar").touch()
    os.utime(cache / "making-old", (0, 0))
    kept = rootfs.build(OS, log).parent
    assert set(cache.iterdir()) == {kept, cache / "making-now"}


def test_a_failure_shows_the_last_words_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    program(tmp_path, monkeypatch, 'echo "E: Unable to locate package nope" >&2; exit 25')
    with pytest.raises(StepError, match=r"mmdebstrap failed for suite bookworm \(exit code 25\)") as failed:
        rootfs.build(OS, log)
    assert failed.value.detail == "E: Unable to locate package nope" and "apt-cache policy" in failed.value.hint
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_without_mmdebstrap_the_command_that_installs_it_is_named(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "apt-get").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(StepError, match="mmdebstrap, which is not installed") as failed:
        rootfs.build(OS, log)
    assert failed.value.hint == "sudo apt-get install mmdebstrap"


@pytest.mark.long
@pytest.mark.engine
def test_two_runs_give_the_same_bytes_with_nothing_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    digests = []
    for n in range(2):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(n)))
        tar = rootfs.build(OS, log)
        digests.append(hashlib.sha256(tar.read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    with tarfile.open(tar) as opened:
        names = set(opened.getnames())
    assert not names & {"./etc/hostname", "./etc/resolv.conf", "./etc/machine-id", "./var/log/dpkg.log"}
    assert not [name for name in names if name.startswith("./usr/share/man/man")]
    assert "./usr/share/doc/bash/copyright" in names


DEB822 = """\
Types: deb deb-src
URIs: http://m.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
# a comment
Signed-By: /x.gpg

Types: deb
URIs: http://m.example/security
Suites: bookworm-security
Components:
 main

Types: deb
URIs: http://other.example
Suites: nodistro
Components: main
"""
LIST = """\
# deb http://no.example bookworm main
deb [arch=amd64 signed-by=/x.gpg] http://m.example/docker bookworm stable
deb http://m.example/debian trixie main # why
deb-src http://m.example/debian forky main
"""


def test_mirrors_are_those_of_this_machine_for_the_suite_and_its_components(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(LIST)
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert apt_sources.of_suite("bookworm", ("main",), tmp_path) == [
        "deb http://m.example/debian bookworm main",
        "deb http://m.example/debian bookworm-updates main",
        "deb http://m.example/security bookworm-security main",
    ]
    assert apt_sources.of_suite("trixie", ("main",), tmp_path) == ["deb http://m.example/debian trixie main"]
    assert apt_sources.of_suite("forky", ("main",), tmp_path) == []
    assert apt_sources.of_suite("bookworm", ("main",), tmp_path / "none") == []
