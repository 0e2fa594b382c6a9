"""A hook of MkDocs for what differs between the Markdown of GitHub and of MkDocs."""

import re
from typing import Any

# ```` ```yaml environment ````: MkDocs reads no block with a second word after its language.
_FENCE = re.compile(r"^(```[a-z]+) [a-z ]+$", re.MULTILINE)
# Marks that only the tests of the documentation read.
_NOTE = re.compile(r"^<!-- (?:before|file): .* -->\n", re.MULTILINE)
# In a table, GitHub needs `\|` in code. MkDocs would show the backslash.
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Returns the Markdown of a page for MkDocs."""
    markdown = _NOTE.sub("", _FENCE.sub(r"\1", markdown))
    return _ROW.sub(lambda row: _CODE.sub(_without_backslashes, row[0]), markdown)


def _without_backslashes(code: re.Match[str]) -> str:
    return code[0].replace(r"\|", "|")
