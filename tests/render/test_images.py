"""Tests of images as text and as Markdown."""

from __future__ import annotations

from envsync.model.declaration import Source
from envsync.model.image import Image, ImageUse
from envsync.plan.bump import Bump
from envsync.plan.image_findings import ImageFinding
from envsync.render.images import images_markdown, images_summary, images_text, unresolved_text
from envsync.render.paint import painter

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PLAIN = painter(False)


def finding(file: str, state: str, digest: str | None = None, reason: str = "") -> ImageFinding:
    use = ImageUse(file, 3, 8, Image("r.io/base", "1", OLD if state != "unlocked" else None))
    return ImageFinding(use, state, digest, reason=reason)  # type: ignore[arg-type]


LOCKED = finding("a.yml", "unlocked", NEW)
MOVED = finding("b.yml", "moved", NEW)
CURRENT = finding("c.yml", "current", OLD)
SKIPPED = finding("d|`.yml", "unwritable", reason="@team: `ARG T` | \x1b[31m ##vso[x] <b>")
OFFLINE = finding("e.yml", "unresolved", reason="r.io cannot be reached.")
ALL = [LOCKED, MOVED, CURRENT, SKIPPED, OFFLINE, OFFLINE]
BUMP = Bump("a", "1", "2", Source("a.yml", 2))


def test_the_text_shows_changed_images_and_the_reason_for_each_unchanged_image() -> None:
    text = images_text(ALL, [LOCKED, MOVED], lambda file: f"ml/{file}", PLAIN)

    assert text == (
        "ml/a.yml:3: r.io/base:1\n  locked: sha256:bbbbbbbbbbbb\n"
        "ml/b.yml:3: r.io/base:1\n  moved: sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb\n"
        "ml/d|`.yml:3: r.io/base:1\n"
        r"  not written: @team: `ARG T` | \x1b[31m \x23#vso[x] <b>" + "\n"
    )


def test_verbose_text_shows_every_image_and_digests_in_full() -> None:
    text = images_text([CURRENT, OFFLINE], [], str, PLAIN, verbose=True)

    assert text == (
        f"c.yml:3: r.io/base:1\n  unchanged: {OLD}\n"
        "e.yml:3: r.io/base:1\n  not resolved: r.io cannot be reached.\n"
    )


def test_the_summary_counts_images_by_outcome() -> None:
    assert images_summary(ALL, [LOCKED, MOVED], [BUMP]) == (
        "6 images: 1 locked, 1 moved, 1 unchanged, 1 not written, 2 not resolved. "
        "1 version bumped.\n"
    )
    assert images_summary([], [], []) == "0 images.\n"


def test_an_unreachable_registry_is_one_line_for_all_its_images() -> None:
    assert unresolved_text(ALL) == ["r.io cannot be reached. 2 images were not checked."]


def test_markdown_has_tables_of_changes_and_an_escaped_list_of_unchanged_images() -> None:
    assert images_markdown([MOVED, SKIPPED], [MOVED], [BUMP]) == (
        "| file | image | before | after |\n"
        "|---|---|---|---|\n"
        "| `b.yml` | `r.io/base` | `1`<br>`sha256:aaaaaaaaaaaa` | `1`<br>`sha256:bbbbbbbbbbbb` |\n"
        "\n"
        "| environment | before | after |\n"
        "|---|---|---|\n"
        "| `a` | `1` | `2` |\n"
        "\n"
        "These images were not changed:\n"
        "\n"
        r"- ``d\x7c`.yml:3``: `@team`: `ARG T` `|` `\x1b[31m` `\x23#vso[x]` `<b>`" + "\n"
    )
    assert images_markdown([], [], []) == "No image changes.\n"
