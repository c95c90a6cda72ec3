from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.image_contents import orders
from bedplate.image_contents.versions import pep440, upstream, within


@pytest.mark.parametrize(
    ("version", "wanted", "kind", "met"),
    [
        # a range that names no revision and no epoch means what upstream calls it
        ("1:2.39.5-0+deb12u2", ">=2.7", "dpkg", True),
        ("1:2.39.5-0+deb12u2", "<=2.39.5", "dpkg", True),
        ("1:2.39.5-0+deb12u2", "==2.39.5", "dpkg", True),
        ("1:2.39.5-0+deb12u2", "==2.39.5-0+deb12u1", "dpkg", False),
        ("1:2.39.5-0+deb12u2", "==1:2.39.5-0+deb12u2", "dpkg", True),
        ("1:2.39.5-0+deb12u2", ">=2:1", "dpkg", False),
        ("2.9.9-6+b1", ">=2.9,<3", "dpkg", True),
        ("2.10-1", "<2.9", "dpkg", False),
        ("1.0~rc1-1", ">=1.0", "dpkg", False),
        ("2.36-9+deb12u9", "2.36", "dpkg", True),
        ("2.36.1-1", "2.36", "dpkg", True),
        ("2.360-1", "2.36", "dpkg", False),
        ("2.36-1", "!=2.36.*", "dpkg", False),
        ("2:8.2.2637-20.el9_1", ">=8.2,<9", "rpm", True),
        ("5.14.0-362.8.1.el9", "==5.14.0-362.8.1.el9", "rpm", True),
        ("3.12.0~rc1-1.fc39", ">=3.12.0", "rpm", False),
        ("2.45.2-r0", ">=2.45.2", "apk", True),
        ("2.45.2-r0", "==2.45.2", "apk", True),
        ("1.2.3_rc1-r0", ">=1.2.3", "apk", False),
        ("1.2.3_p1-r0", ">1.2.3", "apk", True),
        ("4.7.12", ">=4.5", "pep440", True),
        ("3.10.4", ">=3.8,<3.12", "pep440", True),
        ("3.8.10", "3.8", "pep440", True),
        ("3.80.1", "3.8", "pep440", False),
        ("3.8", "==3.8.0", "pep440", True),
        ("1.13.0", "~=1.0", "pep440", True),
        ("2.0.1+cu118", "==2.0.1", "pep440", True),
        ("5.0.0rc1", ">=5.0", "pep440", False),
        ("2.39.3.windows.1", ">=2.39.3", "pep440", True),
        ("1.1.1w", ">=1.1.1v", "conda", True),
        ("2023c", ">=2022", "conda", True),
        ("9e", ">=9d", "conda", True),
        ("1.20.3", ">=1.20", "conda", True),
        ("1!0.4", ">=2", "conda", True),
        ("anything", "*", "dpkg", True),
    ],
)
def test_a_version_lies_in_a_range_or_not(version: str, wanted: str, kind: str, met: bool) -> None:
    assert within(version, wanted, kind) is met


@pytest.mark.parametrize("wanted", [">=1.1.*", "~=1", ">=x y"])
@pytest.mark.parametrize("kind", ["dpkg", "pep440", "conda"])
def test_a_range_that_cannot_be_is_refused(wanted: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        within("1.0", wanted, kind)


def test_what_upstream_calls_a_packages_version() -> None:
    assert upstream("1:2.39.5-0+deb12u2", "dpkg") == "2.39.5"
    assert upstream("2.9-1-3", "dpkg") == "2.9-1"
    assert upstream("4.1.4", "dpkg") == "4.1.4"
    assert upstream("2.45.2-r0", "apk") == "2.45.2"


# ---- orders: the first is before the second


@pytest.mark.parametrize(
    ("order", "ascending"),
    [
        # deb-version(7) and Debian policy 5.6.12
        (orders.debian, ["~~", "~~a", "~", "", "a"]),
        (orders.debian, ["1.0~rc1", "1.0", "1.0-0a", "1.0+b1", "1.0.1", "1.9", "1.10", "1:0.1"]),
        # rpm-version(7)
        (orders.rpm, ["1.0~rc1", "1.0", "1.0^git1", "1.0.1", "1.9", "1.10", "1:0.1"]),
        (orders.rpm, ["1.0a", "1.0.1"]),
        (orders.rpm, ["5.5-1", "5.5-10"]),
        # apk-tools' own test data, version.data
        (
            orders.apk,
            ["1.2_alpha", "1.2_beta", "1.2_pre", "1.2_rc", "1.2", "1.2-r1", "1.2-r2", "1.2_p1", "1.2a", "1.10"],
        ),
        # the docstring of conda's VersionOrder
        (orders.conda, ["0.4", "0.4.1.rc", "0.4.1", "0.5a1", "0.5b3", "0.5C1", "0.5", "0.9.6", "0.960923", "1.0"]),
        (orders.conda, ["1.1dev1", "1.1a1", "1.1.0dev1", "1.1.a1", "1.1.0rc1", "1.1.0", "1.1.0post1", "1996.07.12"]),
    ],
)
def test_versions_are_in_the_order_of_their_makers(order: object, ascending: list[str]) -> None:
    assert callable(order)
    for place, one in enumerate(ascending):
        assert order(one, one) == 0
        for other in ascending[place + 1 :]:
            assert (order(one, other), order(other, one)) == (-1, 1), f"{one} < {other}"


def test_what_is_written_otherwise_may_be_equal() -> None:
    assert orders.debian("1.0", "0:1.0-0") == 0
    assert orders.debian("09", "9") == 0
    assert orders.rpm("1.0-1", "1.0") == 0
    assert orders.rpm("1.0.0", "1.00_0") == 0
    assert orders.conda("1.0", "1.0.0") == 0
    assert orders.apk("1.2", "1.2-r0") == 0
    assert orders.apk("no version", "no version") == 0


DEBIAN = st.builds(
    lambda epoch, text, revision: f"{epoch}0{text}{revision}",
    st.sampled_from(["", "1:", "0:"]),
    st.text("019.+~ab", max_size=6),
    st.sampled_from(["", "-0", "-1", "-1~bpo12+1", "-0ubuntu1"]),
)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is the judge")
@settings(max_examples=60, deadline=None)
@given(DEBIAN, DEBIAN)
def test_debians_order_is_that_of_dpkg(one: str, other: str) -> None:
    said = {-1: "lt", 0: "eq", 1: "gt"}[orders.debian(one, other)]
    assert subprocess.run(["dpkg", "--compare-versions", one, said, other]).returncode == 0, f"{one} {said} {other}"


def test_a_local_version_alone_is_that_version() -> None:
    assert within("2.1.0+cu118", "2.1.0+cu118", "pep440")
    assert not within("2.1.0+cu121", "2.1.0+cu118", "pep440")


@pytest.mark.parametrize("wanted", ["~=3", ">=3.*", "~=3.8.*", "newest", ">=2.1+cu118", "==1..2"])
def test_what_is_no_range_is_refused_without_a_version(wanted: str) -> None:
    with pytest.raises(ValueError, match=r"'"):
        pep440(wanted)
