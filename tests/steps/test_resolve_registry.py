from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from registries import fake_registry

from bedplate.clients import registry_program
from bedplate.clients.credentials import credentials
from bedplate.clients.oci_registry import OciRegistry
from bedplate.errors import StepError
from bedplate.model import (
    EnvSecret,
    GenericRegistry,
    LocalRegistry,
    Registry,
    RegistryEntry,
)
from bedplate.questions import AskAddress, Unreachable
from bedplate.step import Given
from steps import resolve_registry

GIVEN = Given("resolve_registry", "0" * 64, (), {})


@dataclass
class World:
    entry: RegistryEntry
    notes: list[str]

    @property
    def log(self) -> Any:
        return SimpleNamespace(note=self.notes.append)

    def registry(self, registry: Registry) -> OciRegistry:
        return OciRegistry(registry, credentials(self.entry, registry.address, Path("/")))


def resolve(entry: RegistryEntry) -> tuple[Registry, list[str]]:
    (task,) = resolve_registry.tasks(spec_with(entry))
    world: Any = World(entry, [])
    return resolve_registry.run(task.inputs, GIVEN, world), world.notes


def spec_with(entry: RegistryEntry) -> Any:
    return SimpleNamespace(target=SimpleNamespace(name="azure", registry=entry))


def generic(address: str, password: EnvSecret | None = None) -> GenericRegistry:
    return GenericRegistry(address, "ada" if password else None, password, insecure=False)


@pytest.mark.engine
def test_a_local_registry_is_started_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with fake_registry() as server:
        port = int(server.address.rpartition(":")[2])
    entry = LocalRegistry(port)
    world: Any = None
    try:
        registry, notes = resolve(entry)
        assert (registry.kind, registry.address) == ("local", f"127.0.0.1:{port}")
        assert "started a registry" in notes[0] and str(tmp_path) in notes[0]
        assert resolve(entry) == (registry, [f"127.0.0.1:{port} answers"])
    finally:
        said = resolve_registry.stop(Registry("local", f"127.0.0.1:{port}", insecure=True), world)
    assert said
    assert said.startswith(f"stopped the registry on 127.0.0.1:{port}")
    assert registry_program.answers(port) is None


def test_a_generic_registry_is_one_that_answers() -> None:
    with fake_registry() as server:
        registry, notes = resolve(generic(f"{server.address}/team/"))
        assert registry.address == f"{server.address}/team"
        assert notes == [f"{server.address}/team answers"]
    with pytest.raises(StepError, match="connection refused"):
        resolve(generic(server.address))


def test_an_account_that_cannot_be_read_is_told_before_work_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REG_PASSWORD", raising=False)
    with fake_registry() as server, pytest.raises(StepError, match="REG_PASSWORD is not set"):
        resolve(generic(server.address, EnvSecret("REG_PASSWORD")))


def test_inputs_name_where_a_password_stands_and_not_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REG_PASSWORD", "geheim")
    (task,) = resolve_registry.tasks(spec_with(generic("ml.example.io", EnvSecret("REG_PASSWORD"))))
    assert asdict(task.inputs)["password"] == {"env": "REG_PASSWORD"}
    assert "geheim" not in repr(task)


@pytest.mark.parametrize(("answer", "there"), [(True, True), (False, False), (Unreachable(), False)])
def test_a_local_registry_is_there_if_it_answers(answer: Any, there: bool) -> None:
    registry = Registry("local", "127.0.0.1:5000", insecure=True)
    (question,) = resolve_registry.asks(registry, spec_with(LocalRegistry(5000)))
    assert question == AskAddress(registry.address)
    reason = resolve_registry.present(registry, {question: answer})
    assert reason == (None if there else "registry 127.0.0.1:5000 does not answer")


def test_a_registry_elsewhere_is_not_asked_whether_it_is_there() -> None:
    registry = Registry("generic", "ml.example.io/team", insecure=False)
    assert resolve_registry.asks(registry, spec_with(generic("ml.example.io/team"))) == []
    assert resolve_registry.present(registry, {}) is None
    world: Any = None
    assert resolve_registry.stop(registry, world) is None
