"""`Writer`: writes to one workspace or registry, and checks the result of each write.

A GET does not show whether a container is archived. Only two sources show the archived state of a
container: the response to a PUT, and the lists. Every write to a container therefore sends the
archived state. A request to archive or restore a container is sent even if the container already
seems to have the requested state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.environment import Environment, all_tags
from envsync.model.errors import Conflict, TargetError
from envsync.model.naming import is_reserved
from envsync.targets import refusals
from envsync.targets.azure.checks import (
    ensure_archived,
    ensure_kept,
    ensure_uploaded,
    hidden_archive,
)
from envsync.targets.azure.client import Endpoint
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.http.errors import RequestRefused, is_absent_environment, is_final
from envsync.targets.azure.owners import owners, with_owner
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.wire import Resource, body, registered
from envsync.targets.conflicts import ensure_same

_DECLINED: Final = frozenset({400, 405, 409})
"""Response statuses that show that the service does not support a request."""


class _RegisteredError(Exception):
    """Ends a create, because the version is already registered as declared."""

    def __init__(self, held: Resource) -> None:
        super().__init__(held.name)
        self.held = held


class Writer(Struct, frozen=True):
    """Writes to one endpoint.

    The caller must not write to the same name from several threads at the same time.

    Attributes:
        endpoint: the workspace or registry.
        recent: this process's recent writes, to which the writer adds each write.
        fresh: reads that show the recent writes.
    """

    endpoint: Endpoint
    recent: RecentWrites
    fresh: FreshReads

    def register(self, environment: Environment, check: Callable[[], Resource | None]) -> None:
        """Creates a version and reads it back.

        If the service has created the version but the response was lost, reading finds the version.

        Args:
            environment: the version.
            check: a function that is called just before the version is sent. It returns the version
                if the version is already registered as declared. In this case, or if the function
                raises an exception, the version is not sent.

        Raises:
            TargetError: the version was not created, or the service stored other values.
        """
        key, failure, sent = environment.key, None, False
        tags = all_tags(environment.metadata, environment.provenance)

        def checked() -> None:
            nonlocal sent
            held = check()
            # If a request is sent again, the version can be the result of the first attempt.
            if held is not None and not sent:
                raise _RegisteredError(held)
            sent = True

        try:
            self.endpoint.creator.create(environment, checked)
        except _RegisteredError as found:
            self.recent.note(key.name, key.version, found.held)
            return
        except Conflict:
            raise
        except TargetError as error:
            failure = error
        try:
            # After creating a version in a registry, azure-ai-ml sends a GET of the version. The
            # service can respond to this GET with 404, although the version was created.
            if failure is None or is_absent_environment(failure):
                # A version of an archived container is archived from the start (documentation,
                # "Archive").
                archived = self.fresh.archived(key.name)
                new = Resource(key.version, {})
                written = _written(
                    new, description=environment.metadata.description, tags=tags, archived=archived
                )
                self.recent.note(key.name, key.version, written)
            # The version is read even if `create` failed, because a PUT can succeed although the
            # connection is closed before the response arrives. A GET right after the PUT can be
            # stale.
            uncertain = failure is not None and sent and not is_final(failure)
            held = self.fresh.version(key.name, key.version, must_exist=uncertain)
        except TargetError as error:
            if sent:
                raise _unknown(str(key), failure or error) from error
            raise failure or error from error
        if held is None:
            raise failure or TargetError(
                f"The service accepted {key}, but does not return it. Run apply again later."
            )
        self.recent.note(key.name, key.version, held)
        ensure_uploaded(environment, held)
        ensure_same(environment, registered(key.name, held))
        ensure_kept(str(key), held, description=environment.metadata.description, tags=tags)

    def own(self, name: str, owner: str | None) -> None:
        """Adds an owner to a container's tags, so that the list of containers shows the owner.

        If the service drops or refuses the tag, the change still succeeds.

        Raises:
            TargetError: the tag could not be written. The next plan contains the change again.
        """
        if owner is None:
            return
        # Without these checks, each change of an environment would need one more GET.
        if self.recent.is_marked(name, owner):
            return
        if owner in owners(self.fresh.listed_tags(name)):
            self.recent.mark(name, owner)
            return
        try:
            self._mark(name, owner)
        except RequestRefused as error:
            # A status in `_DECLINED` shows that the service does not support tags. A 403 or 500 is
            # a failure.
            if error.status not in _DECLINED:
                raise _unmarked(name, owner, error) from error
        except TargetError as error:
            raise _unmarked(name, owner, error) from error
        self.recent.mark(name, owner)

    def _mark(self, name: str, owner: str) -> None:
        container = self.endpoint.resources.container(name)
        if container is not None and owner not in owners(container.tags):
            tags, archived = with_owner(container.tags, owner), self.fresh.archived(name)
            self._put_container(name, container, tags=tags, archived=archived)

    def _put_container(
        self, name: str, container: Resource, tags: Mapping[str, str], archived: bool
    ) -> Resource:
        """Writes a container and returns the resource in the response.

        The container is read back only if the request has failed, because a GET does not show the
        archived state, and the lists are stale for a while.
        """
        sent = body(container, description=container.description, tags=tags, archived=archived)
        expected = _written(
            container, description=container.description, tags=tags, archived=archived
        )
        try:
            held = self.endpoint.resources.put_container(name, sent) or expected
        except TargetError as failure:
            # An earlier attempt of the request can have succeeded although its response was lost.
            if not self._container_written(name, expected, failure):
                raise
            held = expected
        self.recent.note(name, None, held)
        return held

    def _container_written(self, name: str, expected: Resource, failure: TargetError) -> bool:
        """Returns whether a container has the tags and the archived state of a failed request."""
        try:
            found = self.endpoint.resources.container(name)
            if found is None or found.tags != expected.tags:
                return False
            wait = not is_final(failure)
            return self.fresh.shows_archived(name, expected.archived, wait=wait)
        except TargetError as error:
            raise _unknown(name, failure) from error

    def set_container(
        self, name: str, archived: bool, check: Callable[[Iterable[Resource]], object] | None
    ) -> None:
        """Archives or restores a container. Sends the request even if the state seems right.

        Args:
            name: the name of the container.
            archived: True to archive, False to restore.
            check: a function that is called with all versions before the container is written. If
                the function raises an exception, nothing is written.
        """
        container = self.endpoint.resources.container(name)
        if container is None:
            raise refusals.unknown(name, None)
        # Unlike a version, a container has no field that shows whether it is curated, so the name
        # is checked.
        if is_reserved(name):
            raise refusals.curated(name)
        # The versions are read after the container, so that the time until the write is short.
        versions = [] if archived and check is None else self.fresh.versions(name)
        if check is not None:
            check(versions)
        alone = [] if archived else _archived_alone(versions)
        try:
            held = self._put_container(name, container, tags=container.tags, archived=archived)
        except RequestRefused as error:
            # A service that no longer accepts tags on containers can still return earlier tags:
            # https://github.com/Azure/bicep-types-az/issues/2594
            if error.status not in _DECLINED or not container.tags:
                raise
            held = self._put_container(name, container, tags={}, archived=archived)
        ensure_archived(name, held, archived)
        # The documentation does not say whether restoring a container also restores versions that
        # were archived separately.
        for version in alone:
            self.set_version(name, version, True)

    def set_version(
        self,
        name: str,
        version: str,
        archived: bool,
        check: Callable[[Resource | None], object] = lambda held: held,
    ) -> None:
        """Archives or restores a version. Skips a version that is already archived separately.

        Args:
            name: the name of the environment.
            version: the version.
            archived: True to archive, False to restore.
            check: see `changeable`.

        Raises:
            TargetError: the version does not exist or is curated, its container is archived, or the
                service ignored the change.
        """
        held = self.changeable(name, version, check)
        if not archived:
            self.ensure_shown(name, version)
        # Skip a version only if it was certainly archived separately. If the container is archived,
        # the version possibly shows the state of the container. If this process has just written
        # the container, the GET of the version can be stale.
        elif (
            held.archived and self.recent.container(name) is None and not self.fresh.archived(name)
        ):
            return
        try:
            self.put_version(name, held, description=held.description, tags=None, archived=archived)
        except RequestRefused as error:
            # The documentation does not say whether a version of an archived container can be
            # archived separately.
            if not archived or error.status not in _DECLINED or not self.fresh.archived(name):
                raise
            if not held.archived:
                raise hidden_archive(name, version, str(error)) from error

    def put_version(
        self,
        name: str,
        held: Resource,
        description: str | None,
        tags: Mapping[str, str] | None,
        archived: bool,
    ) -> None:
        """Writes the mutable fields of a version, and reads the version back.

        If `tags` is None, the tags do not change.
        """
        what, kept = f"{name}:{held.name}", held.tags if tags is None else tags

        def ensure(shown: Resource) -> None:
            ensure_kept(what, shown, description=description, tags=kept)
            ensure_archived(what, shown, archived)

        sent = body(held, description=description, tags=tags, archived=archived)
        # The response to the PUT is checked first, because it is never stale. The GET below shows
        # what the service has really stored.
        written = _written(held, description=description, tags=kept, archived=archived)
        try:
            answer = self.endpoint.resources.put_version(name, held.name, sent)
        except TargetError as failure:
            # An earlier attempt of the request can have succeeded although its response was lost.
            if not self._version_written(name, written, failure):
                raise
            answer = written
        if answer is not None:
            self.recent.note(name, held.name, answer)
            ensure(answer)
        else:
            self.recent.note(name, held.name, written)
        try:
            shown = self.fresh.version(name, held.name)
        except TargetError as failure:
            raise _unknown(what, failure) from failure
        if shown is None:
            raise refusals.unknown(name, held.name)
        self.recent.note(name, held.name, shown)
        ensure(shown)

    def _version_written(self, name: str, written: Resource, failure: TargetError) -> bool:
        """Returns whether a version has the state of a failed request."""
        try:
            wait = not is_final(failure)
            return self.fresh.written(name, written.name, written, wait=wait)
        except TargetError as error:
            raise _unknown(f"{name}:{written.name}", failure) from error

    def changeable(
        self, name: str, version: str, check: Callable[[Resource | None], object]
    ) -> Resource:
        """Reads a version, and checks that envsync can change the version.

        Args:
            name: the name of the environment.
            version: the version.
            check: a function that is called with the version, or with None if the version does not
                exist. The function raises an exception if the version must not be changed.

        Raises:
            RuleViolation: the version does not exist or is curated.
        """
        held = self.fresh.version(name, version, must_exist=True)
        check(held)
        if held is None:
            raise refusals.unknown(name, version)
        if held.curated or is_reserved(name):
            raise refusals.curated(f"{name}:{version}")
        return held

    def ensure_shown(self, name: str, version: str) -> None:
        """Checks that a version's container is not archived (documentation, "Archive").

        Raises:
            RuleViolation: the container is archived.
        """
        if self.fresh.archived(name):
            raise refusals.hidden(name, version)


def _unknown(what: str, failure: TargetError) -> TargetError:
    return TargetError(
        f"{failure} {what} could not be read afterwards, so it is unknown whether the change was "
        "made. Run apply again."
    )


def _unmarked(name: str, owner: str, error: TargetError) -> TargetError:
    return TargetError(
        f"The version is written, but it is unknown whether the environment {name} lists project "
        f"{owner} as an owner: {error} Run apply again."
    )


def _archived_alone(versions: Collection[Resource]) -> list[str]:
    """Returns the versions of an archived container that were archived separately.

    If the service shows all versions as archived, each version possibly shows the state of its
    container. In this case, the returned list is empty, and the next plan archives all undeclared
    versions again.
    """
    alone = [item.name for item in versions if item.archived]
    return alone if len(alone) < len(versions) else []


def _written(
    item: Resource, description: str | None, tags: Mapping[str, str], archived: bool
) -> Resource:
    """Returns the resource that a write should produce. Some responses contain no resource."""
    said: dict[str, JSON] = {
        "description": description,
        "tags": dict(tags),
        "isArchived": archived,
        # Remove the stage, because the stage `Archived` in a response would override `isArchived`.
        "stage": None,
    }
    return Resource(item.name, {**item.properties, **said}, item.created)
