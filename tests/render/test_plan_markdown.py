"""Plans as Markdown: the content, protection against injected Markdown, and the size limit."""

from __future__ import annotations

import re

import cmarkgfm  # type: ignore[import-untyped]  # cmarkgfm has no types
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]  # cmarkgfm has no types
from hypothesis import example as case
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from envsync.model.policy import Policy
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.render.gfm import code, fence, prose
from envsync.render.plan_markdown import heading, plan_body, plan_markdown
from tests.builders import PROJECT, TARGET, declared, image
from tests.render.hostile import NASTY, plan_of, texts, values
from tests.render.test_plan_text import DIFFERS, IMAGE, WORKSPACE, create, example

EXPECTED = """\
### envsync · local · `models/`

**2 to create, 1 to update, 3 to archive, 1 to restore, 1 rejected, 1 unchanged** \
in the local target `.envsync/local.db`

**`context:1` is rejected** as `immutable` (`environments/context-1.yml:1`): `context:1` \
is already registered with a different build. Registered versions cannot change.

```diff
!   build.context  Dockerfile
+                  new
-                  old
```

Fix: `envsync bump context`

**Changes**

```diff
- archive  gone        no file declares it

+ create   pydata:2    new version after 1
+   conda_file.dependencies  python=3.11
+                            pip=24.0
+                            pip:
+                              numpy==1.26.4
+                              pandas==2.2.3
+   description              "Pandas and friends"
+   tags.owner               "ml-platform"

- archive  shared:1    no file declares it
- archive  sleeping:2  stays hidden when the name is restored
+ restore  sleeping    archived, although a file declares it

! update   tensor:1    metadata differs
-   description              "short"
+   description              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
+                            yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
-   tags.old                 "1"
-   tags.owner               "a"
+   tags.owner               "b"

+ create   torch:4     new version after 3
!   build.context            Dockerfile
```

<details><summary><code>@latest</code> changes for 3 names</summary>

```
gone    1 → (none)
pydata  1 → 2
torch   3 → 4
```

</details>

**Warning:** shared: the plan leaves versions of other owners active: 2.

<sub>Digest: `sha256:c1b78fd6bb905c4e6740121c78da53e899a021aa7d4739afec9c771228c1a277`</sub>
"""

GFM = MarkdownIt("gfm-like")
# GitHub links a whole word of seven or more hex digits to a commit, and not a longer word.
PROSE = re.compile(
    r"(?:(?![0-9A-Fa-f]{7,}(?![0-9A-Za-z]))[A-Za-z]{1,40}|[0-9]{1,6}|[ '(),.:;!?%…·])*"
)
"""A string outside code that contains nothing that GitHub turns into a link or an image."""

INLINE = {"text", "code_inline", "strong_open", "strong_close", "html_inline"}
"""The only inline elements that a plan may have. A link or an image would come from a string."""


SMALL = ["<sub>", "</sub>"]
"""The only HTML inside of a line: the digest is in small print."""


def test_a_plan_with_every_part_is_rendered() -> None:
    assert plan_markdown(example(), directory="models") == EXPECTED


def test_an_empty_plan_is_rendered_with_its_digest() -> None:
    plan = Plan(PROJECT, TARGET, unchanged=3)

    assert plan_markdown(plan) == (
        "### envsync · local\n\n"
        "**No changes, 3 unchanged** in the local target `.envsync/local.db`\n\n"
        f"<sub>Digest: `{plan.digest}`</sub>\n"
    )


def test_a_refused_plan_begins_with_the_reason() -> None:
    plan = Plan(PROJECT, TARGET, refused="Nothing is declared, see max_archive_percent.")

    assert (
        plan_markdown(plan).splitlines()[4]
        == "**Refused:** Nothing is declared, see `max_archive_percent`."
    )


def test_a_fix_that_is_not_a_command_is_shown_as_a_sentence() -> None:
    rejection = Rejection(
        "unowned", "a", "1", "a:1 exists.", "Set `adopt: identical` in envsync.yaml."
    )

    assert "\nFix: Set `adopt: identical` in `envsync.yaml`.\n" in plan_markdown(
        Plan(PROJECT, TARGET, rejections=(rejection,))
    )


def test_a_long_list_of_changes_is_folded() -> None:
    few, many = large(2, 0, 0), large(50, 0, 0)

    assert "<summary>Changes" not in plan_markdown(few)
    assert "\n<details><summary>Changes</summary>\n\n```diff\n" in plan_markdown(many)
    assert "\n```\n\n</details>\n" in plan_markdown(many)


@pytest.mark.parametrize(
    ("directory", "line"),
    [
        ("", "### envsync · dev"),
        (".", "### envsync · dev"),
        ("models", "### envsync · dev · `models/`"),
        ("a/@b/", "### envsync · dev · `a/@b/`"),
    ],
)
def test_the_heading_contains_target_and_directory(directory: str, line: str) -> None:
    plan = Plan(PROJECT, WORKSPACE)

    assert plan_markdown(plan, directory=directory).splitlines()[0] == line
    assert heading("", directory) == line.replace(" · dev", "") + "\n"


def test_the_summary_contains_workspace_and_resource_group() -> None:
    assert "in the workspace target `ws-dev, resource group ml-dev`\n" in plan_markdown(
        Plan(PROJECT, WORKSPACE)
    )


def test_a_new_version_shows_only_what_differs_from_its_predecessor() -> None:
    change = replace(
        create(),
        differs=(
            *DIFFERS,
            FieldChange("conda_file.dependencies[2]", "numpy=1.24", "numpy=1.26"),
            FieldChange("conda_file.channels", ["a", "b"], ["b", "a"]),
            FieldChange("build.context", "1", "2", {"x": "modified", "y": "removed"}),
        ),
    )

    assert (
        "```diff\n"
        "+ create   a:2  new version after 1\n"
        f'-   image                    "{IMAGE}:1"\n'
        f'+   image                    "{IMAGE}:2"\n'
        "+   conda_file.dependencies  lightgbm=4.5.0\n"
        "-                            numpy=1.24\n"
        "+                            numpy=1.26\n"
        "!   conda_file.channels      reordered\n"
        "!   build.context            x\n"
        "-                            y\n"
        "```\n"
    ) in plan_markdown(Plan(PROJECT, TARGET, (change,)))


def test_changes_of_latest_are_folded() -> None:
    one = Plan(PROJECT, TARGET, latest=(LatestChange("a", "1", "2"),))

    assert (
        "<details><summary><code>@latest</code> changes for 1 name</summary>\n\n"
        "```\na  1 → 2\n```\n\n</details>\n"
    ) in plan_markdown(one)


def test_later_lines_of_a_long_item_are_indented() -> None:
    url = "git+https://github.com/example-organisation/models.git@0123456789abcdef#egg=models"
    item = FieldChange("conda_file.dependencies[1]", None, {"pip": [url, "b==2"]})
    plan = Plan(PROJECT, TARGET, (replace(create(), differs=(item,)),))

    assert (
        "+   conda_file.dependencies  pip:\n"
        "+                              git+https://github.com/example-organisation/models.git@\n"
        "+                                0123456789abcdef#egg=models\n"
        "+                              b==2\n"
    ) in plan_markdown(plan)


def test_the_new_order_and_the_changed_items_of_a_list_share_a_label() -> None:
    differs = (
        FieldChange("conda_file.channels", ["a", "b"], ["b", "a"]),
        FieldChange("conda_file.channels[0]", None, "c"),
        FieldChange("conda_file.channels[3]", "d", None),
    )

    assert (
        "!   conda_file.channels  reordered\n"
        "+                        c\n"
        "-                        d\n"
        "```\n"
    ) in plan_markdown(Plan(PROJECT, TARGET, (replace(create(), differs=differs),)))


def test_a_long_name_does_not_move_the_texts_of_other_names() -> None:
    long = "n" * 90
    plan = Plan(
        PROJECT,
        TARGET,
        (create(long), create("short")),
        latest=(LatestChange(long, "1", "2"), LatestChange("short", "9", "10")),
    )
    text = plan_markdown(plan)

    assert f"+ create   {long}:2\n      new version after 1\n-   image " in text
    assert "+ create   short:2  new version after 1\n" in text
    assert f"```\n{long}\n    1 → 2\nshort  9 → 10\n```\n" in text


def test_a_plan_with_many_changes_begins_with_a_list_of_names() -> None:
    changes = tuple(create(f"e{n:02}") for n in range(41))
    archive = Change(Action.ARCHIVE, "environment", "old", None, "no file declares it")
    text = plan_markdown(Plan(PROJECT, TARGET, (*changes, archive)))
    few = plan_markdown(Plan(PROJECT, TARGET, changes[:40]))

    assert "\n**To create:** `e00:2`, `e01:2`, " in text
    assert "\n**To archive:** `old`\n" in text
    assert text.index("**To archive:**") < text.index("<details><summary>Changes</summary>")
    assert "**To create:**" not in few


# Strings that try to inject Markdown


def structure(tokens: list[Token]) -> list[str]:
    """Returns the types of the blocks of a Markdown document."""
    return [token.type for token in tokens]


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or []]


@given(texts, values)
@case("```\n</details>\n@user", None)
@case("deadbeefx `` ", None)
@case("`" * 9000, None)
def test_no_string_changes_the_structure_of_the_markdown(text: str, value: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # A plan with many lines is folded and so has another structure. Turn folding off.
        patch.setattr("envsync.render.change_markdown._MOST_LINES_OPEN", 10**9)
        tokens = GFM.parse(plan_markdown(plan_of(text, value), directory=text or "x"))
        plain = GFM.parse(plan_markdown(plan_of("x", value), directory="x"))

    assert structure(tokens) == structure(plain)
    assert {child.type for child in inline(tokens)} <= INLINE
    assert [item.content for item in inline(tokens) if item.type == "html_inline"] == SMALL
    outside = [child.content for child in inline(tokens) if child.type == "text"]
    assert [text for text in outside if not PROSE.fullmatch(text)] == []


@pytest.mark.parametrize("text", NASTY)
def test_known_attacks_stay_inside_code(text: str) -> None:
    test_no_string_changes_the_structure_of_the_markdown.hypothesis.inner_test(text, text)  # type: ignore[attr-defined]  # set by hypothesis


@given(texts)
def test_every_string_in_a_plan_becomes_one_printable_line(text: str) -> None:
    lines = plan_markdown(plan_of(text)).split("\n")

    assert [
        line
        for line in lines
        if not re.fullmatch(
            r"[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*",
            line,
        )
    ] == []


def is_short(value: object) -> bool:
    """Returns True if a plan with this value is not so long that it is folded."""
    return len(repr(value)) <= 120


@given(texts.filter(is_short), values.filter(is_short))
@case("x" + "`" * 100 + "[x](y)", None)
def test_the_parser_of_github_finds_the_same_structure(text: str, value: object) -> None:
    assert tags(plan_markdown(plan_of(text, value))) == tags(plan_markdown(plan_of("x", value)))


def tags(text: str) -> list[str]:
    """Returns the HTML tags of a Markdown document, except in code spans."""
    html = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    return [tag for tag in re.findall(r"<[^>]+>", html) if tag not in ("<code>", "</code>")]


@given(st.text(alphabet="` a", min_size=1, max_size=9))
def test_a_code_span_shows_its_string_unchanged(text: str) -> None:
    (token,) = inline(GFM.parse(f"{code(text)}"))

    assert (token.type, token.content) == ("code_inline", text)


@given(st.lists(st.text(alphabet="`~ a"), min_size=1))
def test_a_fence_encloses_all_its_lines(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    opening, closing = fence(text, "diff")
    (token,) = GFM.parse(opening + text + closing)

    assert (token.type, token.content, token.info) == ("fence", text, "diff")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pydata belongs to the service.", "pydata belongs to the service."),
        ("pydata-2:1 exists, and @user knows.", "`pydata-2:1` exists, and `@user` knows."),
        ("Set `adopt: identical`, or not.", "Set `adopt: identical`, or not."),
        ("7 of 12 (70 %).", "7 of 12 (70 %)."),
        ("commit deadbee is defaced", "commit `deadbee` is `defaced`"),
        ("`a``b`", "`a` `b`"),
        ("(www.evil.example)", "(`www.evil.example`)"),
        ("don't", "don't"),
    ],
)
def test_prose_puts_all_text_except_plain_words_into_code(text: str, shown: str) -> None:
    assert prose(text) == shown


# The size limit


def large(changes: int, rejections: int, warnings: int) -> Plan:
    return Plan(
        PROJECT,
        TARGET,
        tuple(
            Change(Action.UPDATE, "version", f"c-{n}", "1", "metadata differs",
                   (FieldChange("description", "日本" * n, "ü" * 40),))
            for n in range(changes)
        ),
        tuple(
            Rejection("immutable", f"r-{n}", "1", "It is fixed.", f"envsync bump r-{n}",
                      (FieldChange("image", "a", "b"),))
            for n in range(rejections)
        ),
        tuple(LatestChange(f"c-{n}", "1", "2") for n in range(changes)),
        tuple(f"w-{n}: left alone." for n in range(warnings)),
    )  # fmt: skip


def shown_and_left_out(text: str, shown: str, name: str) -> int:
    """Returns the number of items in a document, including the items reported as left out."""
    (left_out,) = re.findall(rf"^… and (\d+)(?: more)? {name}s?, om", text, re.MULTILINE) or ["0"]
    return len(re.findall(shown, text, re.MULTILINE)) + int(left_out)


# There is no deadline, because rendering and parsing the largest plan takes longer than 200 ms on a
# busy machine.
@settings(deadline=None)
@given(st.integers(4096, 70_000), st.integers(0, 90), st.integers(0, 90), st.integers(0, 90))
@case(4096, 90, 90, 90)
def test_a_cut_plan_fits_the_limit_and_counts_the_items_left_out(
    limit: int, changes: int, rejections: int, warnings: int
) -> None:
    plan = large(changes, rejections, warnings)
    text = plan_markdown(plan, limit=limit)
    tokens = GFM.parse(text)

    assert len(text.encode()) <= limit
    assert text.startswith("### envsync · local\n\n**")
    assert text.endswith(f"\n\n<sub>Digest: `{plan.digest}`</sub>\n")
    assert {child.type for child in inline(tokens)} <= INLINE
    assert text.count("<details>") == text.count("</details>")
    assert (
        shown_and_left_out(text, r"^! update ", "change"),
        shown_and_left_out(text, r"^\*\*`r-\d+:1` is rejected", "rejection"),
        shown_and_left_out(text, r"^\*\*Warning:", "warning"),
        shown_and_left_out(text, r"^c-\d+ +1 → 2$", "name"),
        shown_and_left_out(text, r"(?<=[ :])`c-\d+:1`", "item"),
    ) == (changes, rejections, warnings, changes, changes if changes > 40 else 0)


def test_a_plan_that_fits_the_limit_is_not_cut() -> None:
    plan = large(20, 20, 20)
    whole = plan_markdown(plan)

    assert plan_markdown(plan, limit=len(whole.encode())) == whole
    assert plan_markdown(plan, limit=len(whole.encode()) - 1) != whole


def test_a_cut_plan_begins_with_the_list_of_missing_parts() -> None:
    text = plan_markdown(large(500, 20, 500), limit=20_000)
    shown = text.count("\n! update "), text.count("**Warning:**"), text.count(" 1 → 2\n")
    changes, warnings, names = (500 - number for number in shown)

    assert text.splitlines()[4] == (
        f"**This plan is cut. Not shown: {warnings} warnings, {names} names, {changes} changes.** "
        "Run `envsync plan` to see the whole plan."
    )
    assert "This plan is cut" not in plan_markdown(large(50, 20, 50))


def test_changes_of_a_pull_request_are_shown_apart_from_pending_changes() -> None:
    plan = Plan(
        PROJECT,
        TARGET,
        changes=(create("a"), create("b"), create("c")),
        rejections=(
            Rejection("immutable", "b", "1", "b:1 exists.", "envsync bump b"),
            Rejection("immutable", "d", "1", "d:1 exists.", "envsync bump d"),
        ),
    )
    text = plan_body(plan, own={"b"})
    own, pending = text.partition("**Pending on the target before this pull request**")[::2]
    foreign = "This pull request does not change the files of this environment."

    assert "**Changes of this pull request**\n\n```diff\n+ create   b:2 " in own
    assert "+ create   a:2 " in pending
    assert "+ create   c:2 " in pending
    assert text.count(foreign) == 1
    assert text.index("d:1") < text.index(foreign)


@pytest.mark.parametrize("own", [None, {"a", "b"}])
def test_a_pull_request_without_pending_changes_has_no_separate_sections(
    own: set[str] | None,
) -> None:
    plan = Plan(PROJECT, TARGET, changes=(create("a"), create("b")))

    assert plan_body(plan, own=own) == plan_body(plan)


def test_a_pull_request_without_changes_shows_only_pending_changes() -> None:
    text = plan_body(Plan(PROJECT, TARGET, changes=(create("a"),)), own=())

    assert "Changes of this pull request" not in text
    assert "**Pending on the target before this pull request**" in text


def test_the_whole_id_of_a_workspace_is_shown() -> None:
    assert f"\n\nTarget id: `{WORKSPACE.id}`\n\n<sub>Digest: " in plan_markdown(
        Plan(PROJECT, WORKSPACE)
    )


def test_rejections_are_cut_last() -> None:
    text = plan_markdown(large(500, 20, 500), limit=20_000)

    assert text.count("is rejected**") == 20
    assert "… and 499 more changes" not in text
    assert 0 < text.count("\n! update ") < 500
    assert 0 < text.count("**Warning:**") < 500


def test_a_change_that_is_larger_than_the_limit_is_counted_as_left_out() -> None:
    fields = tuple(FieldChange(f"tags.{n}", None, "x" * 200) for n in range(100))
    change = Change(Action.UPDATE, "version", "a", "1", "metadata differs", fields)
    text = plan_markdown(Plan(PROJECT, TARGET, (change,)), limit=4096)

    assert "\n… and 1 change, omitted because of the size limit.\n" in text
    assert "```" not in text


def test_an_image_link_in_a_tag_is_not_rendered() -> None:
    plan = make_plan(
        [declared("a", "1", image("1"), tags={"![x](https://evil.example/x.png)": "<img src=x>"})],
        {},
        Policy(PROJECT),
        TARGET,
    )

    assert "<img" not in GFM.render(plan_markdown(plan))
