"""`Image`: a reference to a container image. `ImageUse`: a reference to an image in a file."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from envsync.model.canonical import JSON

DOCKER_HUB: Final = "docker.io"
"""The registry of an image without a host, as in Docker."""

LATEST: Final = "latest"
"""The tag of an image with neither a tag nor a digest, as in Docker."""


class Image(Struct, frozen=True):
    """A reference to a container image: `name[:tag][@digest]`.

    Attributes:
        name: the host and the path, as they are written.
        tag: the tag, or None.
        digest: the digest, such as `sha256:…`, or None.
    """

    name: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Image:
        """Splits a valid reference. `image_problem` finds references that are not valid."""
        rest, _, digest = text.partition("@")
        # A colon before the last `/` belongs to the port of the host.
        start = rest.rfind("/") + 1
        path, _, tag = rest[start:].partition(":")
        return cls(rest[:start] + path, tag or None, digest or None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"

    @property
    def registry(self) -> str:
        """The host of the registry, with its port."""
        return self._place[0]

    @property
    def repository(self) -> str:
        """The path of the image in its registry."""
        registry, path = self._place
        # Docker Hub keeps the images without an owner below `library`.
        return f"library/{path}" if registry == DOCKER_HUB and "/" not in path else path

    @property
    def _place(self) -> tuple[str, str]:
        first, slash, rest = self.name.partition("/")
        if not slash or not (first == "localhost" or "." in first or ":" in first):
            return DOCKER_HUB, self.name
        return (DOCKER_HUB if first == f"index.{DOCKER_HUB}" else first), rest

    @property
    def tagged(self) -> Image:
        """The image with its tag and without its digest. The default tag is `latest`."""
        return Image(self.name, self.tag or LATEST)


class ImageUse(Struct, frozen=True):
    """A reference to an image in a file, with its position.

    Attributes:
        file: path relative to the project directory, with `/` on every platform.
        line: the number of the line, from 1.
        column: the number of the character in the line, from 1.
        image: the image, with the values of `ARG` filled in. If the file contains only a digest,
            the tag comes from the comment `# envsync: tag TAG`.
        only_digest: True if the file contains only the digest, and the tag is in a comment or
            unknown.
        track: the pattern in the comment `# envsync: track PATTERN`, or None.
        ignored: the rules that comments turn off for this reference.
        obstacle: why envsync cannot change the reference, as a sentence; empty if envsync can
            change it.
        in_dockerfile: True for a `FROM` line, False for the field `image` of an environment file.
        environments: the names of the environments that use the image.
    """

    file: str
    line: int
    column: int
    image: Image
    only_digest: bool = False
    track: str | None = None
    ignored: frozenset[str] = field(default=frozenset())
    obstacle: str = ""
    in_dockerfile: bool = False
    environments: tuple[str, ...] = ()

    def changed(self, tag: str, digest: str, *, only_digest: bool = False) -> ImageUse:
        """Returns the same reference with another tag and digest."""
        image = Image(self.image.name, tag, digest)
        return replace(self, image=image, only_digest=only_digest or self.only_digest)

    @property
    def text(self) -> str:
        """The reference in the file, with the values of `ARG` filled in."""
        image = replace(self.image, tag=None) if self.only_digest else self.image
        return str(image)

    def to_json(self) -> dict[str, JSON]:
        """Returns the reference as JSON data."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "image": str(replace(self.image, digest=None)),
            "digest": self.image.digest,
            "environments": list(self.environments),
        }


class Unresolved(Struct, frozen=True):
    """An image whose digest a registry has not returned, with the reason.

    Attributes:
        registry: the host of the registry.
        reason: the reason, as a sentence that does not name the image. If several images have the
            same reason, the reason is shown once.
        is_missing: True if the registry has answered that the tag or the repository does not exist.
    """

    registry: str
    reason: str
    is_missing: bool = False
