"""What all tests share."""

import pytest

from tests.repository import ENVIRON, UNSET

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
