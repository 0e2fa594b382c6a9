"""Strings that try to inject Markdown, HTML or control sequences, and plans that contain them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from envsync.model.declaration import Source
from envsync.model.target import TargetIdentity
from envsync.model.use import Use
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection
from envsync.plan.plan import Plan

# fmt: off
NASTY = (
    # Mentions, issues and commits: GitHub turns them into links.
    "@user", "@org/team", "#1", "GH-1", "owner/repo#1", "deadbeef", "deadbee", "0123456789abcdef",
    # URLs and e-mail addresses.
    "https://evil.example", "http://evil.example/?a=b", "www.evil.example", "a@evil.example",
    # HTML, and entities that could become HTML or a mention.
    "<b>x</b>", "<!-- x", "-->", "<img src=x>", "</details>", "<script>", "&lt;b&gt;", "&#64;user",
    # Images, links, footnotes, emoji and formulas.
    "![x](y)", "[x](y)", "[x]: y", "[^1]", "<https://evil.example>", ":tada:", "$x$", "$`x`$",
    # Code spans, fences and tables.
    "`", "``", "```", "````", "`" * 40, "`" * 300, "~~~", "`x`", "` x", "x `", "|", "a | b",
    "|---|", "\\|", "\\",
    # Blocks: headings, quotes, lists, rules and indented code.
    "# x", "> x", "- x", "1. x", "1) x", "7.", "* * *", "---", "===", "    x", "\t", " ", "  ", "",
    # Line breaks, control characters and escape sequences.
    "\n", "\r\n", "\n\n", "\n```\n", "\u2028", "\u2029", "\x00", "\x1b[2J", "\x07", "\x85",
    # Invisible characters, and characters that change the direction of text.
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff",
    # Emphasis.
    "**x**", "_x_", "~~x~~", "*", "_",
)
# fmt: on

texts = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), max_size=6).map("".join)
values = st.one_of(
    st.none(), texts, st.lists(texts, max_size=3), st.dictionaries(texts, texts, max_size=2)
)


def plan_of(text: str, value: object = "x") -> Plan:
    """Returns a plan with every part. Every string from files or services is `text`."""
    field = FieldChange(text, value, text, {text: "modified"})  # type: ignore[arg-type]  # any JSON
    item = FieldChange(f"conda_file.dependencies[{json.dumps(text)}][3]", value, text)  # type: ignore[arg-type]  # any JSON
    source = Source(text, 3)
    return Plan(
        "project",
        TargetIdentity(text, text, text),
        (
            Change(Action.UPDATE, "version", text, text, text, (field,), source),
            Change(Action.ARCHIVE, "environment", text, None, text),
            Change(
                Action.CREATE, "version", text, text, text, predecessor=text, differs=(field, item)
            ),
        ),
        (
            Rejection(text, text, text, text, text, (field,), source),
            Rejection(text, text, None, text, f"envsync bump {text}"),
        ),
        (
            # More files than are shown.
            LatestChange(text, text, text, (Use(text, 1, "job", "exact"),) * 7),
            LatestChange(text, None, text, (Use(text, 1, "unknown", "probable"),)),
            LatestChange(text, None, None),
        ),
        (text, text),
        refused=text or "x",
    )
