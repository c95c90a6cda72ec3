"""`pytest tests/bedplate/checks --update-findings` writes what is expected anew."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-findings", action="store_true", help="write dockerfiles/findings.txt anew")
