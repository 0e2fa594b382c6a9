"""The REST resources of one workspace or registry: containers and versions of environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.http.errors import RequestRefused
from envsync.targets.azure.http.rest import Rest
from envsync.targets.azure.wire import Resource, resource


@dataclass(frozen=True, slots=True)
class Resources:
    """Where environments are, and how to ask for them. Each method is one request, or one a page.

    Attributes:
        rest: the signed-in connection.
        url: the workspace's or registry's own address.
        api_version: which shapes are spoken.
    """

    rest: Rest
    url: str
    api_version: str

    def containers(self, view: Literal["ActiveOnly", "All"]) -> Iterator[Resource]:
        """The containers that a view shows (`listViewType`, OpenAPI)."""
        for item in self.rest.items(f"{self.url}/environments", self._view(view)):
            yield _resource(item)

    def versions(self, name: str) -> list[Resource]:
        """All versions of one container, archived ones too; none where it is not there."""
        try:
            items = list(self.rest.items(f"{self._container(name)}/versions", self._view("All")))
        except RequestRefused as error:
            if error.status == 404:
                return []
            raise
        return [_resource(item) for item in items]

    def container(self, name: str) -> Resource | None:
        """One container; None where there is none."""
        return self._get(self._container(name))

    def version(self, name: str, version: str) -> Resource | None:
        """One version; None where there is none."""
        return self._get(self._version(name, version))

    def put_container(self, name: str, body: Mapping[str, JSON]) -> Resource | None:
        """Writes a container; as the service answers it, or None if it answers without one."""
        return self._put(self._container(name), body)

    def put_version(self, name: str, version: str, body: Mapping[str, JSON]) -> Resource | None:
        """Writes a version; as the service answers it, or None if it answers without one."""
        return self._put(self._version(name, version), body)

    def _put(self, url: str, body: Mapping[str, JSON]) -> Resource | None:
        data = self.rest.put(url, {"api-version": self.api_version}, body)
        return None if data is None else _resource(data)

    def _view(self, view: str) -> dict[str, str]:
        return {"api-version": self.api_version, "listViewType": view}

    def _get(self, url: str) -> Resource | None:
        data = self.rest.get(url, {"api-version": self.api_version})
        return None if data is None else _resource(data)

    def _container(self, name: str) -> str:
        return f"{self.url}/environments/{quote(name, safe='')}"

    def _version(self, name: str, version: str) -> str:
        return f"{self._container(name)}/versions/{quote(version, safe='')}"


def _resource(data: JSON) -> Resource:
    try:
        return resource(data)
    except ValueError as error:
        raise TargetError("The service answered something that is no environment.") from error
