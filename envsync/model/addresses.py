"""The addresses of envsync on the web."""

from __future__ import annotations

from typing import Final

DOCUMENTATION: Final = "https://github.com/envsync/envsync/blob/main/docs"
"""The address of the documentation. The documentation is not installed with envsync."""
