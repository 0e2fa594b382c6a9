"""A hook of MkDocs that removes the marks that only the tests of the documentation read."""

import re
from typing import Any

# ```` ```yaml environment ````: MkDocs reads no block with a second word after its language.
_FENCE = re.compile(r"^(```[a-z]+) [a-z ]+$", re.MULTILINE)
_NOTE = re.compile(r"^<!-- (?:before|file): .* -->\n", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Returns the Markdown of a page without the marks."""
    return _NOTE.sub("", _FENCE.sub(r"\1", markdown))
