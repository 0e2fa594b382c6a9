"""`VersionWriter`: writes the versions of one workspace or registry, and checks each result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from envsync.model.environment import Environment, all_tags
from envsync.model.errors import Conflict, TargetError
from envsync.model.naming import is_reserved
from envsync.targets import refusals
from envsync.targets.azure.checks import (
    ensure_archived,
    ensure_kept,
    ensure_uploaded,
    hidden_archive,
    unknown_result,
)
from envsync.targets.azure.client import Endpoint
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.http.errors import RequestRefused, is_absent_environment, is_final
from envsync.targets.azure.recent_writes import RecentWrites, after_write
from envsync.targets.azure.wire import Resource, body, registered
from envsync.targets.conflicts import ensure_same

DECLINED: Final = frozenset({400, 405, 409})
"""Response statuses that show that the service does not support a request."""


class _RegisteredError(Exception):
    """Ends `Creator.create` early, because the version is already registered as declared."""

    def __init__(self, held: Resource) -> None:
        super().__init__(held.name)
        self.held = held


class VersionWriter(Struct, frozen=True):
    """Writes the versions of one endpoint.

    The caller must not write to the same name from several threads at the same time.

    Attributes:
        endpoint: the workspace or registry.
        recent: this process's recent writes, to which the writer adds each write.
        fresh: the object that reads resources. The results include the recent writes.
    """

    endpoint: Endpoint
    recent: RecentWrites
    fresh: FreshReads

    def register(self, environment: Environment, check: Callable[[], Resource | None]) -> None:
        """Creates a version and reads it back.

        If the service has created the version but the response was lost, reading finds the version.

        Args:
            environment: the version.
            check: a function that is called just before the version is sent. If the version is
                already registered as declared, the function returns the registered version, and
                nothing is sent. If the function raises an exception, nothing is sent either.

        Raises:
            TargetError: the version was not created, or the service stored other values.
        """
        key, failure, sent = environment.key, None, False
        tags = all_tags(environment.metadata, environment.provenance)

        def checked() -> None:
            nonlocal sent
            held = check()
            # If the request was sent before, the version is possibly the result of the earlier
            # attempt.
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
                # A new version of an archived container is archived as well:
                # https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2#archive
                archived = self.fresh.archived(key.name)
                new = Resource(key.version, {})
                written = after_write(
                    new, description=environment.metadata.description, tags=tags, archived=archived
                )
                self.recent.note(key.name, key.version, written)
            # Read the version even if `create` failed, because the PUT possibly succeeded although
            # its response was lost. In this case, the first GET can be stale, so `must_exist` is
            # set.
            uncertain = failure is not None and sent and not is_final(failure)
            held = self.fresh.version(key.name, key.version, must_exist=uncertain)
        except TargetError as error:
            if sent:
                raise unknown_result(str(key), failure or error) from error
            raise failure or error from error
        if held is None:
            raise failure or TargetError(
                f"The service accepted {key}, but does not return it. Run apply again later."
            )
        self.recent.note(key.name, key.version, held)
        ensure_uploaded(environment, held)
        ensure_same(environment, registered(key.name, held))
        ensure_kept(str(key), held, description=environment.metadata.description, tags=tags)

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
            TargetError: the version does not exist or is curated, its archived container forbids
                the change, or the service ignored the change.
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
            if not archived or error.status not in DECLINED or not self.fresh.archived(name):
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
        # The response to the PUT is checked first, because this response is never stale. The GET
        # below shows what the service has really stored.
        written = after_write(held, description=description, tags=kept, archived=archived)
        try:
            answer = self.endpoint.resources.put_version(name, held.name, sent)
        except TargetError as failure:
            # Possibly an earlier attempt of the request succeeded, but its response was lost.
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
            raise unknown_result(what, failure) from failure
        if shown is None:
            raise refusals.unknown(name, held.name)
        self.recent.note(name, held.name, shown)
        ensure(shown)

    def _version_written(self, name: str, written: Resource, failure: TargetError) -> bool:
        """Returns whether a version has the state that a failed request should have written."""
        try:
            wait = not is_final(failure)
            return self.fresh.written(name, written.name, written, wait=wait)
        except TargetError as error:
            raise unknown_result(f"{name}:{written.name}", failure) from error

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
