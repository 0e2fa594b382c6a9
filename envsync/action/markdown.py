"""The Markdown that the action writes on GitHub: problems and failures.

Text from files and services is escaped or quoted as code. Otherwise, GitHub would interpret
mentions, links and HTML in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from envsync.model.wording import printable
from envsync.render.gfm import code, countable, fence, prose

if TYPE_CHECKING:
    from envsync.action.event import Event
    from envsync.action.inputs import Inputs
    from envsync.model.problem import Problem

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
    """Returns the last line of a post: the command, the commit and a link to the log."""
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
