"""A state as a target saw it, with what it has to say about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envsync.state import Container


class ObservedState(dict[str, Container]):
    """Containers by name, as any state, and remarks for whoever reads the plan.

    Attributes:
        notes: one sentence each; a plan shows them as warnings.
    """

    def __init__(self, containers: Mapping[str, Container], notes: Iterable[str] = ()) -> None:
        super().__init__(containers)
        self.notes = tuple(notes)
