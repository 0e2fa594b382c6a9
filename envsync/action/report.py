"""What the action writes on GitHub, as Markdown: problems, outcomes, what moved, what went wrong.

Text out of files and services stands in code, where GitHub makes nothing of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from envsync.action.marker import fingerprints
from envsync.model.wording import printable
from envsync.render.gfm import code, countable, fence, prose
from envsync.render.plan_markdown import plan_markdown
from envsync.render.plan_view import SIGNS

if TYPE_CHECKING:
    from envsync.action.approval import Approval
    from envsync.action.event import Event
    from envsync.action.inputs import Inputs
    from envsync.model.problem import Problem
    from envsync.plan.outcome import Outcome
    from envsync.plan.plan import Plan

MAX_COMMENT: Final = 65_536
"""Characters of a comment or an issue that GitHub takes at most. No text has fewer bytes."""

Text: TypeAlias = Callable[[int], str]
"""Markdown that takes at most a number of bytes."""

_MAX_ERROR: Final = 4_000
_CUT: Final = 60
"""Room for the line that counts what is left out."""


def length(text: str) -> int:
    """Bytes of a text."""
    return len(text.encode())


def cut(lines: Iterable[str], limit: int) -> str:
    """Lines up to a limit, with a count of those that are left out."""
    lines, room = list(lines), limit - _CUT
    kept: list[str] = []
    for line in lines:
        room -= length(line) + 1
        if room < 0:
            kept += ["", f"… and {len(lines) - len(kept)} lines more, which the log shows."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def footer(inputs: Inputs, event: Event) -> str:
    """Where a text comes from, in small print: a failure names its target nowhere else."""
    target = f" -t {inputs.target}" if inputs.target else ""
    parts = [code(printable(f"envsync {inputs.command}{target}"))]
    if inputs.directory != ".":
        parts.append(code(printable(inputs.directory)))
    parts += [f"commit {event.head[:12]}", f"[log]({event.run_url})"]
    return f"\n<sub>{' · '.join(parts)}</sub>\n"


def problems_report(summary: str, problems: Sequence[Problem]) -> Text:
    """What is wrong in files, a line each."""
    lines = [f"**{summary}**", ""]
    lines += [
        f"- {code(printable(f'{item.file}:{item.line}'))} {item.severity} "
        f"{code(printable(item.rule))}: "
        f"{prose(printable(f'{item.message} {item.fix}'))}"
        for item in problems
    ]
    return lambda limit: cut(lines, limit)


def failure_report(title: str, message: str) -> Text:
    """What a command said before it gave up."""
    shown = "".join(
        f"{countable(printable(line))}\n" for line in message.strip()[:_MAX_ERROR].splitlines()
    )
    before, after = fence(shown)
    text = f"**{title}**\n\n{before}{shown}{after}"
    return lambda _limit: text


def applied_report(plan: Plan, outcomes: Sequence[Outcome], verified: bool | None) -> Text:
    """What became of each change: what failed first, as the rest may have no room."""
    counts = Counter(item.status for item in outcomes)
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts)) or "nothing to do"
    if plan.rejections:
        told += f", {len(plan.rejections)} rejected"
    lines = [f"**Applied to {code(printable(plan.target.name))}**: {told}.", ""]
    if verified is False:
        lines += ["**Not verified**: the target does not show every change that was done.", ""]
    lines += [f"- {code(printable(item.address))} rejected" for item in plan.rejections]
    lines += [
        f"- {code(f'{SIGNS[item.change.action]} {item.change.action}')} "
        f"{code(printable(item.change.address))} {item.status}"
        + (f": {prose(printable(item.error))}" if item.error else "")
        for item in sorted(outcomes, key=lambda item: item.status == "done")
    ]
    lines += ["", f"Digest {code(plan.digest)}"]
    return lambda limit: cut(lines, limit)


def refused_report(reason: str, plan: Plan, approval: Approval | None) -> Text:
    """Why nothing was applied, what moved since the approval, and the plan as it is now."""
    lines = [
        f"**Nothing was applied to {code(printable(plan.target.name))}.** "
        f"{prose(printable(reason))}",
        "",
    ]
    if approval is not None:
        differing = moved(approval.changes, fingerprints(plan))
        approved = f"[Approved]({approval.url})" if approval.url else "Approved"
        lines += [
            f"{approved} was {code(approval.digest)}. What differs:",
            "",
            *differing,
            "",
            "This is the plan now. Review it, then run this workflow by hand with its digest:",
        ]

    def text(limit: int) -> str:
        above = cut(lines, limit // 2) + "\n"
        return above + plan_markdown(plan, limit=limit - length(above))

    return text


def moved(before: Mapping[str, str] | None, after: Mapping[str, str]) -> list[str]:
    """What differs between an approved plan and the one that is made now, as far as known."""
    if before is None:
        return ["- There is no telling: the approved plan was not kept."]
    told = {
        "was not in the approved plan": [name for name in after if name not in before],
        "is not in the plan any more": [name for name in before if name not in after],
        "is another change than approved": [
            name for name in after if name in before and before[name] != after[name]
        ],
    }
    lines = [f"- {code(printable(name))} {what}" for what, names in told.items() for name in names]
    return lines or ["- No change: the project or the target itself is another one."]
