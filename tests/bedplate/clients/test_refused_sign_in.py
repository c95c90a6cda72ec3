"""A sign-in that a registry refuses is told by where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from bedplate.clients.credentials import credentials
from bedplate.clients.registry_http import RegistryHttp, Reply, Request
from bedplate.errors import StepError
from bedplate.model import EnvSecret, FileSecret, GenericRegistry
from bedplate.secrets import Secret


def refuse(http: RegistryHttp) -> NoReturn:
    http._refuse(Request("GET", "https://ml.example.io/v2/", authorization=Secret("Basic x")), Reply(401, {}, b""))


def test_the_hint_names_the_variable_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REG_USER", "ada")
    (tmp_path / "word").write_text("s3cr3t-word\n")
    entry = GenericRegistry(
        address="ml.example.io", username=EnvSecret("REG_USER"), password=FileSecret("word"), insecure=False
    )
    with pytest.raises(StepError) as refused:
        refuse(RegistryHttp("ml.example.io", False, credentials(entry, "ml.example.io", tmp_path)))
    assert refused.value.hint.endswith("correct the variable REG_USER and the file word")
    assert "s3cr3t" not in str(refused.value)
