"""Whether what the service holds is what was written, and what to say where it is not."""

from __future__ import annotations

from collections.abc import Mapping

from envsync.model.environment import Environment
from envsync.model.errors import TargetError
from envsync.model.state import RegisteredVersion
from envsync.plan.compare import match_spec, spec_fields
from envsync.targets.azure.wire import Resource


def ensure_ours(environment: Environment, held: RegisteredVersion) -> None:
    """Whether a registered version is the one that is to be created.

    Raises:
        TargetError: it has another spec or owner, or nobody can tell.
    """
    key = f"Environment {environment.key.name} with version {environment.key.version}"
    match = match_spec(environment.spec, held)
    if match == "other":
        fields = spec_fields(held.environment.spec, environment.spec)
        where = ", ".join(field.path for field in fields) or "build.context"
        raise TargetError(
            f"{key} is already registered and cannot be changed; it differs in {where}. Register a "
            "new version instead."
        )
    if held.owner != environment.provenance.owner:
        raise TargetError(
            f"{key} is already registered, by {_project(held.owner)} and not "
            f"{_project(environment.provenance.owner)}."
        )
    if match == "unknown":
        raise TargetError(
            f"{key} is already registered, and whether its build context is this one cannot be "
            "verified. Register a new version instead."
        )


def ensure_kept(
    what: str, held: Resource, description: str | None, tags: Mapping[str, str]
) -> None:
    """Whether a resource, as read back, holds the description and tags that were written.

    Raises:
        TargetError: the service kept tags that should be gone, or ignored something.
    """
    kept = sorted(held.tags.keys() - tags.keys())
    ignored = sorted(key for key, value in tags.items() if held.tags.get(key) != value)
    fields = [f"tags.{key}" for key in ignored]
    if held.description != (description or None):
        fields.insert(0, "description")
    if fields:
        raise TargetError(
            f"The service accepted the change of {what} and ignored it: {', '.join(fields)} "
            f"{'is' if len(fields) == 1 else 'are'} not as written."
        )
    if kept:
        raise TargetError(
            f"The service kept {'a tag' if len(kept) == 1 else 'tags'} of {what} that should be "
            f"gone: {', '.join(kept)}. Remove {'it' if len(kept) == 1 else 'them'} in Azure ML "
            "studio, or declare it, or name it in `ignore_tags`."
        )


def ensure_archived(what: str, held: Resource, archived: bool) -> None:
    """Whether a resource, as read back, has the archived state that was written.

    Raises:
        TargetError: the service ignored it.
    """
    if held.archived != archived:
        raise TargetError(
            f"The service accepted to {'archive' if archived else 'restore'} {what} and ignored it."
        )


def ensure_uploaded(environment: Environment, held: Resource) -> None:
    """Whether a local build context lies where the service can get it.

    Raises:
        TargetError: it was registered with a path of this machine.
    """
    if environment.spec.local_context is None:
        return
    if not (held.context_uri or "").startswith("https://"):
        raise TargetError(
            f"{environment.key} was registered without its build context, because somebody else "
            "registered this version at the same time. Archive it, and register a new version."
        )


def hidden_archive(name: str, version: str, reason: str) -> TargetError:
    """One version was to be archived while its container is, and the service refused."""
    return TargetError(
        f"{name}:{version} could not be archived while the environment {name} is archived. "
        f"{reason} Restore the environment in Azure ML studio, and run it again."
    )


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"
