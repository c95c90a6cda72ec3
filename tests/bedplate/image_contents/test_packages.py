from __future__ import annotations

import gzip
import sqlite3
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedplate.image_contents import packages, rpm_databases

DPKG = b"""\
Package: git
Status: install ok installed
Priority: optional
Description: fast version control
 Version: not this one
Version: 1:2.39.5-0+deb12u2

Package: removed
Status: deinstall ok config-files
Version: 1.0-1

Package: half
Status: install ok half-configured
Version: 2.0-1
"""
APK = b"C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\n\nP:git\nV:2.45.2-r0\n\n"


def header(name: str, version: str, release: str, epoch: int | None = None) -> bytes:
    """As rpm keeps it in its database: an index of tags, then the values."""
    values = [
        (1000, 6, name.encode() + b"\0"),
        (1001, 6, version.encode() + b"\0"),
        (1002, 6, release.encode() + b"\0"),
    ]
    store, index = b"", b""
    for tag, kind, value in values:
        index += struct.pack(">IIII", tag, kind, len(store), 1)
        store += value
    if epoch is not None:
        store += b"\0" * (-len(store) % 4)
        index += struct.pack(">IIII", 1003, 4, len(store), 1)
        store += struct.pack(">I", epoch)
    # one that is not asked for: an array of texts
    index += struct.pack(">IIII", 1047, 8, len(store), 2)
    store += b"one\0two\0"
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


def rpmdb(folder: Path, *blobs: bytes) -> bytes:
    file = folder / "rpmdb.sqlite"
    with sqlite3.connect(file) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        opened.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
    opened.close()
    return file.read_bytes()


def test_dpkg_says_what_is_installed_and_not_what_was() -> None:
    assert packages.dpkg(DPKG) == {"git": "1:2.39.5-0+deb12u2"}


def test_an_image_without_a_package_manager_has_a_file_for_each_package() -> None:
    assert packages.dpkg(b"Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n") == {"libc6": "2.36-9"}


def test_apks_list_has_two_lines_for_a_package() -> None:
    assert packages.apk(APK) == {"musl": "1.2.5-r0", "git": "2.45.2-r0"}


def test_rpms_database_says_epoch_version_and_release(tmp_path: Path) -> None:
    database = rpmdb(tmp_path, header("git", "2.43.5", "1.el9"), header("vim-minimal", "8.2.2637", "20.el9", 2))
    assert packages.rpm(rpm_databases.sqlite(database)) == {
        "git": "2.43.5-1.el9",
        "vim-minimal": "2:8.2.2637-20.el9",
    }


def test_a_file_that_is_no_database_of_rpm_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"x" * 5000, rpmdb(tmp_path, header("git", "1", "1")[:-4])):
        with pytest.raises(ValueError, match=r"is no database of rpm|cut short"):
            packages.rpm(rpm_databases.sqlite(content))


def test_rpms_database_of_before_4_16_is_read_with_headers_of_many_pages() -> None:
    """Written by Berkeley DB's own db_load, from headers that rpm made; `rpm -qa` with bdb_ro says the same."""
    database = gzip.decompress((Path(__file__).parent / "rpm" / "Packages.gz").read_bytes())
    assert packages.rpm(rpm_databases.berkeley(database)) == {
        "git": "2.43.5-1.el8",
        "vim-minimal": "2:8.0.1763-19.el8",
        "big": "1.0-1",
    }


def test_what_is_left_of_a_database_is_refused_and_never_half_read() -> None:
    database = gzip.decompress((Path(__file__).parent / "rpm" / "Packages.gz").read_bytes())
    pages = [database[: number * 4096] for number in range(1, len(database) // 4096)]
    for content in (b"", b"x" * 5000, database[:30], database[:3000], database[:-1], *pages):
        with pytest.raises(ValueError, match=r"is no hash of Berkeley DB|cut short"):
            rpm_databases.berkeley(content)


def test_suses_database_is_read_with_what_was_taken_out_of_it() -> None:
    """Written by rpm 4.18 built with `--enable-ndb`: four packages installed, the first erased; `rpm -qa` says the
    same."""
    assert packages.rpm(rpm_databases.ndb(ndb())) == {
        "git": "2.43.5-1.suse",
        "vim-minimal": "2:8.0.1763-19",
        "big": "1.0-1",
    }


def test_a_list_of_packages_may_have_several_pages() -> None:
    """254 packages fill the first page of 4096 bytes; the blocks of all of them are counted from the file's begin."""
    blobs, slots, block = b"", b"", 2 * 256
    for number in range(1, 301):
        blob = header(f"p{number}", "1.0", "1")
        stored = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob + b"\0" * (-(len(blob) + 12) % 16)
        stored += struct.pack("<II4s", 0, len(blob), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, block, len(stored) // 16)
        blobs, block = blobs + stored, block + len(stored) // 16
    slots += struct.pack("<4sIII", b"Slot", 0, 0, 0) * (2 * 256 - 2 - 300)
    read = packages.rpm(rpm_databases.ndb(struct.pack("<4s7I", b"RpmP", 0, 1, 2, 301, 0, 0, 0) + slots + blobs))
    assert len(read) == 300 and read["p300"] == "1.0-1"


def test_what_is_left_of_suses_database_is_refused_and_never_half_read() -> None:
    whole = ndb()
    blocks = [whole[:end] for end in range(0, len(whole), 16)]
    for content in (b"", b"x" * 5000, *blocks[:20], *blocks[250:270], *blocks[-70::7], blocks[-1]):
        with pytest.raises(ValueError, match=r"is no ndb database|cut short"):
            rpm_databases.ndb(content)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), min_size=1, max_size=40))
def test_suses_database_that_was_damaged_is_read_or_refused_in_words(damage: list[tuple[int, int]]) -> None:
    database = bytearray(ndb())
    for at, value in damage:
        database[at] = value
    try:
        packages.rpm(rpm_databases.ndb(bytes(database)))
    except ValueError as error:
        assert str(error)


def ndb() -> bytes:
    return gzip.decompress((Path(__file__).parent / "rpm" / "Packages.db.gz").read_bytes())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(20, 40959), st.integers(0, 255)), min_size=1, max_size=40))
def test_a_database_that_was_damaged_is_read_or_refused_in_words(damage: list[tuple[int, int]]) -> None:
    database = bytearray(gzip.decompress((Path(__file__).parent / "rpm" / "Packages.gz").read_bytes()))
    for at, value in damage:
        database[at] = value
    try:
        packages.rpm(rpm_databases.berkeley(bytes(database)))
    except ValueError as error:
        assert str(error)


def test_python_packages_are_known_by_their_normal_name() -> None:
    names = ["azureml_defaults-1.13.0.dist-info", "Foo.Bar-2.0rc1.dist-info", "six-1.16.0-py3.11.egg-info", "six.py"]
    names += ["zope.interface-5.0.egg-info", "torch-2.0.1+cu118.dist-info", "pip", "_distutils_hack", "not-a-version"]
    assert packages.distributions(names) == {
        "azureml-defaults": "1.13.0",
        "foo-bar": "2.0rc1",
        "six": "1.16.0",
        "zope-interface": "5.0",
        "torch": "2.0.1+cu118",
    }


def test_conda_packages_are_known_by_their_files() -> None:
    names = ["python-3.7.4-h265db76_1.json", "ca-certificates-2019.11.27-0.json", "history", "x.json"]
    assert packages.conda(names) == {"python": "3.7.4", "ca-certificates": "2019.11.27"}
