"""The smallest conflict is found with few questions, and explained in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from envsync.solving.conflicts import one_line, smallest_conflict


class Solves:
    """Answers whether a set contains one of some conflicts, and counts the questions."""

    def __init__(self, conflicts: Sequence[frozenset[int]]) -> None:
        self.conflicts = conflicts
        self.questions = 0

    async def __call__(self, indexes: Sequence[int]) -> str | None:
        assert len(set(indexes)) == len(indexes)
        self.questions += 1
        return "no" if any(conflict <= set(indexes) for conflict in self.conflicts) else None


SETS = st.lists(st.frozensets(st.integers(0, 15), min_size=1, max_size=4), min_size=1, max_size=4)


@given(SETS)
def test_the_reported_conflict_contains_no_smaller_conflict(
    conflicts: list[frozenset[int]],
) -> None:
    found = asyncio.run(smallest_conflict(Solves(conflicts), range(16)))

    assert frozenset(found) in conflicts
    parts = [set(part) for part in combinations(found, len(found) - 1)]
    assert not any(conflict <= part for conflict in conflicts for part in parts)
    assert found == sorted(found)


def test_a_conflict_of_two_among_a_thousand_dependencies_needs_few_solves() -> None:
    solves = Solves([frozenset({17, 801})])

    assert asyncio.run(smallest_conflict(solves, range(1000))) == [17, 801]
    assert solves.questions < 50


def test_the_explanation_of_one_dependency_is_one_line() -> None:
    tree = (
        "Cannot solve the request because of: pandas 1.* cannot be installed because there are no "
        "viable options:\n"
        "└─ pandas 1.0 would require\n"
        "   └─ numpy >=1.20,<1.22, which cannot be installed because there are no viable options:\n"
        "      └─ numpy 1.20.0 | 1.21.0 would require\n"
        "         └─ python >=3.9,<3.10.0a0, for which no candidates were found.\n"
    )

    assert one_line(tree) == (
        "pandas 1.0 requires numpy >=1.20,<1.22, which cannot be installed: numpy 1.20.0 | 1.21.0 "
        "requires python >=3.9,<3.10.0a0, which is not available"
    )


def test_the_explanation_of_two_dependencies_names_builds_once() -> None:
    tree = (
        "Cannot solve the request because of: The following packages are incompatible\n"
        "├─ torch * can be installed with any of the following options:\n"
        "│  └─ torch 2 would require\n"
        "│     └─ numpy >=2, which can be installed with any of the following options:\n"
        "│        └─ numpy 2.0\n"
        "└─ sk * cannot be installed because there are no viable options:\n"
        "   └─ sk 1 would require\n"
        "      └─ numpy <2, which cannot be installed because there are no viable options:\n"
        "         ├─ numpy 1.26.0, which conflicts with the versions reported above.\n"
        "         └─ numpy 1.26.0, which conflicts with the versions reported above.\n"
    )

    assert one_line(tree) == (
        "torch * can be installed: torch 2 requires numpy >=2, which can be installed: numpy 2.0; "
        "sk * cannot be installed: sk 1 requires numpy <2, which cannot be installed: "
        "numpy 1.26.0, which conflicts with these versions"
    )
