"""`ContainerWriter`: writes to the containers of one workspace or registry.

A GET does not show whether a container is archived. Only two sources show the archived state of a
container: the response to a PUT, and the lists. Every write to a container therefore sends the
archived state. A request to archive or restore a container is sent even if the container already
seems to have the requested state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import Struct

from envsync.model.errors import PossiblyActive, TargetError
from envsync.model.naming import is_reserved
from envsync.targets import refusals
from envsync.targets.azure.checks import ensure_archived, unknown_result
from envsync.targets.azure.client import Endpoint
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.http.errors import RequestRefused, is_final
from envsync.targets.azure.owners import owners, with_owner
from envsync.targets.azure.recent_writes import RecentWrites, after_write
from envsync.targets.azure.version_writer import DECLINED, VersionWriter
from envsync.targets.azure.wire import Resource, body


class ContainerWriter(Struct, frozen=True):
    """Writes to the containers of one endpoint.

    The caller must not write to the same name from several threads at the same time.

    Attributes:
        endpoint: the workspace or registry.
        recent: this process's recent writes, to which the writer adds each write.
        fresh: the object that reads resources. The results include the recent writes.
        versions: the object that writes versions.
    """

    endpoint: Endpoint
    recent: RecentWrites
    fresh: FreshReads
    versions: VersionWriter

    def own(self, name: str, owner: str | None) -> None:
        """Adds an owner to a container's tags, so that the list of containers shows the owner.

        If the service does not support tags of containers, no error is raised.

        Raises:
            TargetError: the owner could not be added. The next plan contains the change again.
        """
        if owner is None:
            return
        # These checks save one GET for each change of an environment.
        if self.recent.is_marked(name, owner):
            return
        if owner in owners(self.fresh.listed_tags(name)):
            self.recent.mark(name, owner)
            return
        try:
            self._mark(name, owner)
        except RequestRefused as error:
            # A status in `DECLINED` shows that the service does not support tags. Any other status,
            # such as 403 or 500, is a failure.
            if error.status not in DECLINED:
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

        After a successful write, the container is not read back, because a GET does not show the
        archived state, and the lists are stale for a while.
        """
        sent = body(container, description=container.description, tags=tags, archived=archived)
        expected = after_write(
            container, description=container.description, tags=tags, archived=archived
        )
        try:
            held = self.endpoint.resources.put_container(name, sent) or expected
        except TargetError as failure:
            # Possibly an earlier attempt of the request succeeded, but its response was lost.
            if not self._container_written(name, expected, failure):
                raise
            held = expected
        self.recent.note(name, None, held)
        return held

    def _container_written(self, name: str, expected: Resource, failure: TargetError) -> bool:
        """Returns whether a container has the values that a failed request should have written."""
        try:
            found = self.endpoint.resources.container(name)
            if found is None or found.tags != expected.tags:
                return False
            wait = not is_final(failure)
            return self.fresh.shows_archived(name, expected.archived, wait=wait)
        except TargetError as error:
            raise unknown_result(name, failure) from error

    def set_container(
        self, name: str, archived: bool, check: Callable[[Iterable[Resource]], object] | None
    ) -> None:
        """Archives or restores a container, even if it already seems to have the requested state.

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
        # Read the versions last, so that little time passes between this read and the write.
        versions = [] if archived and check is None else self.fresh.versions(name)
        if check is not None:
            check(versions)
        alone = [] if archived else _archived_alone(versions)
        try:
            held = self._put_container(name, container, tags=container.tags, archived=archived)
        except RequestRefused as error:
            # Send the request again without tags. A service that no longer accepts tags on
            # containers can still return earlier tags:
            # https://github.com/Azure/bicep-types-az/issues/2594
            if error.status not in DECLINED or not container.tags:
                raise
            held = self._put_container(name, container, tags={}, archived=archived)
        ensure_archived(name, held, archived)
        # The documentation does not say whether restoring a container also restores versions that
        # were archived separately. Archive these versions again.
        for version in alone:
            try:
                self.versions.set_version(name, version, True)
            except TargetError as error:
                raise PossiblyActive(name, version, error) from error


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
