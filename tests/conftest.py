"""Makes failed assertions of shared test code as clear as those of the tests themselves."""

import pytest

pytest.register_assert_rewrite(
    "tests.targets.contract", "tests.targets.azure.contract", "tests.emulator.contract"
)
