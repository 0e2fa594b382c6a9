"""Reads the workflows in docs/github-actions.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PIPELINE = re.compile(r"^<!-- azure-pipelines -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^<!-- workflow: (\S+) -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def workflows() -> dict[str, str]:
    """Returns the workflows for GitHub, by path."""
    return dict(_BLOCK.findall(_page()))


def pipeline() -> str:
    """Returns the pipeline for Azure DevOps."""
    (text,) = _PIPELINE.findall(_page())
    return str(text)


def _page() -> str:
    return (ROOT / "docs" / "github-actions.md").read_text(encoding="utf-8")
