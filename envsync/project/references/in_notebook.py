"""Finds references in the code cells of Jupyter notebooks.

A notebook is JSON (https://nbformat.readthedocs.io). Every JSON file is also YAML, so the YAML
parser can read a notebook. It returns the position of each line of code in the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.reference import Reference
from envsync.project.files import plain_field
from envsync.project.references.in_python import is_large, parsed, references_in_trees
from envsync.project.references.in_text import references_in_python_text
from envsync.project.references.text import MAX_REFERENCES
from envsync.project.yaml.text import compose

# Matches a line that is not Python, but a command for IPython or a shell, such as `%pip install` or
# `!az ml job create`.
_MAGIC: Final = re.compile(r"^(?P<indent>[^\S\n]*)[%!?].*$", re.MULTILINE)


def references_in_notebook(file: str, data: bytes) -> list[Reference]:
    """Returns the probable references in a notebook. Returns no references for any other file.

    The position of a reference is the position of its line of code in the JSON file.

    Args:
        file: the path that the references contain.
        data: the content of the file.
    """
    root = compose(data).root
    cells = plain_field(root, "cells")
    if not isinstance(cells, SequenceNode):
        return []
    trees: list[ast.AST] = []
    positions: dict[int, tuple[int, int]] = {}
    # The lines of all cells are numbered together, so that `positions` can map each number to a
    # position in the file.
    number = 0
    every = [list(_lines(cell)) for cell in cells.value]
    code = "".join(text for lines in every for text, _, _ in lines)
    is_searched = is_large(code)
    for lines in every:
        tree = (
            None if is_searched else parsed(_without_magic("".join(text for text, _, _ in lines)))
        )
        if tree is not None:
            ast.increment_lineno(tree, number)
            trees.append(tree)
        for index, (_, line, column) in enumerate(lines):
            positions[number + index + 1] = (line, column)
        number += len(lines)
    if is_searched:
        found = list(references_in_python_text(file, code, "notebook"))
    else:
        found = references_in_trees(file, trees, "notebook")[:MAX_REFERENCES]
    return [_placed(item, positions.get(item.line, (1, 1))) for item in found]


def _placed(reference: Reference, position: tuple[int, int]) -> Reference:
    return replace(reference, line=position[0], column=position[1])


def _lines(cell: Node) -> Iterator[tuple[str, int, int]]:
    """Yields each line of a code cell, and its 1-based line and column in the file."""
    if not isinstance(cell, MappingNode) or _text(plain_field(cell, "cell_type")) != "code":
        return
    source = plain_field(cell, "source")
    nodes = source.value if isinstance(source, SequenceNode) else [source]
    for node in nodes:
        if isinstance(node, ScalarNode):
            mark = node.start_mark
            for line in node.value.splitlines(keepends=True):
                yield line, mark.line + 1, mark.column + 1


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""


def _without_magic(code: str) -> str:
    """Returns the code of a cell as Python, or "" if the cell is in another language."""
    if code.lstrip().startswith("%%"):
        first, _, rest = code.lstrip().partition("\n")
        # A cell that starts with `%%time` or `%%capture` is Python. A cell that starts with
        # `%%bash` or `%%writefile` is not.
        return f"pass\n{rest}" if first.split()[0] in ("%%time", "%%capture", "%%timeit") else ""
    return _MAGIC.sub(r"\g<indent>pass", code)
