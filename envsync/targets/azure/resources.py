"""The REST resources of one workspace or registry: containers and versions of environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.http.errors import RequestRefused
from envsync.targets.azure.http.rest import Rest
from envsync.targets.azure.wire import Resource, resource


class Resources(Struct, frozen=True):
    """The environments of one workspace or registry.

    Each method sends one request, or one request for each page of a list.

    Attributes:
        rest: the signed-in connection.
        url: the URL of the workspace or registry.
        api_version: the api-version of the requests.
    """

    rest: Rest
    url: str
    api_version: str

    def containers(self, view: Literal["ActiveOnly", "All"]) -> Iterator[Resource]:
        """Yields all containers or only the active containers.

        `view` is the parameter `listViewType` (OpenAPI).
        """
        for item in self.rest.items(f"{self.url}/environments", self._view(view)):
            yield _resource(item)

    def versions(self, name: str) -> list[Resource]:
        """Returns all versions of one container, including archived versions.

        The list is empty if the container does not exist.
        """
        try:
            # For an unknown name, the service returns 404 or an empty list.
            items = list(self.rest.items(f"{self._container(name)}/versions", self._view("All")))
        except RequestRefused as error:
            if error.status == 404:
                return []
            raise
        return [_resource(item) for item in items]

    def container(self, name: str) -> Resource | None:
        """Returns one container, or None if it does not exist.

        The archived state in the response can be wrong (see `listing.py`).
        """
        return self._get(self._container(name))

    def version(self, name: str, version: str) -> Resource | None:
        """Returns one version, or None if it does not exist."""
        return self._get(self._version(name, version))

    def put_container(self, name: str, body: Mapping[str, JSON]) -> Resource | None:
        """Writes a container. Returns the resource in the response, or None if there is none."""
        return self._put(self._container(name), body)

    def put_version(self, name: str, version: str, body: Mapping[str, JSON]) -> Resource | None:
        """Writes a version. Returns the resource in the response, or None if there is none."""
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
        # Escape each `/` in a name, because an unescaped `/` would change which resource the URL
        # identifies.
        return f"{self.url}/environments/{quote(name, safe='')}"

    def _version(self, name: str, version: str) -> str:
        return f"{self._container(name)}/versions/{quote(version, safe='')}"


def _resource(data: JSON) -> Resource:
    try:
        return resource(data)
    except ValueError as error:
        raise TargetError(
            "The service's response is not an environment. Check HTTPS_PROXY and the network, and "
            "run the command again with --debug-http."
        ) from error
