"""Fixtures of the tests of steps."""

from building import engine, os_image

__all__ = ["engine", "os_image"]
