from __future__ import annotations

from pathlib import Path

import pytest
from image_files import image

from bedplate.image_contents import mending
from bedplate.image_contents.verdict import Verdict, judge, table
from bedplate.model import DockerfileImage, ReferenceImage, RootfsImage

FILES = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/usr/bin/git": "",
    "/var/lib/dpkg/status": "Package: git\nStatus: install ok installed\nVersion: 1:2.39.5-0\n",
}
FILE = DockerfileImage("base", "x", "x/Dockerfile", None, {}, {}, None, {}, (), {})
ROOTFS = RootfsImage("os", "bookworm", (), "minbase", (), None, None, (), {})
ABOVE = " in a Dockerfile that stands on image os"
USER = "USER to one that /etc/passwd has and is not root"
THEIRS = ReferenceImage("theirs", "example.org/a:1", None, (), {})


def test_what_was_asked_stands_beside_what_was_found(tmp_path: Path) -> None:
    asked = {"os": "ubuntu>=18.04", "git": ">=2.7", "packages fuse | git": "*", "conda": ">=4.5", "user": "non-root"}
    assert table(judge(asked, image(tmp_path, FILES))) == [
        "requirement          asked          found",
        "os                   ubuntu>=18.04  debian 12       NO",
        "git                  >=2.7          2.39.5          ok",
        "packages fuse | git  *              git 1:2.39.5-0  ok",
        "conda                >=4.5          missing         NO",
        "user                 non-root       root            NO",
    ]


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ("debian", True),
        ("debian >= 12", True),
        ("debian>=11,<13", True),
        ("debian==12", True),
        ("debian!=12", False),
        ("debian>=13", False),
        ("ubuntu>=10", False),
        ("debian>=11,debian>=12", True),
        ("debian>=11,ubuntu>=12", False),
    ],
)
def test_a_system_is_a_name_and_versions(tmp_path: Path, wanted: str, met: bool) -> None:
    assert judge({"os": wanted}, image(tmp_path, FILES))[0].met is met


def test_a_system_without_a_version_meets_no_range(tmp_path: Path) -> None:
    sid = image(tmp_path, {"/etc/os-release": "ID=debian\n"})
    assert [v.met for v in judge({"os": "debian>=12"}, sid) + judge({"os": "debian"}, sid)] == [False, True]


def test_a_version_that_no_file_tells_meets_any_and_no_range(tmp_path: Path) -> None:
    own = image(tmp_path, {"/usr/local/bin/git": ""})
    assert [v.met for v in judge({"git": "*"}, own) + judge({"git": ">=2"}, own)] == [True, False]
    assert judge({"git": ">=2"}, own)[0].found == "version not told by its files"


def test_a_database_that_is_not_read_is_said_to_be(tmp_path: Path) -> None:
    (verdict,) = judge({"packages git": "*"}, image(tmp_path, {"/var/lib/rpm/Packages.db": ""}))
    assert not verdict.met
    assert verdict.found == "/var/lib/rpm/Packages.db is cut short"


def test_a_range_that_cannot_be_is_said_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"requires\.git: "):
        judge({"git": ">=2.*"}, image(tmp_path, FILES))


@pytest.mark.parametrize(
    ("key", "name", "asked", "found", "of_file", "of_rootfs"),
    [
        (
            "git",
            "",
            ">=2.7",
            "missing",
            "add `git` to apt-get install in x/Dockerfile",
            "add `git` to images.os.rootfs.packages",
        ),
        (
            "packages",
            "fuse | fuse3",
            "*",
            "missing",
            "add `fuse` to apt-get install in x/Dockerfile",
            "add `fuse` to images.os.rootfs.packages",
        ),
        ("git", "", ">=99", "2.39.5", "install git >=99 in x/Dockerfile", f"install git >=99{ABOVE}"),
        ("conda", "", ">=4.5", "missing", "install conda >=4.5 in x/Dockerfile", f"install conda >=4.5{ABOVE}"),
        (
            "pip",
            "numpy",
            ">=2",
            "missing",
            "install `numpy>=2` with pip in x/Dockerfile",
            f"install `numpy>=2` with pip{ABOVE}",
        ),
        (
            "os",
            "",
            "ubuntu>=18.04",
            "debian 12",
            "let FROM in x/Dockerfile be an image of ubuntu>=18.04",
            "set images.os.rootfs.suite to a suite of ubuntu>=18.04",
        ),
        ("user", "", "non-root", "root", f"set {USER} in x/Dockerfile", f"set {USER}{ABOVE}"),
        ("port", "", "5001", "none exposed", "write EXPOSE 5001 in x/Dockerfile", f"write EXPOSE 5001{ABOVE}"),
    ],
)
def test_the_way_to_mend_it_is_an_edit(
    key: str, name: str, asked: str, found: str, of_file: str, of_rootfs: str
) -> None:
    verdict = Verdict(key, name, asked, found, False)
    assert mending.of_image(verdict, FILE, "dpkg") == of_file
    assert mending.of_image(verdict, ROOTFS, "dpkg") == of_rootfs


def test_an_image_of_somebody_else_is_exchanged_or_built_upon() -> None:
    said = mending.of_image(Verdict("git", "", ">=2.7", "missing", False), THEIRS, "dpkg")
    assert said == "take another image than example.org/a:1, or a Dockerfile that begins FROM it and installs git >=2.7"
    said = mending.of_image(Verdict("user", "", "non-root", "root", False), THEIRS, "dpkg")
    assert said.endswith("and sets USER to one that /etc/passwd has and is not root")


def test_an_environment_is_mended_in_its_dependency_file() -> None:
    missing = Verdict("pip", "numpy", "2.1", "missing", False)
    assert mending.of_environment(missing, "a/pip.txt", None, "base") == "add `numpy==2.1` to a/pip.txt"
    assert mending.of_environment(missing, None, None, "base") == "install `numpy==2.1` with pip in image base"
    git = Verdict("git", "", "*", "missing", False)
    assert mending.of_environment(git, "a/pip.txt", None, "base") == "install git in image base"


def test_a_preset_is_named_where_the_spec_does_not_say_it_itself() -> None:
    verdict = Verdict("conda", "", ">=4.5", "missing", False)
    assert mending.said(verdict, "do", {}) == "conda: missing, asked >=4.5 by preset azureml-v1: do"
    assert mending.said(verdict, "do", {"conda": ">=4.5"}) == "conda: missing, asked >=4.5: do"
