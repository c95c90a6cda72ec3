from __future__ import annotations

import pytest

from bedplate.clients.registry_sign_in import Challenge, challenge

URL = "https://auth.example.io/token"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            f'Bearer realm="{URL}",service="ml.example.io",scope="repository:a/b:pull,push"',
            Challenge("bearer", URL, "ml.example.io", "repository:a/b:pull,push"),
        ),
        (f'bearer  scope="x" , realm="{URL}"', Challenge("bearer", URL, "", "x")),
        (f"Bearer realm={URL}", Challenge("bearer", URL)),
        ('Basic realm="a \\"quoted\\" name"', Challenge("basic", 'a "quoted" name')),
        (f'Basic realm="x", Bearer realm="{URL}",service="s"', Challenge("bearer", URL, "s")),
        (f'Bearer realm="{URL}",service="basic service", Basic realm="x"', Challenge("bearer", URL, "basic service")),
        ('Negotiate, Basic realm="x"', Challenge("basic", "x")),
        ("Negotiate", None),
        ("", None),
    ],
)
def test_a_challenge_is_read_as_http_writes_it(header: str, expected: Challenge | None) -> None:
    assert challenge(header) == expected


def test_a_hostile_header_is_read_quickly() -> None:
    assert challenge('Bearer realm="' + 'a\\"' * 50_000) in (None, Challenge("bearer", ""))
    assert challenge("Bearer " + "a=b," * 50_000)
