"""Searches small files for references."""

from __future__ import annotations

from pathlib import Path

from envsync.model.reference import Reference
from envsync.project.files import Files
from envsync.project.references.find import files_below, find_references
from tests.project.project import Contents, write

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest/"


def search(root: Path, files: Contents, *, with_specs: bool = False) -> list[Reference]:
    write(root, files)
    return find_references(
        files_below(str(root)), Files.below(root), str(root), with_specs=with_specs
    )


def short(references: list[Reference]) -> list[str]:
    """Returns each reference as `line:column form text`."""
    return [f"{item.line}:{item.column} {item.form} {item.text}" for item in references]
