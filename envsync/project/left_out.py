"""Finds the environments that the settings leave out of a target on purpose."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from envsync.project.for_target import left_out_names
from envsync.project.search.globs import Globs

if TYPE_CHECKING:
    from envsync.model.state import RegisteredVersion
    from envsync.project.project import Project


def left_out(
    project: Project, target: str, versions: Iterable[RegisteredVersion]
) -> dict[str, str]:
    """Returns the names and files that the settings leave out, each with the reason.

    Args:
        project: the loaded project.
        target: the name of the target.
        versions: the registered versions that the project owns.

    Returns:
        The reason for each name and each file path. The names are those that `include` of the
        target does not match, or that `exclude` of the target matches. The files are the existing
        source files of `versions` that `exclude` of the project matches. File paths are
        relative to the project directory.
    """
    reasons = left_out_names(project.declarations, project.config, target)
    if not project.config.exclude:
        return reasons
    exclude = Globs.of(project.config.exclude)
    files = {file for item in versions if (file := item.environment.provenance.source)}
    for file in files:
        if exclude.match(file) and _exists(project, file):
            reasons[file] = f"`exclude` in envsync.yaml names {file}"
    return reasons


def _exists(project: Project, file: str) -> bool:
    try:
        return os.path.isfile(project.config.root / file)
    except ValueError:  # a null character, so no such file can exist
        return False
