"""Rejects archives of environments that are protected or in use. Finds the uses of `@latest`.

An environment is in use if a change breaks a reference to it. A change breaks a reference if the
reference resolves to an active version before the change, but not after the change. For example,
archiving one version breaks references to this version, but breaks references to `@latest` only if
no other version is active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from envsync.model.declaration import Source
from envsync.model.policy import Policy
from envsync.model.state import Container
from envsync.model.target import TargetIdentity
from envsync.model.use import Use
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.versions import container_after

if TYPE_CHECKING:
    from envsync.model.reference import Reference

_IN_USE: Final = "in-use"
"""The code of a rejection. An ignore comment with this code excludes a reference from the check."""

_MOST_PLACES: Final = 3
"""Maximum number of references that a message names."""


class References(Struct, frozen=True):
    """The references of a repository to the environments of one target.

    Attributes:
        by_name: maps each name in the target to the references to this name.
    """

    by_name: Mapping[str, Sequence[Reference]] = field(default_factory=dict)

    @classmethod
    def of(cls, references: Iterable[Reference], target: TargetIdentity) -> References:
        """Selects the references to environments of a target.

        A job looks for `azureml:NAME:VERSION` in its own workspace, so this reference is selected
        for every workspace of the project, but not for a registry.
        """
        found: dict[str, list[Reference]] = {}
        for item in references:
            if item.name is not None and means(item, target):
                found.setdefault(item.name, []).append(item)
        return cls(MappingProxyType(found))

    def of_latest(self, name: str) -> tuple[Use, ...]:
        """Returns the uses of `NAME@latest`, sorted by file and position."""
        found = (item for item in self.by_name.get(name, ()) if item.means_latest)
        return tuple(item.use for item in sorted(found, key=lambda item: item.order))


NO_REFERENCES: Final = References()


def means(reference: Reference, target: TargetIdentity) -> bool:
    """Returns True if a reference can refer to an environment of a target."""
    if target.kind == "registry":
        return target.id.lower() == f"azureml://registries/{reference.registry}"
    if reference.registry is not None:
        return False
    # A local target can represent any workspace.
    return target.kind == "local" or reference.workspace in (None, target.id.lower())


def without_refused(
    changes: Sequence[Change],
    container: Container,
    policy: Policy,
    references: References,
    suffix: str = "",
) -> tuple[list[Change], list[Rejection], list[str]]:
    """Returns the changes, except refused archives. Each refused archive becomes a rejection.

    Args:
        changes: the changes of one name.
        container: the container of this name before the changes.
        policy: the policy of the plan.
        references: the references of the repository.
        suffix: the text that the target adds to every declared name.

    Returns:
        The remaining changes, the rejections with the codes `protected` and `in-use`, and the
        warnings.
    """
    # Return early, because the plan archives nothing for most names.
    if not any(change.action is Action.ARCHIVE for change in changes):
        return list(changes), [], []
    glob = _protecting(container.name, policy, suffix)
    broken = _broken(changes, container, references)
    kept: list[Change] = []
    rejections: list[Rejection] = []
    warnings: list[str] = []
    for change in changes:
        if change.action is not Action.ARCHIVE or not _hides(change, container):
            kept.append(change)
            continue
        # If the version in a reference is unknown, the reference may use any of the versions.
        users = [
            item
            for item in broken
            if None in (change.version, item.version) or change.version == item.version
        ]
        exact = [item for item in users if item.certainty == "exact"]
        if glob is not None:
            rejections.append(_protected(change, glob))
        elif exact and not policy.allow_in_use:
            rejections.append(_in_use(change, exact))
        else:
            kept.append(change)
            if users:
                warnings.append(_warning(change, users))
    return kept, rejections, warnings


def broken_by(reference: Reference, before: Container, after: Container) -> bool:
    """Returns True if a reference resolves to an active version before a change, but not after it.

    Args:
        reference: a reference to the name of the container.
        before: the container before the change.
        after: the container after the change.
    """
    return _resolves(reference)(before) and not _resolves(reference)(after)


def _resolves(reference: Reference) -> Callable[[Container], bool]:
    """Returns a function that returns True for a container in which a reference is resolved.

    A reference is resolved if it refers to an active version.
    """
    if reference.version is None:
        return lambda container: bool(container.active)
    return lambda container: any(item.version == reference.version for item in container.active)


def _broken(
    changes: Sequence[Change], container: Container, references: References
) -> list[Reference]:
    after = container_after(container, changes)
    gone = {item.version for item in container.active} - {item.version for item in after.active}
    return [
        item
        for item in sorted(references.by_name.get(container.name, ()), key=lambda item: item.order)
        if _IN_USE not in item.ignored
        and (broken_by(item, container, after) or (gone and _may_mean_any(item)))
    ]


def _may_mean_any(reference: Reference) -> bool:
    """Returns True if the version or label of a reference is a placeholder."""
    return reference.version is None and reference.label is None and reference.form != "name"


def _hides(change: Change, container: Container) -> bool:
    """Returns True if an archive hides a version that is visible now."""
    return change.version is None or any(
        item.version == change.version for item in container.active
    )


def _protecting(name: str, policy: Policy, suffix: str) -> str | None:
    """Returns the pattern of `protect` that matches a name with or without its suffix.

    Returns None if no pattern matches.
    """
    names = (name, name.removesuffix(suffix))
    return next(
        (glob for glob in policy.protect if any(fnmatchcase(item, glob) for item in names)), None
    )


def _protected(change: Change, glob: str) -> Rejection:
    return Rejection(
        code="protected",
        name=change.name,
        version=change.version,
        message=f"{change.address} would be archived ({change.reason}), but the pattern '{glob}' "
        "in `protect` matches its name.",
        fix=f"Declare {change.address} again, or remove the pattern from `protect` in "
        "envsync.yaml.",
    )


def _in_use(change: Change, users: Sequence[Reference]) -> Rejection:
    first = users[0]
    return Rejection(
        code=_IN_USE,
        name=change.name,
        version=change.version,
        message=f"{change.address} would be archived ({change.reason}), but {places(users)} "
        f"{'uses' if len(users) == 1 else 'use'} it.",
        fix=f"Declare {change.address} again, change the files that use it, or pass "
        "--allow-in-use.",
        source=Source(first.file, first.line),
    )


def _warning(change: Change, users: Sequence[Reference]) -> str:
    probably = "" if any(item.certainty == "exact" for item in users) else "probably "
    verb = "uses" if len(users) == 1 else "use"
    return f"{change.address}: the plan archives it, and {places(users)} {probably}{verb} it."


def places(users: Sequence[Reference | Use]) -> str:
    """Joins the positions of references, as in "a, b and c". A long list is shortened."""
    found = list(dict.fromkeys(item.where for item in users))
    shown = found[:_MOST_PLACES]
    if more := len(found) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
