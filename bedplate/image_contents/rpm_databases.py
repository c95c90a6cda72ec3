"""rpm_databases: the headers of the packages in a database of rpm's: sqlite, Berkeley DB or ndb."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# Berkeley DB 4 and 5, hash (db, dbinc/db_page.h): what rpm wrote before 4.16, Red Hat's up to 8
HASH_MAGIC = 0x061561
HASH_PAGES, OVERFLOW = (2, 13), 7
PAGE_HEADER = 26
KEY_OR_VALUE, ELSEWHERE = 1, 3

# ndb (rpm, lib/backend/ndb/rpmpkg.c), little-endian: what SUSE writes
NDB_MAGIC, NDB_VERSION = b"RpmP", 0
NDB_PAGE, NDB_BLOCK = 4096, 16
NDB_SLOT = struct.Struct("<4sIII")  # "Slot", number of the package, first block, count of blocks
NDB_BLOB = struct.Struct("<4sIII")  # "BlbS", number of the package, generation, length; then the header


def sqlite(database: bytes) -> list[bytes]:
    """rpmdb.sqlite, as rpm 4.16 and later write it. Raises ValueError for what is no such file."""
    import sqlite3
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        # sqlite reads files; `deserialize` came with Python 3.11 only
        file = Path(folder, "rpmdb.sqlite")
        # a header that says WAL asks for a second file beside this one: 18 and 19 are the versions to write and read
        file.write_bytes(database[:18] + b"\1\1" + database[20:])
        opened = sqlite3.connect(file)
        try:
            return [bytes(row[0]) for row in opened.execute("SELECT blob FROM Packages")]
        except sqlite3.DatabaseError as error:
            raise ValueError(f"is no database of rpm: {error}") from None
        finally:
            opened.close()


def berkeley(database: bytes) -> list[bytes]:
    """`Packages`. Raises ValueError for what is no such file, or one that was cut short."""
    order = next((o for o in "<>" if database[12:16] == struct.pack(f"{o}I", HASH_MAGIC)), None)
    if order is None:
        raise ValueError("is no hash of Berkeley DB")
    try:
        size, last = (struct.unpack_from(f"{order}I", database, at)[0] for at in (20, 32))
        if not 512 <= size <= 65536 or len(database) < (last + 1) * size:
            raise ValueError("is cut short")
        return [value for key, value in _pairs(database, size, order) if key.strip(b"\0")]
    except (struct.error, IndexError):
        raise ValueError("is cut short") from None


def ndb(database: bytes) -> list[bytes]:
    """`Packages.db`. Raises ValueError for what is no such file, or one that was cut short."""
    try:
        magic, version, _, pages = struct.unpack_from("<4sIII", database)
    except struct.error:
        raise ValueError("is cut short") from None
    if magic != NDB_MAGIC or version != NDB_VERSION:
        raise ValueError("is no ndb database of rpm")
    if not 0 < pages * NDB_PAGE <= len(database):
        raise ValueError("is cut short")
    found = []
    # the file's own header stands in place of the first two slots
    for magic, number, block, count in NDB_SLOT.iter_unpack(database[2 * NDB_SLOT.size : pages * NDB_PAGE]):
        if magic != b"Slot":
            raise ValueError("has a damaged list of packages")
        if block:
            found.append(_blob(database, number, block * NDB_BLOCK, count * NDB_BLOCK))
    return found


def _blob(database: bytes, number: int, start: int, size: int) -> bytes:
    if start + size > len(database) or size < NDB_BLOB.size:
        raise ValueError("is cut short")
    magic, of, _, length = NDB_BLOB.unpack_from(database, start)
    if magic != b"BlbS" or of != number or length > size - NDB_BLOB.size:
        raise ValueError("has a package that is not where its list says")
    return database[start + NDB_BLOB.size : start + NDB_BLOB.size + length]


def _pairs(database: bytes, size: int, order: str) -> Iterator[tuple[bytes, bytes]]:
    for start in range(size, len(database), size):
        page = database[start : start + size]
        (count,) = struct.unpack_from(f"{order}H", page, 20)
        if page[25] not in HASH_PAGES:
            continue
        places = struct.unpack_from(f"{order}{count}H", page, PAGE_HEADER)
        # items grow down from the page's end
        items = [page[at:end] for at, end in zip(places, (size, *places), strict=False)]
        values = [_item(item, database, size, order) for item in items]
        yield from zip(values[::2], values[1::2], strict=False)


def _item(item: bytes, database: bytes, size: int, order: str) -> bytes:
    if item[0] == KEY_OR_VALUE:
        return item[1:]
    if item[0] != ELSEWHERE:
        raise ValueError("holds duplicates, which rpm writes none of")
    number, length = struct.unpack_from(f"{order}II", item, 4)
    parts = []
    for _ in range(len(database) // size):  # a chain is no longer than the file
        if not number:
            break
        page = database[number * size : (number + 1) * size]
        if page[25] != OVERFLOW:
            raise ValueError("has a chain of pages that leads astray")
        number, used = struct.unpack_from(f"{order}I", page, 16)[0], struct.unpack_from(f"{order}H", page, 22)[0]
        parts.append(page[PAGE_HEADER : PAGE_HEADER + used])
    return b"".join(parts)[:length]
