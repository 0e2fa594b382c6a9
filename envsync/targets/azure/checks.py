"""Functions that raise an error if the service did not store what envsync wrote."""

from __future__ import annotations

from collections.abc import Mapping

from envsync.model.environment import Environment
from envsync.model.errors import TargetError
from envsync.targets.azure.wire import Resource


def ensure_kept(
    what: str, held: Resource, description: str | None, tags: Mapping[str, str]
) -> None:
    """Checks that the stored resource has the description and tags that were written.

    Raises:
        TargetError: the service kept tags that the write removed, or ignored the new description or
            tags.
    """
    kept = sorted(held.tags.keys() - tags.keys())
    ignored = sorted(key for key, value in tags.items() if held.tags.get(key) != value)
    fields = [f"tags.{key}" for key in ignored]
    # Neither the documentation nor recorded responses show whether a PUT replaces all tags or only
    # adds tags. One report says that a registry ignores new tags and descriptions of versions:
    # https://github.com/Azure/azure-sdk-for-python/issues/30208
    if held.description != (description or None):
        fields.insert(0, "description")
    if fields:
        raise TargetError(
            f"The service accepted the change of {what} and ignored it: {', '.join(fields)} "
            f"{'does' if len(fields) == 1 else 'do'} not have the written value. Register a new "
            "version instead."
        )
    if kept:
        raise TargetError(
            f"The service kept {'a tag' if len(kept) == 1 else 'tags'} of {what} that the change "
            f"removes: {', '.join(kept)}. Remove {'it' if len(kept) == 1 else 'them'} in Azure ML "
            f"studio, declare {'it' if len(kept) == 1 else 'them'}, or add "
            f"{'it' if len(kept) == 1 else 'them'} to `ignore_tags`."
        )


def ensure_archived(what: str, held: Resource, archived: bool) -> None:
    """Checks that the stored resource has the archived state that was written.

    Raises:
        TargetError: the service did not change the archived state.
    """
    # The service ignores `isArchived` if `stage` contradicts it, as recorded responses of
    # registries show.
    if held.archived != archived:
        raise TargetError(
            f"The service accepted the request to {'archive' if archived else 'restore'} {what}, "
            "but did not change the archived state. Change this state in Azure ML studio."
        )


def ensure_uploaded(environment: Environment, held: Resource) -> None:
    """Checks that the service registered an uploaded build context, not a local path.

    Raises:
        TargetError: the version was registered with a local path instead of the URL of an upload.
    """
    if environment.spec.local_context is None:
        return
    if not (held.context_uri or "").startswith("https://"):
        raise TargetError(
            f"{environment.key} was registered without its build context, because another client "
            "registered this version at the same time. Archive this version and register a new one."
        )


def hidden_archive(name: str, version: str, reason: str) -> TargetError:
    """Returns the error for a version that cannot be archived while its container is archived.

    The documentation does not say whether the service refuses to archive a version of an archived
    container.
    """
    return TargetError(
        f"{name}:{version} could not be archived while the environment {name} is archived. "
        f"{reason} Restore the environment in Azure ML studio, and run apply again."
    )


def unknown_result(what: str, failure: TargetError) -> TargetError:
    """Returns the error for a failed write whose result cannot be read.

    Args:
        what: the name of the container, or `NAME:VERSION`.
        failure: the error of the write.
    """
    return TargetError(
        f"{failure} {what} could not be read afterwards, so it is unknown whether the change was "
        "made. Run apply again."
    )
