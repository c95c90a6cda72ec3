"""running: what an image says of its run: its user, ports, command and shell, held against its files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from bedplate.image_contents.look import Image

Verdict: TypeAlias = tuple[str, bool]  # what was found, in words; is it what was asked?

SHELLS = ("sh", "bash", "dash", "ash")
SCRIPT = 1 << 20  # bytes; a longer file is a program
PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


def user(wanted: str, image: Image) -> Verdict:
    """`non-root`, a name or a number, against USER and /etc/passwd. A user that is not there cannot be run as."""
    said = str(image.config.get("User") or "").partition(":")[0]
    # numbers, and root, tell it alone: no file has to be read
    plain = (not said or said == "root" or said.isdigit()) and (wanted in ("non-root", "root") or wanted.isdigit())
    names: Mapping[str, str] = {"root": "0"} if plain else _users(image)
    if said and not said.isdigit() and said not in names:
        return f"{said}, not in /etc/passwd", False
    number = said if said.isdigit() else names.get(said, "0")
    shown = said or "root"
    if number == "0":
        return shown if shown in ("root", "0") else f"{shown}, which is root", wanted in ("root", "0")
    if wanted == "non-root":
        return shown, True
    return shown, wanted in (said, number) or names.get(wanted) == number


def port(wanted: str, image: Image) -> Verdict:
    """Against EXPOSE; `5001/udp` is another port than 5001."""
    exposed = sorted(image.config.get("ExposedPorts") or {}, key=lambda port: (len(port), port))
    shown = ", ".join(one.removesuffix("/tcp") for one in exposed)
    return shown or "none exposed", f"{wanted}/tcp" in exposed


def command(wanted: str, image: Image) -> Verdict:
    """`*`: the program that ENTRYPOINT, or else CMD, runs, through the shell of its shell form too."""
    if wanted != "*":
        return _program(wanted, image)
    words = _words(image.config.get("Entrypoint")) or _words(image.config.get("Cmd"))
    if not words:
        return "no ENTRYPOINT and no CMD", False
    shown, there = _program(words[0], image)
    if there and words[0].rpartition("/")[2] in SHELLS and words[1:2] == ["-c"]:
        inner = _first(words[2] if len(words) > 2 else "")
        if inner:
            return _program(inner, image)
    return shown, there


def _program(name: str, image: Image) -> Verdict:
    """Is it there, may everybody run it, and is what its first line names there too?"""
    found = image.program(name)
    if found is None:
        there = image.look.entry(name) if name.startswith("/") else None
        if there is None:
            return f"{name} missing", False
        return f"{name} {'is a folder' if there.folder else 'not executable'}", False
    content = image.look.read(found.path) if found.size < SCRIPT else None
    line = (content or b"")[:256].split(b"\n")[0]
    if line.startswith(b"#!"):
        interpreter = line[2:].strip(b" \t").split(b" ")[0].decode(errors="replace")
        if interpreter.endswith("\r"):
            return f"{name} has line ends of Windows: the kernel looks for {interpreter.strip()}\\r", False
        if image.program(interpreter) is None:
            return f"{name} needs {interpreter}, missing", False
    return name, True


def shell(wanted: str, image: Image) -> Verdict:
    return _program(wanted, image)


def _users(image: Image) -> Mapping[str, str]:
    text = (image.look.read("/etc/passwd") or b"").decode(errors="replace")
    rows = (line.split(":") for line in text.splitlines())
    return {row[0]: row[2] for row in rows if len(row) > 2}


def _words(command: object) -> Sequence[str]:
    return [command] if isinstance(command, str) else list(command) if isinstance(command, list | tuple) else []


def _first(script: str) -> str:
    """The path that a shell's command line begins with, if that can be told: a name may be the shell's own."""
    try:
        words = shlex.split(script)
    except ValueError:
        return ""
    word = next((word for word in words if word != "exec"), "")
    return word if word.startswith("/") and PLAIN.fullmatch(word) else ""


RULES: Mapping[str, Callable[[str, Image], Verdict]] = {"user": user, "port": port, "command": command, "shell": shell}
