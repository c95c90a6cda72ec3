"""Fixtures of the tests of builds."""

from building import build, engine, log, os_image

__all__ = ["build", "engine", "log", "os_image"]
