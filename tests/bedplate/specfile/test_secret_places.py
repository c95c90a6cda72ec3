"""secret_places: a secret that is not there is told with the line of the spec that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bedplate.clients.credentials import read_secret
from bedplate.errors import StepError
from bedplate.model import EnvSecret, FileSecret, SecretSource

SPEC = """\
targets:
  harbor:
    registry: {kind: generic, username: {env: NO_SUCH_USER}, password: {file: secrets/pasword}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/password").write_text("geheim", encoding="utf-8")
    return tmp_path


def told(root: Path, source: SecretSource) -> list[str]:
    with pytest.raises(StepError) as caught:
        read_secret(source, root, "password of x")
    return str(caught.value).splitlines()


def test_a_file_is_told_with_its_line_and_the_nearest_name(root: Path) -> None:
    line = SPEC.splitlines()[2]
    assert told(root, FileSecret("secrets/pasword")) == [
        "password of x: cannot read secrets/pasword: No such file or directory",
        "    pipeline.yaml:3:79: named here",
        f"        {line}",
        f"        {' ' * 78}^",
        "  hint: did you mean 'password'?",
    ]


def test_a_variable_is_told_with_its_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_USER", raising=False)
    said = told(root, EnvSecret("NO_SUCH_USER"))
    assert said[1] == "    pipeline.yaml:3:47: named here"
    assert said[-1] == "  hint: export NO_SUCH_USER=..."


def test_of_two_places_the_one_of_the_target_in_use_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_USER", raising=False)
    other = "  other:\n    registry: {kind: generic, address: r.io, username: {env: NO_SUCH_USER}}\n"
    (root / "pipeline.yaml").write_text(SPEC + other, encoding="utf-8")
    with pytest.raises(StepError, match="NO_SUCH_USER") as caught:
        read_secret(EnvSecret("NO_SUCH_USER"), root, "username of r.io", ("targets", "other", "registry"))
    assert "pipeline.yaml:5:62: named here" in caught.value.detail


def test_without_a_spec_the_file_alone_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, FileSecret("gone")) == ["password of x: cannot read gone: No such file or directory"]
