from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bedplate.clients.credentials import Login, credentials, from_docker
from bedplate.errors import StepError
from bedplate.model import AcrRegistry, EnvSecret, FileSecret, GenericRegistry, LocalRegistry
from bedplate.secrets import Secret

ADA = Login("ada", Secret("geheim"))
AUTH = base64.b64encode(b"ada:geheim").decode()


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes Docker's config.json."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))

    def write(**config: Any) -> None:
        (folder / "config.json").write_text(json.dumps(config))

    return write


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper that knows one host, and writes down how it was called."""
    program = tmp_path / "bin" / "docker-credential-test"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'key=$(cat); echo "$* <$key>" >> {tmp_path}/calls\n'
        'case "$key" in\n'
        '  ml.example.io) echo \'{"ServerURL": "ml.example.io", "Username": "ada", "Secret": "geheim"}\';;\n'
        '  id.example.io) echo \'{"Username": "<token>", "Secret": "refresh"}\';;\n'
        '  odd.example.io) echo "geheim";;\n'
        '  broken.example.io) echo "store is locked"; exit 1;;\n'
        '  *) echo "credentials not found in native keychain"; exit 1;;\n'
        "esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return tmp_path / "calls"


def generic(username: Any, password: Any, address: str = "ml.example.io/team") -> GenericRegistry:
    return GenericRegistry(address, username, password, insecure=False)


def test_the_spec_names_variables_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REG_USER", "ada")
    (tmp_path / "password").write_text("geheim\n")
    entry = generic(EnvSecret("REG_USER"), FileSecret("password"))
    assert credentials(entry, "ml.example.io/team", tmp_path)() == ADA
    entry = generic("ada", FileSecret(str(tmp_path / "password")))
    assert credentials(entry, "ml.example.io", Path("/"))() == ADA


def test_what_the_spec_names_is_for_its_own_host(tmp_path: Path, docker: Any) -> None:
    entry = generic("ada", EnvSecret("NOT_SET"))
    assert credentials(entry, "other.example.io", tmp_path)() is None
    docker(auths={"other.example.io": {"auth": AUTH}})
    assert credentials(entry, "other.example.io/x", tmp_path)() == ADA


@pytest.mark.parametrize(
    ("name", "address", "ours"),
    [
        ("ml", "ml.azurecr.io", True),
        ("ml.azurecr.io", "ml.azurecr.io", True),
        ("ml", "ml.azurecr.us", True),
        ("ml", "ml.example.io", False),
        ("ml", "mlops.azurecr.io", False),
    ],
)
def test_an_azure_registry_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: str, ours: bool
) -> None:
    monkeypatch.setenv("REG_PASSWORD", "geheim")
    entry = AcrRegistry(name, "service_principal", "ada", EnvSecret("REG_PASSWORD"))
    assert credentials(entry, address, tmp_path)() == (ADA if ours else None)


def test_nothing_is_read_before_it_is_asked_for_and_then_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = credentials(generic("ada", EnvSecret("REG_PASSWORD")), "ml.example.io", tmp_path)
    monkeypatch.setenv("REG_PASSWORD", "geheim")
    assert found() == ADA
    monkeypatch.delenv("REG_PASSWORD")
    assert found() == ADA


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_without_a_value_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("REG_PASSWORD", raising=False)
    if value is not None:
        monkeypatch.setenv("REG_PASSWORD", value)
    with pytest.raises(StepError, match="password of ml.example.io: the environment variable REG_PASSWORD is "):
        credentials(generic("ada", EnvSecret("REG_PASSWORD")), "ml.example.io", tmp_path)()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    for name, why in (("nowhere", "No such file"), ("empty", "is empty"), ("binary", "not UTF-8"), (".", "directory")):
        with pytest.raises(StepError, match=why):
            credentials(generic("ada", FileSecret(name)), "ml.example.io", tmp_path)()


def test_a_password_needs_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REG_PASSWORD", "geheim")
    with pytest.raises(StepError, match="no username"):
        credentials(generic(None, EnvSecret("REG_PASSWORD")), "ml.example.io", tmp_path)()


@pytest.mark.parametrize("entry", [None, LocalRegistry(5000), generic(None, None)])
def test_where_the_spec_names_nothing_docker_is_asked(tmp_path: Path, docker: Any, entry: Any) -> None:
    assert credentials(entry, "ml.example.io", tmp_path)() is None
    docker(auths={"ml.example.io": {"auth": AUTH}})
    assert credentials(entry, "ml.example.io/team", tmp_path)() == ADA


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("ml.example.io", "ml.example.io"),
        ("https://ml.example.io", "ml.example.io"),
        ("https://ml.example.io/v2/", "ml.example.io/team"),
        ("ml.example.io:5000", "ml.example.io:5000/team"),
        ("https://index.docker.io/v1/", "docker.io/library"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
    ],
)
def test_docker_writes_a_host_in_several_ways(docker: Any, key: str, address: str) -> None:
    docker(auths={"other.example.io": {"auth": "eDp5"}, key: {"auth": AUTH}})
    assert from_docker(address) == ADA


def test_another_port_is_another_registry(docker: Any) -> None:
    docker(auths={"ml.example.io": {"auth": AUTH}})
    assert from_docker("ml.example.io:5000") is None


def test_an_identity_token_is_told_from_a_password(docker: Any) -> None:
    docker(auths={"ml.example.io": {"auth": base64.b64encode(b"ada:").decode(), "identitytoken": "refresh"}})
    assert from_docker("ml.example.io") == Login("ada", Secret("refresh"), identity=True)


@pytest.mark.parametrize("entry", [{}, {"auth": ""}, {"email": "x"}])
def test_an_empty_entry_is_no_account(docker: Any, entry: dict[str, str]) -> None:
    docker(auths={"ml.example.io": entry})
    assert from_docker("ml.example.io") is None


def test_a_store_is_asked_on_its_standard_input(docker: Any, helper: Path) -> None:
    docker(credsStore="test", auths={"ml.example.io": {}})
    assert from_docker("ml.example.io/team") == ADA
    assert from_docker("id.example.io") == Login("", Secret("refresh"), identity=True)
    assert from_docker("unknown.example.io") is None
    assert helper.read_text().splitlines()[0] == "get <ml.example.io>"


def test_a_helper_of_one_host_goes_before_the_store(docker: Any, helper: Path) -> None:
    docker(credsStore="missing-store", credHelpers={"ml.example.io": "test"})
    assert from_docker("ml.example.io") == ADA
    with pytest.raises(StepError, match="docker-credential-missing-store is not there"):
        from_docker("other.example.io")


def test_a_helper_that_fails_is_named_with_its_words(docker: Any, helper: Path) -> None:
    docker(credsStore="test")
    with pytest.raises(StepError, match=r"broken.example.io: docker-credential-test failed \(1\): store is locked"):
        from_docker("broken.example.io")
    with pytest.raises(StepError, match="cannot be read") as refused:
        from_docker("odd.example.io")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"ml.example.io": {"auth": "%%geheim"}}}'])
def test_a_broken_config_is_told_without_its_content(tmp_path: Path, text: str) -> None:
    (tmp_path / "docker" / "config.json").write_text(text)
    with pytest.raises(StepError, match="cannot be read|cannot read") as refused:
        from_docker("ml.example.io")
    assert "geheim" not in str(refused.value)


def test_no_config_is_no_account() -> None:
    assert from_docker("ml.example.io") is None
