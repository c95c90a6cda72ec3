"""options: the options of our commands; one that is mistyped is refused in one line, where doit prints all it knows."""

from __future__ import annotations

import difflib
import re
from typing import Any, NoReturn

from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand

from bedplate.tasks import interrupts
from bedplate.tasks.console import complain


def flag(long: str, help: str, name: str = "") -> dict[str, Any]:
    """An option without a value, as doit's `cmd_options` has it. `name`: the parameter it becomes, if not `long`."""
    return {"name": name or long, "long": long, "type": bool, "default": False, "help": help}


def as_json(schema: str) -> dict[str, Any]:
    """`--json`. `schema`: the file in schemas/ that says what it gives."""
    return flag("json", f"one JSON object ({schema})", "as_json")


def parse_execute(command: Any, in_args: list[str]) -> int:
    """What doit calls a command by: a class of ours has it as its method of this name."""
    params, args = parse(command, in_args)
    params.update(command.opt_vals)
    try:
        code = int(command.execute(params, args))
        interrupts.settled()
        return code
    except KeyboardInterrupt:
        interrupts.settled()
        complain("\ninterrupted")
        return 130


def parse(command: Any, arguments: list[str]) -> tuple[Any, list[str]]:
    """What doit's own parser returns: parameters and positional arguments. Raises InvalidCommand."""
    try:
        parsed: tuple[Any, list[str]] = command.cmdparser.parse(arguments)
    except CmdParseError as error:
        _refuse(command, str(error))
    number = parsed[0].get("num_process") or 0
    if number < 0:
        raise InvalidCommand(f"option -n: {number} is no number of tasks to run at a time\n  hint: 0 or more")
    return parsed


def _refuse(command: Any, message: str) -> NoReturn:
    options = list(command.cmdparser.options)
    bad = re.search(r"Error parsing parameter '(\w+)'", message)
    option = next((o for o in options if bad and o.name == bad[1]), None)
    if option is not None:
        _refuse_value(command, option, message)
    what = re.sub(r"^Error parsing \w+: | ?\(parsing options: .*", "", message, flags=re.S)
    names = [f"--{option.long}" for option in options if option.long]
    mistyped = re.search(r"option (--?\S+)", what)
    near = difflib.get_close_matches(mistyped[1], names, 1) if mistyped else []
    raise InvalidCommand(f"{what}\n  hint: {_hint(command, near)}")


def _refuse_value(command: Any, option: Any, message: str) -> NoReturn:
    """doit's own words name its parameter and a class of Python."""
    said = f"option {f'-{option.short}' if option.short else f'--{option.long}'}"
    given = re.search(r"(?:Provided|base 10:) '(.*?)'", message, re.S)
    value = f"'{given[1]}'" if given else "what stands there"
    if option.choices:
        near = difflib.get_close_matches(given[1], list(option.choices), 1) if given else []
        wanted = ", ".join(f"'{choice}'" for choice in option.choices)
        raise InvalidCommand(f"{said}: {value} is none of {wanted}\n  hint: {_hint(command, near)}")
    wanted = "whole number" if option.type is int else "value that it takes"
    raise InvalidCommand(f"{said}: {value} is no {wanted}\n  hint: {_hint(command, [])}")


def _hint(command: Any, near: list[str]) -> str:
    return f"did you mean '{near[0]}'?" if near else f"`doit help {command.name}` lists the options"
