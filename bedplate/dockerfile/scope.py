"""dockerfile.scope: the ARG and ENV values that a word of a Dockerfile may name, at one place of one stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace

from bedplate.dockerfile.reader import Instruction
from bedplate.dockerfile.words import expand
from bedplate.frozen import dataclass
from bedplate.machine import this_platform

# Docker takes these without an ARG, as the environment of RUN; they are no part of what is built.
PROXIES = frozenset(
    name
    for stem in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (stem, stem.lower())
)


@dataclass(frozen=True)
class Scope:
    """`given`: the values that the spec sets. `outer`: those of the ARGs before the first FROM, and Docker's own.

    values  what ARG and ENV set, the later one of a name winning, as BuildKit has it
    args    names that an ARG declared and no ENV has set since
    used    collects the names in `args` whose value went into a word or a command"""

    given: Mapping[str, str]
    outer: Mapping[str, str]
    escape: str
    values: Mapping[str, str] = field(default_factory=dict)
    args: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)

    def word(self, text: str, unset: Callable[[str], None] | None = None) -> str:
        """Expands one word. `unset` is told the names that have no value here. Raises ValueError."""
        if "$" not in text and "'" not in text and '"' not in text and self.escape not in text:
            return text
        expanded = expand(text, self.values, self.escape)
        self.used.update((expanded.used | expanded.unset) & self.args)
        if unset:
            for name in sorted(expanded.unset):
                unset(name)
        return expanded.text

    def after_arg(self, at: Instruction) -> Scope:
        """The scope behind an ARG: the spec's value, else the default, else that of the ARG before FROM."""
        scope = self
        for text in at.words:
            name, equals, default = text.partition("=")
            if name in self.given:
                value: str | None = self.given[name]
            elif equals:
                value = scope.word(default)
            else:
                value = self.outer.get(name)
            # an ARG without any value leaves the value that was there
            values = scope.values if value is None else {**scope.values, name: value}
            scope = replace(scope, values=values, args=scope.args | {name})
        return scope

    def after_env(self, at: Instruction) -> Scope:
        pairs = zip(at.words[::2], at.words[1::2], strict=True)
        new = {self.word(name): self.word(value) for name, value in pairs}
        return replace(self, values={**self.values, **new}, args=self.args - new.keys())

    def run(self) -> None:
        """A command sees every ARG in its environment, whether its text names it or not."""
        self.used.update(self.args)


def of_platforms(target: str) -> dict[str, str]:
    """Docker's own arguments. `target`: os/arch[/variant]; the build platform is that of this machine."""
    values: dict[str, str] = {}
    for prefix, text in (("TARGET", target), ("BUILD", this_platform())):
        system, _, rest = text.partition("/")
        arch, _, variant = rest.partition("/")
        values |= {f"{prefix}PLATFORM": text, f"{prefix}OS": system, f"{prefix}ARCH": arch, f"{prefix}VARIANT": variant}
    return values
