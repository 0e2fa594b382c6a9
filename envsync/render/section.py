"""`Section`: a part of a Markdown document that can be cut between its items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from msgspec import Struct


class Section(Struct, frozen=True):
    """A part of a document that can be cut between its items.

    Attributes:
        name: the word for the items, in the plural.
        count: the number of items.
        items: the Markdown of each item. If not all items fit, items at the end are left out.
        opening: Markdown before the items.
        closing: Markdown after the items.
        share: the largest fraction of the remaining room that the section can take.
    """

    name: str
    count: int
    items: Sequence[str]
    opening: str = ""
    closing: str = ""
    share: float = 1.0

    def kept(self, room: float = float("inf")) -> int:
        """Returns the number of items that fit into `room` bytes."""
        sizes = accumulate(map(size, self.items), initial=size(self.opening + self.closing))
        return max(0, sum(size <= room * self.share for size in sizes) - 1)

    def text(self, room: float = float("inf")) -> str:
        """Returns the items that fit into `room` bytes, and the number of items that do not fit."""
        kept = self.kept(room)
        markdown = self.opening + "".join(self.items[:kept]) + self.closing if kept else ""
        if left_out := self.count - kept:
            more = " more" if kept else ""
            counted = self.counted(left_out, more)
            markdown += f"\n… and {counted}, omitted because of the size limit.\n"
        return markdown

    def counted(self, count: int, more: str = "") -> str:
        """Returns a number of items in words, such as `1 more change`."""
        return f"{count}{more} {self.name if count > 1 else self.name.removesuffix('s')}"


def enough(items: Iterable[str], room: float) -> list[str]:
    """Returns the items at the start that fit, and the first item that does not fit.

    A large plan has thousands of items. Rendering items that are cut later would waste time.
    """
    taken = []
    for item in items:
        taken.append(item)
        room -= size(item)
        if room < 0:
            break
    return taken


def size(text: str) -> int:
    """Returns the size of a string in bytes of UTF-8."""
    return len(text.encode())
