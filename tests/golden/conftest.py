"""`pytest tests/golden --update-golden` writes what is expected anew; the difference is reviewed like code."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files of tests/golden anew")
