"""Settings and fixtures of all tests."""

import pytest
from hypothesis import settings

from tests.repository import ENVIRON, UNSET

# No deadline: a slow example on a busy machine is not a failure. pytest-timeout ends a test that
# hangs, and prints the stack of each thread.
settings.register_profile("default", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("default")

# Makes failed assertions of shared test code as clear as those of the tests themselves.
pytest.register_assert_rewrite(
    "tests.targets.contract", "tests.targets.azure.contract", "tests.emulator.contract"
)


@pytest.fixture
def clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides the git settings of this machine from a test."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
