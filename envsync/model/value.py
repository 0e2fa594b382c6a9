"""`Value`: a frozen value with fields that are not compared or not shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import ClassVar

from msgspec import Struct


class Value(Struct, frozen=True, eq=False):
    """The base class of values with fields that are not compared or not shown.

    All other values are plain structs.

    Attributes:
        uncompared: the names of fields that do not decide whether two values are equal.
        unshown: the names of fields that `repr` leaves out, such as secrets.
    """

    uncompared: ClassVar[tuple[str, ...]] = ()
    unshown: ClassVar[tuple[str, ...]] = ()

    def __eq__(self, other: object) -> bool:
        """Compares the type and the compared fields."""
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self._compared() == other._compared()

    def __hash__(self) -> int:
        """Returns the hash of the compared fields."""
        return hash(self._compared())

    def __repr__(self) -> str:
        """Returns the constructor call with the shown fields."""
        shown = (name for name in self.__struct_fields__ if name not in self.unshown)
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({fields})"

    def _compared(self) -> object:
        return _compared_fields(type(self))(self)


@cache
def _compared_fields(kind: type[Value]) -> Callable[[Value], object]:
    """Returns a function that returns the compared fields of a value."""
    return attrgetter(*(name for name in kind.__struct_fields__ if name not in kind.uncompared))
