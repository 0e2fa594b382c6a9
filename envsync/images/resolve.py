"""Resolves the tags of many images to digests, with several requests at the same time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from typing import Final, TypeVar

from envsync.images.connection import PARALLEL, TIME_LIMIT, Connection, RegistryError
from envsync.images.logins import DockerLogins
from envsync.images.registry import NotFound, Registry
from envsync.model.image import LATEST, Image, Unresolved

Result = TypeVar("Result")

_NO_YEAR: Final = 1980


class Registries:
    """The container registries that a command uses. Each request uses the login of the user."""

    def __init__(self, warn: Callable[[str], None], time_limit: float = TIME_LIMIT) -> None:
        """Reads the logins of the user. Does not connect.

        Args:
            warn: a function that is called with a sentence if a login cannot be read.
            time_limit: seconds after which a failing request is no longer retried.
        """
        self._connection = Connection(time_limit)
        self._logins = DockerLogins(warn)
        self._opened: dict[str, Registry] = {}

    def registry(self, host: str) -> Registry:
        """Returns the client of a registry."""
        if host not in self._opened:
            self._opened[host] = Registry(host, self._connection, self._logins.find)
        return self._opened[host]

    def digests(
        self, images: Iterable[Image], advance: Callable[[int, int], None]
    ) -> dict[Image, str | Unresolved]:
        """Returns the digest to which the tag of each image refers, or why there is no digest.

        Args:
            images: images with tags and without digests.
            advance: a function that is called with the number of finished requests and the number
                of all requests.
        """
        return self.ask(
            images,
            lambda registry, image: registry.digest(image.repository, image.tag or ""),
            advance,
        )

    def tags(
        self, images: Iterable[Image], advance: Callable[[int, int], None]
    ) -> dict[Image, list[str] | Unresolved]:
        """Returns all tags of each image. Each key is an image without tag and digest."""
        names = (Image(image.name) for image in images)
        return self.ask(names, lambda registry, image: registry.tags(image.repository), advance)

    def days(
        self, images: Iterable[Image], advance: Callable[[int, int], None]
    ) -> dict[Image, str | Unresolved | None]:
        """Returns the day on which each image was built, such as `2024-12-15`, if known."""

        def day(registry: Registry, image: Image) -> str | None:
            reference = image.digest or image.tag or LATEST
            return day_of(registry.created(image.repository, reference))

        return self.ask(images, day, advance)

    def ask(
        self,
        images: Iterable[Image],
        question: Callable[[Registry, Image], Result],
        advance: Callable[[int, int], None],
    ) -> dict[Image, Result | Unresolved]:
        """Asks the registry of each image, with up to eight requests at the same time.

        Args:
            images: the images. For equal images, the registry is asked only once.
            question: a function that asks a registry about an image. The function can raise
                `RegistryError`.
            advance: a function that is called with the number of finished questions and the number
                of all questions.
        """
        wanted: Collection[Image] = dict.fromkeys(images)
        opened: Mapping[str, Registry] = {
            image.registry: self.registry(image.registry) for image in wanted
        }

        def answer(image: Image) -> Result | Unresolved:
            try:
                return question(opened[image.registry], image)
            except NotFound as error:
                return Unresolved(image.registry, str(error), is_missing=True)
            except RegistryError as error:
                return Unresolved(image.registry, str(error))

        found: dict[Image, Result | Unresolved] = {}
        pool = ThreadPoolExecutor(PARALLEL)
        try:
            futures = {pool.submit(answer, image): image for image in wanted}
            for done, future in enumerate(as_completed(futures), 1):
                found[futures[future]] = future.result()
                advance(done, len(futures))
        except BaseException:
            self._connection.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return {image: found[image] for image in wanted}


def day_of(created: str | None) -> str | None:
    """Returns the day of a time such as `2024-12-15T10:00:00Z`, or None if there is no real date.

    Reproducible builds have the time 0 or 1980-01-01, which is not the day of the build.
    """
    try:
        found = date.fromisoformat((created or "")[:10])
    except ValueError:
        return None
    return found.isoformat() if found.year > _NO_YEAR else None
