"""The Markdown that the action writes on GitHub: problems, outcomes, differences and failures.

Text from files and services is escaped or quoted as code. Otherwise, GitHub would interpret
mentions, links and HTML in the text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from envsync.action.marker import fingerprints
from envsync.model.wording import printable
from envsync.render.gfm import code, countable, fence, prose
from envsync.render.plan_markdown import plan_body
from envsync.render.plan_view import SIGNS

if TYPE_CHECKING:
    from envsync.action.approval import Approval
    from envsync.action.event import Event
    from envsync.action.inputs import Inputs
    from envsync.model.problem import Problem
    from envsync.plan.outcome import Outcome
    from envsync.plan.plan import Plan

# The limit of GitHub is in characters, but this module counts bytes. A string has at least as many
# bytes as characters, so a text within the limit in bytes is never too long for GitHub.
MAX_COMMENT: Final = 65_536
"""Maximum size of a comment or an issue on GitHub."""

Markdown: TypeAlias = Callable[[int], str]
"""A function that renders Markdown. Its argument is the maximum size in bytes, which is lower for a
comment than for a summary."""

_MAX_ERROR: Final = 4_000
"""Maximum length of a quoted error message in characters."""

_REMAINDER: Final = 60
"""Bytes reserved for the last line of a text that is cut. This line contains the number of lines
that are left out."""


def size(text: str) -> int:
    """Returns the size of a string in bytes."""
    return len(text.encode())


def cut(lines: Iterable[str], limit: int) -> str:
    """Joins lines, and leaves out the last lines if the limit is exceeded.

    Args:
        lines: the lines, without line breaks.
        limit: maximum size of the result in bytes.
    """
    lines, room = list(lines), limit - _REMAINDER
    kept: list[str] = []
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            kept += ["", f"… and {len(lines) - len(kept)} more lines, which are in the log."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def headed(title: str, markdown: Markdown) -> Markdown:
    """Adds a heading above the Markdown. The heading counts towards the size limit."""
    above = f"{title}\n"
    return lambda limit: above + markdown(limit - size(above))


def footer(inputs: Inputs, event: Event) -> str:
    """Returns the command, commit and log of a result, as the last line of a post."""
    command = code(printable(f"envsync {inputs.command}"))
    return f"\n<sub>{command} · commit {event.head[:12]} · [log]({event.run_url})</sub>\n"


def problems_markdown(summary: str, problems: Sequence[Problem]) -> Markdown:
    """Renders the problems of files, one on each line."""
    lines = [f"**{summary}**", ""]
    lines += [
        f"- {code(printable(f'{item.file}:{item.line}'))} {item.severity} "
        f"{code(printable(item.rule))}: "
        f"{prose(printable(f'{item.message} {item.fix}'))}"
        for item in problems
    ]
    return lambda limit: cut(lines, limit)


def failure_markdown(title: str, message: str) -> Markdown:
    """Renders the error message of a command as a quotation."""
    # Long runs of backticks would end the quotation, so `countable` breaks them up.
    shown = "".join(
        f"{countable(printable(line))}\n" for line in message.strip()[:_MAX_ERROR].splitlines()
    )
    before, after = fence(shown)
    text = f"**{title}**\n\n{before}{shown}{after}"
    return lambda _limit: text


def applied_markdown(plan: Plan, outcomes: Sequence[Outcome], verified: bool | None) -> Markdown:
    """Renders the outcome of each change.

    Args:
        plan: the plan that was applied.
        outcomes: the outcomes, in the order of the plan.
        verified: whether the target shows every change; None if the target was not read again.
    """
    counts = Counter(item.status for item in outcomes)
    totals = ", ".join(f"{counts[status]} {status}" for status in sorted(counts)) or "no changes"
    if plan.rejections:
        totals += f", {len(plan.rejections)} rejected"
    lines = [f"**Applied**: {totals}.", ""]
    if verified is False:
        lines += ["**Not verified**: the target does not show every change that was done.", ""]
    lines += [f"- {code(printable(item.address))} rejected" for item in plan.rejections]
    lines += [
        f"- {code(f'{SIGNS[item.change.action]} {item.change.action}')} "
        f"{code(printable(item.change.address))} {item.status}"
        + (f": {prose(printable(item.error))}" if item.error else "")
        # List failures first, because `cut` leaves out the last lines.
        for item in sorted(outcomes, key=lambda item: item.status == "done")
    ]
    lines += ["", f"<sub>Digest: {code(plan.digest)}</sub>"]
    return lambda limit: cut(lines, limit)


def refused_markdown(reason: str, plan: Plan, approval: Approval | None) -> Markdown:
    """Renders the reason why no change was applied, followed by the current plan.

    Args:
        reason: a sentence that says why no change was applied.
        plan: the current plan.
        approval: the approved plan. If `approval` is None, no differences are shown.
    """
    lines = [f"**Nothing was applied.** {prose(printable(reason))}", ""]
    if approval is not None:
        approved = f"[approved plan]({approval.url})" if approval.url else "approved plan"
        lines += [
            f"The {approved} has the digest {code(approval.digest)}. Differences:",
            "",
            *differences(approval.changes, fingerprints(plan)),
            "",
            "This is the current plan. Review it, then run this workflow manually with its digest:",
        ]

    def render(limit: int) -> str:
        # Use at most half of the space for the differences, so that the plan remains readable.
        above = cut(lines, limit // 2) + "\n"
        return above + plan_body(plan, limit=limit - size(above))

    return render


def differences(approved: Mapping[str, str] | None, current: Mapping[str, str]) -> list[str]:
    """Returns the differences between two plans as lines of Markdown.

    Args:
        approved: the fingerprints of the approved plan; None if only its digest is known.
        current: the fingerprints of the current plan.
    """
    if approved is None:
        return ["- Unknown: only the digest of the approved plan was kept."]
    found = {
        "was not in the approved plan": [name for name in current if name not in approved],
        "is no longer in the plan": [name for name in approved if name not in current],
        "differs from the approved change": [
            name for name in current if name in approved and approved[name] != current[name]
        ],
    }
    lines = [f"- {code(printable(name))} {what}" for what, names in found.items() for name in names]
    # The digest also covers the project and the target. So two plans with equal changes can have
    # different digests.
    return lines or ["- The changes are the same, but the project or the target is different."]
