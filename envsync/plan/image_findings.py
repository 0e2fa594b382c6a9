"""`ImageFinding`: an image in a file, compared with its registry, and what a lock would write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.image import Image, ImageUse, Unresolved
from envsync.model.problem import Problem
from envsync.plan.bump import Bump

ImageState: TypeAlias = Literal[
    "unlocked",
    "moved",
    "outdated",
    "current",
    "fixed",
    "ignored",
    "unwritable",
    "missing",
    "unresolved",
]
"""The state of the tag of an image in a file.

- `unlocked`: the file contains the tag without a digest.
- `moved`: the tag refers to another digest than that in the file.
- `outdated`: the registry has a newer tag of the same shape.
- `current`: the tag refers to the digest in the file.
- `fixed`: the file contains a digest without a tag, so nothing can move.
- `ignored`: a comment turns the rule off.
- `unwritable`: the file contains the tag without a digest, and envsync cannot add the digest.
- `missing`: the registry does not have the tag.
- `unresolved`: the registry did not answer, or needs a login.
"""

NO_TAGS: Final[Mapping[ImageUse, str]] = MappingProxyType({})

Digests: TypeAlias = Mapping[Image, str | Unresolved]
"""Maps each image with a tag to the digest of the tag, or to why the digest is unknown."""


class ImageFinding(Struct, frozen=True):
    """One image in a file, compared with its registry.

    Attributes:
        use: the image as the file contained it before the change.
        state: see `ImageState`.
        digest: the digest of the newer tag, or of the tag in the file if there is no newer tag.
            None if the registry did not return it.
        tag: the newer tag that the file gets; None if the tag stays.
        reason: why the file is not changed, as a sentence; empty if there is nothing to say.
        registry: the host of a registry that did not answer; otherwise empty.
        built: the day on which the present image was built, such as `2024-12-15`; None if it is
            unknown.
        new_built: the day on which the image with the newer tag was built.
    """

    use: ImageUse
    state: ImageState
    digest: str | None = None
    tag: str | None = None
    reason: str = ""
    registry: str = ""
    built: str | None = None
    new_built: str | None = None

    @property
    def days(self) -> int | None:
        """The number of days between the two builds, or None if the day of a build is unknown."""
        if self.built is None or self.new_built is None:
            return None
        return (date.fromisoformat(self.new_built) - date.fromisoformat(self.built)).days

    @property
    def is_unlocked(self) -> bool:
        """True if the file contains a tag without a digest, and no comment allows this."""
        return self.use.image.digest is None and self.state != "ignored"

    def after(self, *, only_digest: bool) -> ImageUse | None:
        """Returns the image as the file will contain it, or None if the file does not change.

        Args:
            only_digest: whether to write the digest without the tag.
        """
        image = self.use.image
        if self.digest is None or self.state in ("ignored", "unwritable", "fixed"):
            return None
        tag = self.tag or image.tagged.tag or ""
        new = self.use.changed(tag, self.digest, only_digest=only_digest)
        return None if (new.text, new.image) == (self.use.text, image) else new

    def to_json(self) -> dict[str, JSON]:
        """Returns the finding as JSON data."""
        return {
            **self.use.to_json(),
            "state": self.state,
            "new_tag": self.tag,
            "new_digest": self.digest,
            "built": self.built,
            "new_built": self.new_built,
            "reason": self.reason or None,
        }


def images_json(
    findings: Iterable[ImageFinding],
    written: Collection[ImageFinding],
    bumps: Iterable[Bump],
    problems: Iterable[Problem] = (),
    *,
    dry_run: bool = False,
) -> dict[str, JSON]:
    """Returns the document that `lock --format json` and `update --format json` print.

    Args:
        findings: all images.
        written: the images that were changed.
        bumps: the versions that were changed.
        problems: the problems of `lock --check`.
        dry_run: True if no file was written.
    """
    return {
        "format_version": 1,
        "dry_run": dry_run,
        "images": [{**item.to_json(), "changed": item in written} for item in findings],
        "bumps": [item.to_json() for item in bumps],
        "problems": [item.to_json() for item in problems],
    }


def asked(uses: Iterable[ImageUse]) -> list[ImageUse]:
    """Returns the images whose state cannot be determined without a registry."""
    return [use for use in uses if _state_of_file(use) is None]


def judge_images(
    uses: Iterable[ImageUse], digests: Digests, newer: Mapping[ImageUse, str] = NO_TAGS
) -> tuple[ImageFinding, ...]:
    """Compares the images in files with the answers of the registries.

    Args:
        uses: the images in files.
        digests: for each image from `asked`, its digest, or why the digest is unknown. If an image
            has a newer tag, the key contains this tag.
        newer: maps each image with a newer tag to this tag.
    """
    return tuple(_judge(use, digests, newer.get(use)) for use in uses)


def _judge(use: ImageUse, digests: Digests, newer: str | None) -> ImageFinding:
    known = _state_of_file(use)
    if known is not None:
        return ImageFinding(use, known, reason=use.obstacle)
    answer = digests[Image(use.image.name, newer) if newer else use.image.tagged]
    if isinstance(answer, Unresolved):
        state: ImageState = "missing" if answer.is_missing else "unresolved"
        return ImageFinding(use, state, reason=answer.reason, registry=answer.registry)
    if newer is not None:
        return ImageFinding(use, "outdated", answer, tag=newer)
    if use.image.digest is None:
        return ImageFinding(use, "unlocked", answer)
    if use.image.digest == answer:
        return ImageFinding(use, "current", answer)
    return ImageFinding(use, "ignored" if "image-moved" in use.ignored else "moved", answer)


def _state_of_file(use: ImageUse) -> ImageState | None:
    """Returns the state if the file alone determines it, otherwise None."""
    if use.obstacle:
        return "ignored" if "image-unlocked" in use.ignored else "unwritable"
    if use.image.digest is None:
        return "ignored" if "image-unlocked" in use.ignored else None
    return "fixed" if use.image.tag is None else None
