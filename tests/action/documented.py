"""Returns the workflows that `envsync init` writes, and the pipeline in the documentation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.command import envsync

ROOT = Path(__file__).parents[2]

_PIPELINE = re.compile(r"^<!-- azure-pipelines -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def workflows() -> dict[str, str]:
    """Returns the workflows for GitHub, by path. docs/how-to/github-actions.md links to them."""
    with TemporaryDirectory() as directory:
        assert envsync("-q", "init", directory, cwd=ROOT).returncode == 0
        return {
            path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(Path(directory, ".github", "workflows").iterdir())
        }


def pipeline() -> str:
    """Returns the pipeline for Azure DevOps."""
    page = (ROOT / "docs" / "how-to" / "azure-devops.md").read_text(encoding="utf-8")
    (text,) = _PIPELINE.findall(page)
    return str(text)
