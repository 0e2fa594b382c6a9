"""Fixtures: a GitHub on loopback, and a client for it."""

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
    """An empty GitHub."""
    # All tests of the session share one server, because starting it takes longer than a test.
    served.__dict__.update(Forge(url=served.url).__dict__)
    return served


@pytest.fixture
def github(forge: Forge) -> GitHub:
    return GitHub(REPOSITORY, TOKEN, api=forge.url, graphql=f"{forge.url}/graphql")
