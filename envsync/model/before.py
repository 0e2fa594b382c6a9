"""`Before`: the state that a plan expects just before one of its changes is written.

A person can think about a plan for hours, and other people can change the target in the meantime.
So just before each change, the target compares its state with `Before`. If the two differ, the
target raises `Conflict` and writes nothing (see targets/conflicts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.canonical import canonical_json
from envsync.model.environment import Metadata
from envsync.model.masking import masked
from envsync.model.state import Container, RegisteredVersion

_SHORT: Final = 60
"""The number of characters of a value that a message shows."""


class Before(Struct, frozen=True):
    """The state that a plan expects just before one change.

    The expected state includes the earlier changes of the same plan.

    Attributes:
        hidden: whether the container is archived.
        version: the expected version, for an update, an archive or a restore. None for a create,
            and for a change of the whole environment.
        archived: whether the version itself is archived. None if it is unknown whether the version
            is archived.
        owners: for a change of the whole environment, the versions that the change hides or shows,
            each with its owner. None for the change of a version.
        known: for a create, the versions of the environment, each with its possible owners. (An
            update of the same plan can change the owner before or after the create.) None for other
            changes.
    """

    hidden: bool
    version: RegisteredVersion | None = None
    archived: bool | None = None
    owners: Mapping[str, str | None] | None = None
    known: Mapping[str, frozenset[str | None]] | None = None

    def differences(self, found: Container) -> tuple[str, ...]:
        """Returns a phrase for each difference between a container and the expected state.

        Args:
            found: the container in the target. For an update, an archive or a restore of one
                version, the other versions are not needed.
        """
        return tuple(self._differences(found))

    def _differences(self, found: Container) -> Iterator[str]:
        if found.archived != self.hidden:
            yield f"the environment is {_archived(found.archived)}"
        if self.version is not None:
            held = found.version(self.version.version)
            if held is None:
                yield "the version does not exist any more"
            else:
                yield from self._version_differences(self.version, held)
        if self.owners is not None:
            yield from _owner_differences(self.owners, versions_of(found, hidden=self.hidden))
        if self.known is not None:
            yield from _new_versions(self.known, found)

    def _version_differences(
        self, expected: RegisteredVersion, held: RegisteredVersion
    ) -> Iterator[str]:
        if held.owner != expected.owner:
            yield f"its owner is {_project(held.owner)}, and was {_project(expected.owner)}"
        if self.archived is not None and held.archived != self.archived:
            yield f"the version is {_archived(held.archived)}"
        if not has_same_spec(expected, held):
            yield "the version was deleted and registered again with another spec"
        yield from metadata_differences(expected.environment.metadata, held.environment.metadata)


def versions_of(container: Container, *, hidden: bool) -> dict[str, str | None]:
    """Returns the owners of the versions that a change of the whole environment hides or shows.

    Archiving hides the active versions. Restoring possibly restores every version: the
    documentation of the service does not mention the versions that were archived one by one.

    Args:
        container: the environment with its versions.
        hidden: whether the change restores an archived environment.
    """
    return {item.version: item.owner for item in container.versions if hidden or not item.archived}


def has_same_spec(expected: RegisteredVersion, held: RegisteredVersion) -> bool:
    """Returns whether two reads of one version show the same spec.

    A registered spec never changes. But a version can be deleted and registered again.
    """
    return _content(expected) == _content(held)


def _content(item: RegisteredVersion) -> tuple[object, ...]:
    spec = item.environment.spec
    if spec.build is None:
        return (spec,)
    # Azure returns the URL of a build context, and only tags show whether the build context was
    # uploaded. So compare the URL, which does not depend on tags. Ignore the query of the URL,
    # because it can be a signature.
    uri = item.context_uri or spec.build.context
    context = uri.partition("?")[0] if isinstance(uri, str) else uri
    return replace(spec, build=None), context, spec.build.dockerfile_path


def metadata_differences(expected: Metadata, held: Metadata) -> Iterator[str]:
    """Yields a phrase for each field that differs: `tags.a is "2", and was not set`."""
    was, now = _fields(expected), _fields(held)
    for path in sorted(was.keys() | now.keys()):
        if was.get(path) != now.get(path):
            yield f"{path} is {_value(now.get(path))}, and was {_value(was.get(path))}"


def _owner_differences(
    expected: Mapping[str, str | None], held: Mapping[str, str | None]
) -> Iterator[str]:
    for version in sorted(expected.keys() | held.keys()):
        if version not in held:
            yield f"version {version} is not active any more"
        elif version not in expected:
            yield f"version {version} of {_project(held[version])} is new or restored"
        elif held[version] != expected[version]:
            yield (
                f"the owner of version {version} is {_project(held[version])}, and was "
                f"{_project(expected[version])}"
            )


def _new_versions(known: Mapping[str, frozenset[str | None]], found: Container) -> Iterator[str]:
    for item in found.versions:
        if item.version not in known:
            yield f"version {item.version} of {_project(item.owner)} is new"
        elif item.owner not in known[item.version]:
            yield f"the owner of version {item.version} is {_project(item.owner)} now"


def _fields(metadata: Metadata) -> dict[str, str | None]:
    tags = {f"tags.{key}": value for key, value in metadata.tags.items()}
    return {"description": metadata.description, **tags}


def _value(value: str | None) -> str:
    if value is None:
        return "not set"
    value = masked(value)
    return canonical_json(value if len(value) <= _SHORT else value[:_SHORT] + "…")


def _archived(archived: bool) -> str:
    return "archived now" if archived else "not archived any more"


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"
