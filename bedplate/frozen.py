"""frozen: the standard library's `dataclass(frozen=True)`, whose classes are made in a third of the time.

The standard library writes and compiles six methods for every class: 40 ms for the ninety that a run needs which does
one thing. Here those that are alike are shared, and only `__init__` is written. That nobody assigns to a field is
seen by mypy, as elsewhere, and not once more when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    from collections.abc import Callable
    from operator import attrgetter
    from typing import TypeVar

    T = TypeVar("T")

    def dataclass(*, frozen: bool, eq: bool = True) -> Callable[[type[T]], type[T]]:
        """For classes without a base. `frozen`: is True; `eq`: whether two are equal that have equal fields."""
        assert frozen, "the standard library has those that change"

        def made(cls: type[T]) -> type[T]:
            if not cls.__doc__:
                cls.__doc__ = cls.__name__  # the standard library would write its signature
            dataclasses.dataclass(repr=False, eq=False)(cls)
            if eq:
                names = [field.name for field in dataclasses.fields(cls) if field.compare]
                cls._compared = property(attrgetter(*names) if names else lambda _: ())
                cls.__eq__, cls.__hash__ = _equal, _hash
            cls.__repr__ = _repr
            return cls

        return made

    def _equal(self: object, other: object) -> bool:
        return self._compared == other._compared if other.__class__ is self.__class__ else NotImplemented

    def _hash(self: object) -> int:
        return hash(self._compared)

    def _repr(self: object) -> str:
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"
