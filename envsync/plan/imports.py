"""Chooses the registered versions for which `envsync import` writes files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.content_version import content_version
from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.model.naming import is_valid_name, is_valid_version
from envsync.model.policy import Versions
from envsync.model.state import Container, RegisteredVersion, State
from envsync.plan.hints import glob_hint
from envsync.plan.ownership import belongs_to_service, owner_phrase
from envsync.plan.selection import matches

_ANONYMOUS: Final = "isAnonymous"
"""A version with this field was created from the inline environment of a job.

No file can declare such a version.
"""


class Wanted(Struct, frozen=True):
    """Options that select the versions of an import.

    Attributes:
        globs: patterns for names in the target. If empty, every name is included.
        suffix: the text that the target adds to every declared name.
        all_versions: True if every active version is included. False if only the newest version is
            included.
        unversioned: True if the new files have no `version`.
        versions: how the version of a file without `version` is chosen.
    """

    globs: tuple[str, ...] = ()
    suffix: str = ""
    all_versions: bool = False
    unversioned: bool = False
    versions: Versions = "auto"


class Import(Struct, frozen=True):
    """A registered version for which a file is written.

    Attributes:
        item: the registered version.
        name: the name in the file, without the suffix of the target.
        version: the version in the file. If None, the file has no `version`.
        base_image: the base image of a new Dockerfile, if the files of the build context cannot be
            read. If None, the file contains the address of the build context instead.
    """

    item: RegisteredVersion
    name: str
    version: str | None
    base_image: str | None = None


class NotImported(Struct, frozen=True):
    """A version that is not imported.

    Attributes:
        name: the name in the target.
        version: the version. None if the reason applies to all versions.
        reason: the reason, as the end of the sentence "It is not imported: …".
    """

    name: str
    version: str | None
    reason: str

    def to_json(self) -> dict[str, JSON]:
        """Returns the version as JSON data."""
        return {"name": self.name, "version": self.version, "reason": self.reason}


def choose_imports(
    state: State,
    declarations: Iterable[Declaration],
    wanted: Wanted,
    *,
    project: str,
    left_out: Callable[[str], str | None] = lambda _name: None,
) -> list[Import | NotImported]:
    """Returns the versions to import, and the versions that cannot be imported.

    The result omits archived versions, versions that a file declares, and environments of the
    service. Without `all_versions`, it contains only the newest version of each environment.

    Args:
        state: every container of the target.
        declarations: the declarations in the files of the project.
        wanted: what the import includes.
        project: the name of the project.
        left_out: a function that returns why the settings leave out a name in the target, or None.

    Raises:
        EnvsyncError: a glob matches no environment in the target, or only environments of the
            service.
    """
    _ensure_globs(state, wanted)
    declared: defaultdict[str, set[str | None]] = defaultdict(set)
    for item in declarations:
        declared[item.name].add(item.version)
    found: list[Import | NotImported] = []
    for name, container in sorted(state.items()):
        if not _is_included(container, wanted):
            continue
        reason = left_out(name)
        if reason is not None and container.active:
            found.append(NotImported(name, None, reason))
        elif reason is None:
            own = name.removesuffix(wanted.suffix)
            found += _of_container(container, own, declared[own], wanted, project)
    return found


def _is_included(container: Container, wanted: Wanted) -> bool:
    return not belongs_to_service(container) and (
        not wanted.globs
        or any(matches(container.name, glob, wanted.suffix) for glob in wanted.globs)
    )


def _of_container(
    container: Container, name: str, declared: set[str | None], wanted: Wanted, project: str
) -> Iterator[Import | NotImported]:
    """Yields the versions of one environment.

    Args:
        container: the environment.
        name: the name of the environment in files.
        declared: the versions that files declare. None stands for a file without `version`.
        wanted: what the import includes.
        project: the name of the project.
    """
    # A file without `version` declares the whole environment.
    if None in declared:
        return
    items = container.active if wanted.all_versions else container.active[-1:]
    for item in items:
        if item.version in declared or item.extra.get(_ANONYMOUS) is True:
            continue
        reason = _obstacle(item, name, declared, wanted, project)
        if reason is not None:
            yield NotImported(container.name, item.version, reason)
        else:
            leaves_out = wanted.unversioned and can_omit_version(item, wanted.versions)
            yield Import(item, name, None if leaves_out else item.version)


def can_omit_version(item: RegisteredVersion, versions: Versions) -> bool:
    """Returns True if a file without `version` would declare this registered version.

    With `versions: content`, the result is True only if the version was derived from its content.
    """
    if versions != "content":
        return True
    spec, digest = item.environment.spec, item.environment.provenance.digest
    return item.version in (content_version(spec), content_version(spec, digest))


def _obstacle(
    item: RegisteredVersion, name: str, declared: set[str | None], wanted: Wanted, project: str
) -> str | None:
    """Returns the reason why a version cannot be imported, or None if it can be imported."""
    if item.owner not in (None, project):
        return f"it {owner_phrase(item.owner)}"
    if not is_valid_name(name):
        return "an environment file cannot have this name"
    if not is_valid_version(item.version):
        return "an environment file cannot have this version"
    if wanted.unversioned and declared:
        return "other files declare versions of this name, so this file needs a version as well"
    return None


def _ensure_globs(state: State, wanted: Wanted) -> None:
    for glob in wanted.globs:
        found = [name for name in state if matches(name, glob, wanted.suffix)]
        if not found:
            hint = glob_hint(glob, state) or "Run `envsync list` to see the environments."
            raise EnvsyncError(f"No environment in the target matches '{glob}'. {hint}")
        if all(belongs_to_service(state[name]) for name in found):
            raise EnvsyncError(
                f"'{glob}' matches only environments of the service, which no file can declare. To "
                "start your own environment from one of them, pass its name and `--as MY-NAME`."
            )


def version_in(container: Container, version: str | None, label: str | None) -> RegisteredVersion:
    """Returns one version of an environment, selected by a version string or a label.

    Raises:
        EnvsyncError: the environment has no such version, or the label is not `latest`.
    """
    if label not in (None, "latest"):
        raise EnvsyncError(f"Unknown label '{label}'. The only label is 'latest'.")
    wanted = version or container.latest
    found = None if wanted is None else container.version(wanted)
    if found is None:
        known: Sequence[str] = [item.version for item in container.active]
        has = f"Its versions are: {', '.join(known)}." if known else "It has no active version."
        what = f"version '{version}'" if version else "version with the label 'latest'"
        raise EnvsyncError(f"{container.name} has no {what}. {has}")
    return found
