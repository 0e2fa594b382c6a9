"""Finds the newest tags of images, with the days on which the images were built."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.model.errors import EnvsyncError
from envsync.model.image import Image, Unresolved
from envsync.model.wording import printable
from envsync.plan.image_findings import ImageFinding, asked, judge_images
from envsync.plan.newer_tags import date_of, newest_tag
from envsync.project.pattern import Pattern

if TYPE_CHECKING:
    from envsync.images.resolve import Registries
    from envsync.model.image import ImageUse


def find_updates(
    uses: Iterable[ImageUse], registries: Registries, advance: Callable[[int, int], None]
) -> tuple[ImageFinding, ...]:
    """Asks the registries for the newest tag of each image, and for the digest of this tag.

    Args:
        uses: the images in files.
        registries: the result of `open_registries`.
        advance: a function that is called with the number of finished requests and the number of
            all requests.

    Raises:
        EnvsyncError: the pattern of a comment `# envsync: track` is invalid, or comparing it with a
            tag takes too long.
    """
    uses = list(uses)
    tracks = {use: _track(use) for use in uses}
    wanted = asked(uses)
    tags = registries.tags((use.image for use in wanted), advance)
    newer: dict[ImageUse, str] = {}
    reasons: dict[ImageUse, str] = {}
    for use in wanted:
        found = tags[Image(use.image.name)]
        if isinstance(found, Unresolved):
            reasons[use] = found.reason
        elif tag := newest_tag(use.image, found, tracks[use]):
            newer[use] = tag
    chosen = {use: Image(use.image.name, newer.get(use, use.image.tagged.tag)) for use in wanted}
    findings = judge_images(uses, registries.digests(chosen.values(), advance), newer)
    dates = _dates(findings, registries, advance)
    return tuple(
        replace(
            item,
            built=dates.get(_present(item.use)),
            new_built=dates.get(chosen[item.use]),
        )
        if item.state == "outdated"
        else replace(item, reason=item.reason or reasons.get(item.use, ""))
        for item in findings
    )


def _track(use: ImageUse) -> Callable[[str], bool] | None:
    if use.track is None:
        return None
    try:
        return Pattern(use.track, f"{use.file}:{use.line}").is_in
    except ValueError as error:
        raise EnvsyncError(
            f"{use.file}:{use.line}: the pattern `{printable(use.track, 100)}` of the comment "
            f"`# envsync: track` is not a valid regular expression: {error}. Correct the pattern."
        ) from error


def _present(use: ImageUse) -> Image:
    """Returns the present image with its digest, or with its tag if the file has no digest."""
    return replace(use.image, tag=None) if use.image.digest else use.image.tagged


def _dates(
    findings: Iterable[ImageFinding],
    registries: Registries,
    advance: Callable[[int, int], None],
) -> dict[Image, str]:
    """Returns the days on which the present and the new images were built, if known.

    The date in a tag such as `20241215.v1` needs no request.
    """
    dates: dict[Image, str] = {}
    unknown: list[Image] = []
    for item in findings:
        if item.state != "outdated":
            continue
        before, after = item.use.image, Image(item.use.image.name, item.tag)
        for image, tag in ((_present(item.use), before.tag), (after, after.tag)):
            if found := date_of(tag or ""):
                dates[image] = found.isoformat()
            else:
                unknown.append(image)
    asked_days = registries.days(unknown, advance)
    return dates | {image: day for image, day in asked_days.items() if isinstance(day, str)}
