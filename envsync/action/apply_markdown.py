"""The Markdown about an apply: the outcome of each change, or why nothing was applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from envsync.action.markdown import Markdown, cut, size
from envsync.model.wording import printable
from envsync.render.gfm import code, fence, prose
from envsync.render.plan_markdown import plan_body
from envsync.render.plan_view import SIGNS

if TYPE_CHECKING:
    from envsync.action.approval import Approval
    from envsync.plan.outcome import Outcome
    from envsync.plan.plan import Plan


def applied_markdown(
    plan: Plan,
    outcomes: Sequence[Outcome],
    verified: bool | None,
    approval: Approval | None = None,
) -> Markdown:
    """Renders the outcome of each change, and who approved the plan.

    Args:
        plan: the plan that was applied.
        outcomes: the outcomes, in the order of the plan.
        verified: whether the target shows every change; None if the target was not read again.
        approval: the approved plan. None if the plan was applied without an approval.
    """
    counts = Counter(item.status for item in outcomes)
    totals = ", ".join(f"{counts[status]} {status}" for status in sorted(counts)) or "no changes"
    if plan.rejections:
        totals += f", {len(plan.rejections)} rejected"
    lines = [f"**Applied**: {totals}.", ""]
    if verified is False:
        lines += ["**Not verified**: the target does not show every change that was done.", ""]
    if approval is not None and approval.by:
        shown = f" [Approved plan]({approval.url})." if approval.url else ""
        left = "" if approval.digest == plan.digest else " Its other changes were already made."
        lines += [f"{prose(printable(approval.by))}{shown}{left}", ""]
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


def nothing_markdown(plan: Plan) -> Markdown:
    """Renders the result of an empty plan: nothing was applied, and no approval was needed."""
    count = plan.unchanged
    text = f"**Nothing to do**: {count} unchanged.\n\n<sub>Digest: {code(plan.digest)}</sub>\n"
    return lambda _limit: text


def refused_markdown(
    reason: str, plan: Plan, approval: Approval | None, *, command: str = ""
) -> Markdown:
    """Renders the reason why no change was applied, followed by the current plan.

    Args:
        reason: sentences that say why no change was applied, and what to do.
        plan: the current plan.
        approval: the approved plan. If None, no differences are shown.
        command: the command that applies the current plan; empty if there is no such command.
    """
    lines = [f"**Nothing was applied.** {prose(printable(reason))}", ""]
    if approval is not None and not approval.refusal:
        approved = f"[approved plan]({approval.url})" if approval.url else "approved plan"
        lines += [
            f"The {approved} has the digest {code(approval.digest)}. Differences:",
            "",
            *differences(approval.changes, plan.fingerprints),
            "",
        ]
    after = ""
    if command:
        opening, closing = fence(command, "sh")
        after = (
            f"To apply the current plan, which has the digest {code(plan.digest)}, review it below "
            "and run the workflow with this digest in the input `digest`:\n\n"
            f"{opening}{command}\n{closing}\n"
        )

    def render(limit: int) -> str:
        # Use at most half of the space for the differences, so that the plan remains readable.
        above = cut(lines, limit // 2) + "\n" + after
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
        # The fingerprints also differ if the projects or the targets of the two plans differ.
        "differs from the approved change": [
            name for name in current if name in approved and approved[name] != current[name]
        ],
    }
    lines = [f"- {code(printable(name))} {what}" for what, names in found.items() for name in names]
    return lines or ["- The changes are the same."]
