"""The files of an image as its layers have them: what lies on what, links, and what is damaged."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import posixpath
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import fake_registry, real_registry

from bedplate.builders import inspection, layers
from bedplate.clients import oci_registry
from bedplate.clients.credentials import anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.image_contents.look import Image
from bedplate.model import Registry
from tests.azure.signed_in import KeptLog
from tests.serving import engine, python_base

Member = tuple[str, str, str]  # name, kind, content or target
Opened = Callable[..., "Image"]


def layer(*members: Member) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}.get(kind, b"0")
            entry.mode = 0o755 if kind in ("dir", "program") else 0o644
            entry.linkname = content if kind in ("link", "hard") else ""
            data = content.encode() if kind in ("file", "program") else b""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


@pytest.fixture
def opened() -> Iterator[Opened]:
    """The image that these layers make, lowest first."""
    with fake_registry() as server:
        open_ones = []

        def put(content: bytes) -> dict[str, Any]:
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            server.blobs[digest] = content
            return {"digest": digest, "size": len(content)}

        def make(*packed: bytes, damage: bool = False) -> Image:
            below = [put(one) for one in packed]
            if damage:
                content = bytearray(server.blobs[below[0]["digest"]])
                content[len(content) // 2] ^= 0xFF
                server.blobs[below[0]["digest"]] = bytes(content)
            config = put(json.dumps({"config": {"User": "ada"}}).encode())
            manifest = json.dumps({"config": config, "layers": below}).encode()
            digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            server.manifests["a/b", digest] = (oci_registry.MANIFESTS[1], manifest, digest)
            remote = OciRegistry(Registry("generic", server.address, True), anonymous)
            context = layers.opened(remote, "a/b", digest, None, KeptLog())
            image = context.__enter__()
            open_ones.append(context)
            return image

        yield make
        for context in open_ones:
            context.__exit__(None, None, None)


def test_a_file_of_an_upper_layer_hides_the_one_below(opened: Opened) -> None:
    look = opened(
        layer(("etc", "dir", ""), ("etc/a", "file", "one")), gzip.compress(layer(("etc/a", "file", "two")))
    ).look
    assert look.read("/etc/a") == b"two" and list(look.names("/etc")) == ["a"]


def test_a_whiteout_takes_away_what_is_below_and_nothing_of_its_own_layer(opened: Opened) -> None:
    below = layer(("a", "file", "1"), ("d/x", "file", "1"), ("d/y", "file", "1"), ("e/old", "file", "1"))
    above = layer(
        (".wh.a", "file", ""), ("d/.wh.x", "file", ""), ("e/new", "file", "2"), ("e/.wh..wh..opq", "file", "")
    )
    look = opened(below, above).look
    assert look.entry("/a") is None and list(look.names("/d")) == ["y"] and list(look.names("/e")) == ["new"]


def test_links_are_followed_as_the_kernel_does(opened: Opened) -> None:
    image = opened(
        layer(
            ("bin", "link", "usr/bin"),
            ("usr/bin/python3.11", "program", "elf"),
            ("usr/bin/python3", "link", "python3.11"),
            ("usr/local/python", "link", "/bin/../bin/python3"),
            ("loop", "link", "loop"),
            ("out", "link", "../../../usr/local"),
            ("hard", "hard", "usr/bin/python3.11"),
        ),
        layer(("bin/added", "program", "x")),
    )
    found = image.look.entry("/usr/local/python")
    assert found and found.path == "/usr/bin/python3.11" and found.mode == 0o755 and found.size == 3
    assert image.look.entry("/loop") is None and image.look.entry("/usr/bin/none") is None
    assert image.look.read("/out/python") == b"elf" and image.look.read("/hard") == b"elf"
    assert image.look.entry("/usr/bin/added"), "a layer writes through a link of the one below"
    assert image.config == {"User": "ada"} and image.program("python3")


def test_a_registry_that_sends_the_whole_blob_where_a_piece_was_asked_is_understood(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oci_registry, "PIECE", 1000)
    assert opened(layer(("a", "file", "x" * 5000))).look.read("/a") == b"x" * 5000


@pytest.mark.parametrize("compressed", [True, False])
def test_a_damaged_layer_is_told_as_damaged(opened: Opened, compressed: bool) -> None:
    packed = layer(("a", "file", "x" * 999))
    with pytest.raises(StepError, match="corrupted"):
        opened(gzip.compress(packed) if compressed else packed, damage=True)


def test_a_layer_of_zstd_is_told_with_the_way_out(opened: Opened) -> None:
    with pytest.raises(StepError, match="zstd") as told:
        opened(layers.ZSTD + b"rest")
    assert "builder: {kind: local}" in told.value.hint


@pytest.mark.engine
def test_the_layers_of_debian_with_python_are_what_the_engine_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oci_registry, "PIECE", 1 << 20)
    of_containers = {"hosts", "hostname", "mtab", "resolv.conf"}  # an engine makes them in each
    base, text = python_base(), "FROM {}\nRUN rm -r /usr/share/doc /etc/issue && ln -s /etc/passwd /etc/linked\n"
    with real_registry(tmp_path) as address:
        name = f"{address}/layers/python:1"
        built = ["docker", "build", "-q", "-t", name, "-"]
        subprocess.run(built, input=text.format(base), text=True, check=True, capture_output=True)
        try:
            subprocess.run(["docker", "push", name], check=True, capture_output=True)
            remote = OciRegistry(Registry("generic", address, True), anonymous)
            digest = remote.digest("layers/python", "1")
            assert digest
            with (
                inspection.opened(engine(), name) as by_engine,
                layers.opened(remote, "layers/python", digest, None, KeptLog()) as by_layers,
            ):
                for folder in ("/etc", "/usr/bin", "/bin", "/usr/lib/python3", "/usr/share", "/nothing"):
                    names = sorted(set(by_layers.look.names(folder)) - of_containers)
                    assert names == sorted(set(by_engine.look.names(folder)) - of_containers), folder
                    for path in [posixpath.join(folder, one) for one in names][:40]:
                        theirs = by_engine.look.entry(path)
                        ours = by_layers.look.entry(path)
                        assert (ours is None) == (theirs is None), path
                        if ours and theirs:  # the engine leaves links of folders as they are
                            assert (ours.folder, ours.mode) == (theirs.folder, theirs.mode), path
                            assert ours.folder or ours.size == theirs.size, path
                assert by_layers.packages == by_engine.packages
                assert by_layers.look.read("/etc/linked") == by_engine.look.read("/etc/linked")
        finally:
            subprocess.run(["docker", "rmi", "-f", name], capture_output=True, check=False)
