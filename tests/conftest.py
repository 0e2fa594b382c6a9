"""What all tests share."""

import pytest
from hypothesis import settings

from tests.repository import ENVIRON, UNSET

# A busy machine is slow: how long one example takes is no reason to fail. pytest-timeout ends what
# hangs, and shows where each thread is.
settings.register_profile("default", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("default")

# Makes failed assertions of shared test code as clear as those of the tests themselves.
pytest.register_assert_rewrite(
    "tests.targets.contract", "tests.targets.azure.contract", "tests.emulator.contract"
)


@pytest.fixture
def clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git as it is where nobody set anything up."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
