"""Chooses the description and the tags that the file of a registered version needs."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from envsync.model.environment import Metadata
from envsync.project.settings.scope import Scope


def own_metadata(
    registered: Metadata, defaults: Metadata, scope: Scope, ignored: Sequence[str]
) -> Metadata:
    """Returns the metadata that the file of a registered version needs.

    Args:
        registered: the description and the tags in the target.
        defaults: the default description and tags.
        scope: the settings of the target. The tags of the target are left out, whatever their value
            is, because a file must not set them to other values.
        ignored: globs of the tags that belong to other tools.
    """
    description = registered.description
    return Metadata(
        None if description == defaults.description else description,
        {
            key: value
            for key, value in registered.tags.items()
            if key not in scope.tags
            and defaults.tags.get(key) != value
            and not any(fnmatchcase(key, glob) for glob in ignored)
        },
    )
