"""Tests of the findings about images, from files and from the responses of registries."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.model.image import Image, ImageUse, Unresolved
from envsync.plan.image_findings import ImageFinding, asked, images_json, judge_images

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
OFFLINE = Unresolved("r.io", "r.io cannot be reached.")
MISSING = Unresolved("r.io", "r.io has no such tag.", is_missing=True)


def use(image: str, *ignored: str, obstacle: str = "", tag: str | None = None) -> ImageUse:
    found = Image.parse(image)
    if tag is not None:
        found = Image(found.name, tag, found.digest)
    return ImageUse(
        "a.yml",
        1,
        1,
        found,
        only_digest="@" in image and ":" not in image.partition("@")[0],
        ignored=frozenset(ignored),
        obstacle=obstacle,
    )


@pytest.mark.parametrize(
    ("place", "answer", "expected"),
    [
        (use("r.io/a:1"), NEW, ImageFinding(use("r.io/a:1"), "unlocked", NEW)),
        (use("r.io/a"), NEW, ImageFinding(use("r.io/a"), "unlocked", NEW)),
        (
            use(f"r.io/a:1@{OLD}"),
            NEW,
            ImageFinding(use(f"r.io/a:1@{OLD}"), "moved", NEW),
        ),
        (use(f"r.io/a:1@{OLD}"), OLD, ImageFinding(use(f"r.io/a:1@{OLD}"), "current", OLD)),
        (
            use(f"r.io/a@{OLD}", tag="1"),
            NEW,
            ImageFinding(use(f"r.io/a@{OLD}", tag="1"), "moved", NEW),
        ),
        (use(f"r.io/a@{OLD}"), None, ImageFinding(use(f"r.io/a@{OLD}"), "fixed")),
        (
            use("r.io/a:1", "image-unlocked"),
            None,
            ImageFinding(use("r.io/a:1", "image-unlocked"), "ignored"),
        ),
        (
            use(f"r.io/a:1@{OLD}", "image-moved"),
            NEW,
            ImageFinding(use(f"r.io/a:1@{OLD}", "image-moved"), "ignored", NEW),
        ),
        (
            use("r.io/a:1", obstacle="Why."),
            None,
            ImageFinding(use("r.io/a:1", obstacle="Why."), "unwritable", reason="Why."),
        ),
        (
            use("r.io/a:1"),
            OFFLINE,
            ImageFinding(use("r.io/a:1"), "unresolved", reason=OFFLINE.reason, registry="r.io"),
        ),
        (
            use("r.io/a:1"),
            MISSING,
            ImageFinding(use("r.io/a:1"), "missing", reason=MISSING.reason, registry="r.io"),
        ),
    ],
)
def test_the_state_of_an_image_follows_from_its_reference_and_the_registry(
    place: ImageUse, answer: str | Unresolved | None, expected: ImageFinding
) -> None:
    digests = {} if answer is None else {place.image.tagged: answer}

    assert asked([place]) == ([] if answer is None else [place])
    assert judge_images([place], digests) == (expected,)


@pytest.mark.parametrize(
    ("finding", "only_digest", "expected"),
    [
        (ImageFinding(use("a:1"), "unlocked", NEW), False, f"a:1@{NEW}"),
        (ImageFinding(use("a"), "unlocked", NEW), False, f"a:latest@{NEW}"),
        (ImageFinding(use("a:1"), "unlocked", NEW), True, f"a@{NEW}"),
        (ImageFinding(use(f"a:1@{OLD}"), "moved", NEW), False, f"a:1@{NEW}"),
        (ImageFinding(use(f"a@{OLD}", tag="1"), "moved", NEW), False, f"a@{NEW}"),
        (ImageFinding(use(f"a:1@{NEW}"), "current", NEW), False, None),
        (ImageFinding(use(f"a:1@{NEW}"), "current", NEW), True, f"a@{NEW}"),
        (ImageFinding(use("a:1", "image-unlocked"), "ignored"), False, None),
        (ImageFinding(use("a:1"), "unresolved", reason="Why."), False, None),
    ],
)
def test_the_property_after_is_the_image_reference_to_write(
    finding: ImageFinding, only_digest: bool, expected: str | None
) -> None:
    after = finding.after(only_digest=only_digest)

    assert (after and after.text) == expected
    if after and after.only_digest:
        assert after.image.tag == "1"


def test_an_image_with_a_newer_tag_is_outdated() -> None:
    place = use(f"a:1@{OLD}")
    (finding,) = judge_images([place], {Image("a", "2"): NEW}, {place: "2"})

    assert finding == ImageFinding(place, "outdated", NEW, tag="2")
    after = finding.after(only_digest=False)
    assert after and after.text == f"a:2@{NEW}"


def test_the_property_days_is_the_time_between_the_two_builds() -> None:
    finding = ImageFinding(use("a:1"), "outdated", NEW, tag="2", built="2024-02-28")

    assert finding.days is None
    assert replace(finding, new_built="2024-03-01").days == 2


def test_the_json_of_images_has_what_was_found_and_what_changed() -> None:
    changed = ImageFinding(
        use("r.io/a:1"), "outdated", NEW, "2", built="2026-01-01", new_built="2026-02-01"
    )
    kept = ImageFinding(use("r.io/b:1"), "unresolved", reason="r.io cannot be reached.")

    assert images_json([changed, kept], [changed], [], dry_run=True) == {
        "format_version": 1,
        "dry_run": True,
        "images": [
            {
                **changed.use.to_json(),
                "state": "outdated",
                "new_tag": "2",
                "new_digest": NEW,
                "built": "2026-01-01",
                "new_built": "2026-02-01",
                "reason": None,
                "changed": True,
            },
            {
                **kept.use.to_json(),
                "state": "unresolved",
                "new_tag": None,
                "new_digest": None,
                "built": None,
                "new_built": None,
                "reason": "r.io cannot be reached.",
                "changed": False,
            },
        ],
        "bumps": [],
        "problems": [],
    }
