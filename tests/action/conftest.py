"""A GitHub for the tests of the action."""

from collections.abc import Iterator

import pytest

from envsync.action.github import GitHub
from tests.action.forge import REPOSITORY, TOKEN, Forge, serving


@pytest.fixture(scope="session")
def served() -> Iterator[Forge]:
    with serving() as running:
        yield running


@pytest.fixture
def forge(served: Forge) -> Forge:
    """A GitHub that holds nothing yet."""
    served.__dict__.update(Forge(url=served.url).__dict__)
    return served


@pytest.fixture
def github(forge: Forge) -> GitHub:
    return GitHub(REPOSITORY, TOKEN, forge.url, f"{forge.url}/graphql")
