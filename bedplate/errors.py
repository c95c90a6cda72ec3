"""errors: the kinds of failure a user can mend, by who must act."""

from __future__ import annotations

from bedplate.frozen import dataclass


@dataclass(frozen=True)
class Mistake:
    """One mistake in a file that the user wrote. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source: str = ""  # the offending line as it stands in the file, for the caret
    code: str = ""  # its name among the checks (checks.codes), where it has one of its own

    def __str__(self) -> str:
        where = ":".join([self.file] + [str(n) for n in (self.line, self.column) if n])
        text = f"{where}: {self.message}"
        if self.source:
            # a tab keeps its width on the terminal only if the caret line repeats it
            pad = "".join("\t" if c == "\t" else " " for c in self.source[: max(self.column - 1, 0)])
            text += f"\n    {self.source}\n    {pad}^"
        if self.hint:
            text += f"\n  hint: {self.hint}"
        return text


class SpecError(Exception):
    """The user's files must be edited: every mistake found, in file order. Exit code 3."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda m: (m.file, m.line, m.column))
        super().__init__("\n".join(str(m) for m in self.mistakes))


class StepError(Exception):
    """The engine, the registry, Azure or the service refused: what was asked, what came back, what to do. Exit 1."""

    def __init__(
        self, message: str, hint: str = "", detail: str = "", *, alone: bool = False, option: str = ""
    ) -> None:
        self.message = message
        self.hint = hint  # the next command or edit, only when we know it
        self.detail = detail  # what the other side said at length: the last lines of a log
        self.alone = alone  # it holds up what needs this task, and nothing else of the run
        self.option = option  # of doit's, without which the next run would end here again
        super().__init__(message)

    def __str__(self) -> str:
        text = self.message
        if self.detail:
            text += "\n" + "\n".join("    " + line for line in self.detail.rstrip().splitlines())
        if self.hint:
            text += f"\n  hint: {self.hint}"
        return text


class DamagedError(StepError):
    """What a registry holds under this name cannot be read, or is not what its digest says."""
