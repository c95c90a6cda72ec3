from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from registries import fake_registry, flaky, put_image, real_registry

from bedplate.builders.ship import absent, ask, ship
from bedplate.clients import answers, registry_program
from bedplate.clients.credentials import anonymous
from bedplate.clients.oci_registry import OciRegistry
from bedplate.clients.registry_files import storage
from bedplate.errors import StepError
from bedplate.model import BuiltImage, PushedImage, Registry
from bedplate.questions import AskManifest, Unreachable
from bedplate.seen import Seen

FINGERPRINT = "0123456789abcdef" * 4
FP = "fp-0123456789abcdef"


@dataclass
class Notes:
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def line(self, text: str) -> None:
        pass

    def progress(self, what: str, done: float, total: float | None) -> None:
        pass

    def ask(self, question: str) -> str:
        return ""


class FakeEngine:
    """Holds images by tag and really pushes them. `tells`: whether the push ends with a digest."""

    def __init__(self, tells: bool = True) -> None:
        self.images: dict[str, dict[str, str]] = {}
        self.pushed: list[str] = []
        self.tells = tells

    def image(self, ref: str) -> dict[str, str] | None:
        return self.images.get(ref)

    def tag(self, ref: str, new: str) -> None:
        self.images[new] = self.images[ref]

    def push(self, ref: str, auth: object, log: object) -> str | None:
        self.pushed.append(ref)
        address, _, rest = ref.partition("/")
        repository, _, tag = rest.rpartition(":")
        digest = put_image(address, repository, tag, self.images[ref])
        return digest if self.tells else None


@dataclass
class Machine:
    """What `ship` sees of the world."""

    address: str
    engine: Any = field(default_factory=FakeEngine)
    log: Notes = field(default_factory=Notes)
    again: bool = False
    spec: Any = field(default_factory=lambda: SimpleNamespace(images={}))
    seen: Seen = field(default_factory=lambda: Seen(Path("/dev/null")))

    def registry(self, registry: Registry) -> OciRegistry:
        return OciRegistry(registry, anonymous)

    def ship(self, *tags: str, digest: str | None = None, tag: str = "iris/base:" + FP) -> PushedImage:
        image = BuiltImage("base", tag, FINGERPRINT, digest)
        registry = Registry("local", self.address, insecure=True)
        world: Any = self
        return ship(image, f"{self.address}/iris/base", tags, registry, world)

    def digest(self, tag: str) -> str | None:
        return self.registry(Registry("local", self.address, True)).digest("iris/base", tag)


@pytest.fixture
def fake() -> Iterator[Any]:
    with fake_registry() as server:
        yield server


@pytest.fixture
def machine(fake: Any) -> Machine:
    machine = Machine(fake.address)
    machine.engine.images["iris/base:" + FP] = {"a": "b"}
    return machine


@pytest.mark.parametrize("tells", [True, False])
def test_an_image_is_pushed_once_and_has_every_tag(machine: Machine, tells: bool) -> None:
    machine.engine.tells = tells
    pushed = machine.ship("v1", "latest")
    assert pushed.tags == ("v1", "latest", FP)
    assert {machine.digest(tag) for tag in pushed.tags} == {pushed.digest}
    assert machine.engine.pushed == [f"{machine.address}/iris/base:{FP}"]
    assert pushed == PushedImage("base", f"{machine.address}/iris/base", pushed.digest, FINGERPRINT, pushed.tags)


def test_shipping_again_changes_nothing(machine: Machine, fake: Any) -> None:
    first = machine.ship("v1")
    fake.requests.clear()
    assert machine.ship("v1", digest=first.digest) == first
    assert {method for method, _, _ in fake.requests} <= {"GET", "HEAD"}
    assert len(machine.engine.pushed) == 1


def test_what_the_registry_has_gets_new_tags_without_a_push_or_an_engine(machine: Machine) -> None:
    digest = machine.ship("v1").digest
    machine.engine = None
    pushed = machine.ship("v1", "v2", digest=digest)
    assert pushed.digest == machine.digest("v2") == digest


def test_a_moved_tag_comes_back(machine: Machine) -> None:
    digest = machine.ship("v1").digest
    other = put_image(machine.address, "iris/base", "v1", {"other": "image"})
    assert machine.digest("v1") == other != digest
    machine.ship("v1", digest=digest)
    assert machine.digest("v1") == digest
    assert machine.log.notes[-1] == f"tag v1 moved from {other[:19]}"


def test_a_deleted_manifest_is_pushed_again(machine: Machine, fake: Any) -> None:
    digest = machine.ship("v1").digest
    fake.manifests.clear()
    assert machine.ship("v1", digest=digest).digest == digest
    assert machine.digest(FP) == machine.digest("v1") == digest


def test_an_image_that_is_nowhere_is_told_with_the_way_to_it(machine: Machine) -> None:
    machine.engine.images.clear()
    with pytest.raises(StepError, match=f"iris/base:{FP} is neither in the engine nor in") as refused:
        machine.ship("v1", digest="sha256:" + "0" * 64)
    assert "doit -a build_base:base" in refused.value.hint


def test_a_push_that_only_claims_to_have_worked_is_an_error(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeEngine, "push", lambda *_: "sha256:" + "0" * 64)
    with pytest.raises(StepError, match="the registry has no such image"):
        machine.ship("v1")


def test_a_tag_that_another_machine_sets_at_the_same_time_does_not_mislead(machine: Machine) -> None:
    class Racing(FakeEngine):
        def push(self, ref: str, auth: object, log: object) -> str | None:
            digest = super().push(ref, auth, log)
            put_image(machine.address, "iris/base", FP, {"from": "another machine"})
            return digest

    machine.engine = Racing()
    machine.engine.images["iris/base:" + FP] = {"a": "b"}
    pushed = machine.ship("v1")
    assert machine.digest("v1") == machine.digest(FP) == pushed.digest


def test_a_registry_that_does_not_keep_a_tag_is_an_error(machine: Machine, fake: Any) -> None:
    digest = machine.ship("v1").digest

    class Forgetful(dict[Any, Any]):
        def __setitem__(self, key: Any, value: Any) -> None:
            if key[1] != "v2":
                super().__setitem__(key, value)

    fake.manifests = Forgetful(fake.manifests)
    with pytest.raises(StepError, match=f"iris/base:v2 is not there after it was set to {digest}"):
        machine.ship("v2", digest=digest)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("sha256:" + "1" * 64, None),
        ("sha256:" + "2" * 64, "tag v1 moved in the registry"),
        (None, "tag v1 not in the registry"),
        (Unreachable(), None),
    ],
)
def test_a_tag_is_there_moved_or_gone(answer: Any, reason: str | None) -> None:
    question = ask("127.0.0.1:5000/iris/base", "v1")
    assert question == AskManifest("127.0.0.1:5000", "iris/base", "v1")
    assert absent("127.0.0.1:5000/iris/base", "v1", "sha256:" + "1" * 64, {question: answer}) == reason


# ---- real parts


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[str]:
    """A tag of a small image in the engine; everything named like it is removed afterwards."""
    name = f"ship{uuid.uuid4().hex[:8]}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /\nLABEL dev.bedplate.project={name}\n")
    build = ["docker", "build", "-q", "-t", f"{name}/base:{FP}", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True)
    yield f"{name}/base:{FP}"
    label = f"label=dev.bedplate.project={name}"
    listed = subprocess.run(["docker", "images", "-q", "--filter", label], capture_output=True, text=True, check=True)
    subprocess.run(["docker", "rmi", "-f", *set(listed.stdout.split())], capture_output=True, check=False)


def real_engine() -> Any:
    from bedplate.clients import docker_host
    from bedplate.clients.docker_engine import Engine

    return Engine(docker_host.address())


@pytest.mark.engine
def test_a_real_engine_pushes_to_a_real_registry(tmp_path: Path, tiny: str) -> None:
    with real_registry(tmp_path) as address:
        machine = Machine(address, real_engine())
        pushed = machine.ship("v1", "latest", tag=tiny)
        assert {machine.digest(tag) for tag in pushed.tags} == {pushed.digest}
        again = machine.ship("v2", digest=pushed.digest, tag=tiny)
        assert machine.digest("v2") == again.digest == pushed.digest


@pytest.mark.engine
def test_a_registry_that_falters_gets_the_image_all_the_same(tmp_path: Path, tiny: str) -> None:
    with real_registry(tmp_path) as address, flaky(address, []) as way:
        machine = Machine(way.address, real_engine())
        machine.registry(Registry("local", way.address, True)).check()
        way.faults[:] = [503, "reset", (429, "1"), 503]
        pushed = machine.ship("v1", tag=tiny)
        assert way.faults == []
        assert Machine(address).digest("v1") == pushed.digest


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a registry that we started."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with fake_registry() as server:
        port = int(server.address.rpartition(":")[2])
    registry_program.start(port)
    yield f"127.0.0.1:{port}"
    registry_program.stop(port)


@pytest.mark.engine
@pytest.mark.parametrize(("old", "new"), [(b"{", b"{ "), (b"2", b"3")])
def test_a_manifest_damaged_on_our_disk_is_noticed_and_repaired(ours: str, tiny: str, old: bytes, new: bytes) -> None:
    machine = Machine(ours, real_engine())
    pushed = machine.ship("v1", tag=tiny)
    digits = pushed.digest.partition(":")[2]
    blob = storage(int(ours.rpartition(":")[2])) / "docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data"
    content = blob.read_bytes()
    blob.write_bytes(content.replace(old, new, 1))
    assert machine.ship("v1", digest=pushed.digest, tag=tiny) == pushed
    assert blob.read_bytes() == content
    assert any("to be pushed again" in note for note in machine.log.notes)


@pytest.mark.engine
def test_a_manifest_damaged_elsewhere_is_an_error(tmp_path: Path, tiny: str) -> None:
    with real_registry(tmp_path) as address:
        machine = Machine(address, real_engine())
        pushed = machine.ship("v1", tag=tiny)
        digits = pushed.digest.partition(":")[2]
        blob = tmp_path / "storage/docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data"
        blob.write_bytes(blob.read_bytes() + b" ")
        for digest in (pushed.digest, None):
            with pytest.raises(StepError, match="corrupted"):
                machine.ship("v1", digest=digest, tag=tiny)


@pytest.mark.engine
def test_a_manifest_that_a_registry_elsewhere_cannot_read_is_noticed(tmp_path: Path, tiny: str) -> None:
    with real_registry(tmp_path) as address:
        machine = Machine(address, real_engine())
        pushed = machine.ship("v1", tag=tiny)
        question = ask(pushed.repository, "v1")
        digits = pushed.digest.partition(":")[2]
        blob = tmp_path / "storage/docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data"
        content = blob.read_bytes()
        blob.write_bytes(content[:100])

        def client(host: str) -> OciRegistry:
            return machine.registry(Registry("local", host, True))

        said = answers.answer([question], "unix:///nobody", client)
        assert absent(pushed.repository, "v1", pushed.digest, said) == "tag v1 damaged in the registry"
        with pytest.raises(StepError, match="the registry cannot read it") as told:
            machine.ship("v1", tag=tiny)
        assert "remove the blob there" in told.value.hint
        blob.unlink()
        assert machine.ship("v1", tag=tiny) == pushed and blob.read_bytes() == content


@pytest.mark.engine
def test_a_config_that_a_registry_elsewhere_has_lost_is_pushed_again(tmp_path: Path, tiny: str) -> None:
    with real_registry(tmp_path) as address:
        machine = Machine(address, real_engine())
        pushed = machine.ship("v1", tag=tiny)
        config = machine.registry(Registry("local", address, True)).config("iris/base", pushed.digest)
        digits = config.partition(":")[2]
        blob = tmp_path / "storage/docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data"
        content = blob.read_bytes()
        blob.unlink()
        assert Machine(address, real_engine()).ship("v1", tag=tiny) == pushed
        assert blob.read_bytes() == content
