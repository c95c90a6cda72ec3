"""Fixtures of the contract tests."""

from building import engine, os_image

__all__ = ["engine", "os_image"]
