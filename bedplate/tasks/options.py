"""options: a mistyped option is refused in one line; doit prints all it knows."""

from __future__ import annotations

import difflib
import re
from typing import Any, NoReturn

from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand


def parse(command: Any, arguments: list[str]) -> tuple[Any, list[str]]:
    """What doit's own parser returns: parameters and positional arguments. Raises InvalidCommand."""
    try:
        parsed: tuple[Any, list[str]] = command.cmdparser.parse(arguments)
        return parsed
    except CmdParseError as error:
        _refuse(command, str(error))


def _refuse(command: Any, message: str) -> NoReturn:
    what = re.sub(r"^Error parsing \w+: | ?\(parsing options: .*", "", message, flags=re.S)
    names = [f"--{option.long}" for option in command.cmdparser.options if option.long]
    mistyped = re.search(r"option (--?\S+)", what)
    near = difflib.get_close_matches(mistyped[1], names, 1) if mistyped else []
    hint = f"did you mean '{near[0]}'?" if near else f"`doit help {command.name}` lists the options"
    raise InvalidCommand(f"{what}\n  hint: {hint}")
