"""Which names and values are taken for secrets, and that no line shows one."""

from __future__ import annotations

import pytest

from bedplate.checks.secret_values import assigned, literal, masked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "correcthorse"),
        ("password", "Zx81-Zx81"),
        ("API_TOKEN", "k3ZtQ9vLx2"),
        ("client-secret", "abc8Q~defghijk"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY"),
        ("storage.account.key", "'a1b2c3d4e5'"),
    ],
)
def test_a_secret_is_a_name_and_a_value(name: str, value: str) -> None:
    assert literal(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_METHOD", "managed_identity"),
        ("PRIMARY_KEY_COLUMN", "customer_id2"),
        ("SORT_KEY", "created_at"),
        ("SECRET_NAME", "storage-conn-1"),
        ("CACHE_KEY_PREFIX", "iris-v2-prod"),
        ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
        ("PUBLIC_KEY", "a1b2c3d4e5"),
        ("TOKEN_FILE", "a1b2c3d4e5"),
        ("API_KEY", "${API_KEY2}"),
        ("API_KEY", "your-api-key-1"),
        ("password", "/run/secrets/db1"),
        ("MAX_TOKENS", "a1b2c3d4e5"),
        ("password", ".*/password=changeme/"),
    ],
)
def test_a_word_about_a_secret_is_none(name: str, value: str) -> None:
    assert not literal(name, value)


def test_a_name_may_stand_in_quotes() -> None:
    assert list(assigned('{"client_secret": "abc8Q~defghijk"}')) == [(2, "client_secret")]
    assert "k3ZtQ9vLx2" not in masked('args: {"NPM_TOKEN": "k3ZtQ9vLx2"}')
    assert "k3ZtQ9vLx2" not in masked("args: {'NPM_TOKEN' : k3ZtQ9vLx2}")


def test_where_a_secret_comes_from_is_no_secret() -> None:
    line = "registry: {username: ada, password: {env: REG_PASSWORD}, token: { file: secrets/reg }}"
    assert masked(line) == line
    assert "geheim" not in masked("password: geheim-1")
