"""Writes `envsync.yaml` and loads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envsync.model.errors import InvalidProject
from envsync.project.settings.config import Config, load_config

WORKSPACE = "kind: workspace, subscription_id: s, resource_group: g, workspace: w"


def read(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    (directory / "envsync.yaml").write_text(text)
    return load_config(None, directory, environ or {})


def problems(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidProject) as caught:
        read(directory, text, environ)
    return [f"{p.line}:{p.column} {p.rule}: {p.message} {p.fix}" for p in caught.value.problems]
