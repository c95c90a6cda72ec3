from __future__ import annotations

import copy
import json
import pickle

import pytest

from bedplate.clients.credentials import Login
from bedplate.secrets import Secret

TEXT = "s3cr3t-text"


def test_no_way_of_writing_a_secret_shows_it() -> None:
    secret = Secret(TEXT)
    login = Login("ada", secret)
    written = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{secret!r}",
        repr(login),
        str([login]),
    ]
    assert all(TEXT not in text and "***" in text for text in written)
    assert secret.reveal() == TEXT


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, copy.copy, vars])
def test_a_secret_cannot_be_stored(write: object) -> None:
    assert callable(write)
    with pytest.raises(TypeError) as refused:
        write(Secret(TEXT))
    assert TEXT not in str(refused.value)


def test_secrets_are_equal_by_their_text() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"
    assert not Secret("")
