"""steps: the verbs, in the order in which a thing passes through them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from bedplate.step import Step

ORDER = ("resolve_registry", "build_base", "push", "create_environment", "deploy", "smoke_test")


def load() -> dict[str, Step]:
    """The step modules by name, in their order."""
    # a module is a Step by having its functions, which no type checker can see through import_module
    return {name: cast("Step", import_module(f"steps.{name}")) for name in ORDER}
