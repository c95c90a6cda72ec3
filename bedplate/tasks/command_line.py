"""command_line: the words that `doit` takes for the pipeline besides its own, and what it says to others."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from bedplate.tasks.console import complain

TARGET = {
    "section": "task loader",
    "name": "target",
    "short": "t",
    "long": "target",
    "type": str,
    "default": "",
    "env_var": "BEDPLATE_TARGET",
    "help": "target of pipeline.yaml to work on [default: its first]",
}

LOCKED = {
    "section": "task loader",
    "name": "locked",
    "long": "locked",
    "type": bool,
    "default": False,
    "help": "take no digest of an upstream image: what pipeline.lock lacks is an error (so it is where CI is set)",
}

YES = {
    "section": "task loader",
    "name": "yes",
    "long": "yes",
    "type": bool,
    "default": False,
    "help": "let a protected target be changed without being asked",
}


class Variables(dict[str, str]):
    """The `name=value` words of the command line; remembers which names anybody asked for."""

    def __init__(self, words: dict[str, str]) -> None:
        super().__init__(words)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def refuse_unknown(self) -> None:
        """A mistyped `name=value` gets a word; doit takes any."""
        from difflib import get_close_matches

        asked = self.asked | {"target"}
        for name in self:
            if name not in asked:
                near = get_close_matches(name, sorted(asked), 1, 0.5)
                hint = f"did you mean '{near[0]}'?" if near else f"it takes: {', '.join(sorted(asked))}"
                refuse(f"unknown variable '{name}=...' on the command line", hint)


def refuse(message: str, hint: str = "") -> NoReturn:
    """Ends the process with exit code 3."""
    complain(f"doit: {message}" + (f"\n  hint: {hint}" if hint else ""))
    sys.exit(3)
