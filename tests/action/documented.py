"""The workflows that docs/github-actions.md shows, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PIPELINE = re.compile(r"^<!-- azure-pipelines -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^<!-- workflow: (\S+) -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def workflows() -> dict[str, str]:
    """The workflows for GitHub, by path."""
    return dict(_BLOCK.findall(_page()))


def pipeline() -> str:
    """The pipeline for Azure DevOps."""
    (text,) = _PIPELINE.findall(_page())
    return str(text)


def _page() -> str:
    return (ROOT / "docs" / "github-actions.md").read_text(encoding="utf-8")
