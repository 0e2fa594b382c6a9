"""Matches patterns without wildcards, with one look-up for each directory of a path."""

from __future__ import annotations

from dataclasses import dataclass, field

from envsync.project.context.pattern import Split


@dataclass(slots=True)
class Literals:
    """The patterns without wildcards, each with its position in the ignore file.

    Attributes:
        anywhere: `name`, which matches at every depth.
        below: `name/`, which matches everything below the name, at every depth.
        paths: `a/name`, which matches from the root.
        paths_below: `a/name/`, which matches everything below that path.
    """

    anywhere: dict[str, int] = field(default_factory=dict)
    below: dict[str, int] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)
    paths_below: dict[str, int] = field(default_factory=dict)

    def add(self, segments: Split | None, position: int) -> bool:
        """Adds a pattern. Returns False if the pattern has wildcards.

        Args:
            segments: the parts of the pattern. None, or a segment that is None, stands for
                wildcards.
            position: the position of the pattern. It must be higher than in all earlier calls.
        """
        if not segments:
            return False
        starts_anywhere, is_below = segments[0] is None, segments[-1] is None
        names = segments[int(starts_anywhere) : len(segments) - int(is_below)]
        texts = [name for name in names if isinstance(name, str)]
        if not texts or len(texts) < len(names) or (starts_anywhere and len(texts) > 1):
            return False
        if starts_anywhere:
            found = self.below if is_below else self.anywhere
        else:
            found = self.paths_below if is_below else self.paths
        found["/".join(texts)] = position
        return True

    def last_match(self, path: str) -> int:
        """Returns the position of the last pattern that matches a path, or -1."""
        names = path.split("/")
        last = max(self.anywhere.get(names[-1], -1), self.paths.get(path, -1))
        if self.anywhere or self.below:
            for name in names[:-1]:
                last = max(last, self.anywhere.get(name, -1), self.below.get(name, -1))
        if self.paths or self.paths_below:
            for end in range(1, len(names)):
                above = "/".join(names[:end])
                last = max(last, self.paths.get(above, -1), self.paths_below.get(above, -1))
        return last
