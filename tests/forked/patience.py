"""The time until a command shows its progress, in the tests."""

from typing import Final

PATIENCE: Final = 600.0
"""Seconds. On a busy machine, any command can take longer than the second of envsync itself."""
