"""Finds and checks references to environment variables in settings, such as `${NAME}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace
from yaml.nodes import Node, ScalarNode

from envsync.project.yaml.nodes import TextProblem

# `$${` stands for the text `${`. The closing brace is optional in the pattern, so that `${A` is
# found and can be reported.
_VARIABLE: Final = r"\$(?:\$\{|\{([^}]*)(\}?))"
# Plans and comments on pull requests show settings, so a setting must not contain a secret. These
# words also cover the variables with which a CI job signs in, such as ACTIONS_RUNTIME_TOKEN.
_SENSITIVE: Final = r"(?i)SECRET|TOKEN|PASSWORD|KEY|SAS"
_VARIABLE_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"


def find_references(text: str) -> Iterator[re.Match[str]]:
    """Yields a match for each `${` in a text. Group 1 is the variable's name, or None for `$${`."""
    return re.finditer(_VARIABLE, text)


def check_reference(
    node: ScalarNode, match: re.Match[str], environ: Mapping[str, str], *, allowed: bool
) -> TextProblem | None:
    """Returns the problem of a reference, or None if the variable's value can replace it.

    Args:
        node: the scalar that contains the reference.
        match: a match of `find_references` in the scalar, in which group 1 is not None.
        environ: the environment variables.
        allowed: whether the setting can use variables.
    """
    problem = _check(match, environ, allowed=allowed)
    return None if problem is None else _within(problem, node, match.start())


def _check(
    match: re.Match[str], environ: Mapping[str, str], *, allowed: bool
) -> TextProblem | None:
    name = match.group(1)
    if not _is_variable(match):
        message = f"`{match.group()}` is not a valid reference to an environment variable."
        fix = "Write `${NAME}`, or `$${` for a literal `${`."
    elif not allowed:
        message = f"`{match.group()}` is a variable, but only targets can use variables."
        fix = "Write the value itself, or `$${` for a literal `${`."
    elif re.search(_SENSITIVE, name):
        message = f"The name of the environment variable `{name}` looks like a secret."
        fix = (
            "Remove the reference, because plans and comments would show the value. If the value "
            "is not a secret, rename the variable."
        )
    elif name not in environ:
        message = f"The environment variable `{name}` is not set."
        fix = "Set the variable, or write the value here."
        return TextProblem("unset-variable", message, fix=fix)
    else:
        return None
    return TextProblem("invalid-config", message, fix=fix)


def uses_variables(node: Node) -> bool:
    """Returns True if a value contains variables, and a target can use all of them.

    A variable can be used if it is written correctly, and its name does not look like a secret.
    """
    if not isinstance(node, ScalarNode):
        return False
    found = [match for match in find_references(node.value) if match.group(1) is not None]
    return bool(found) and all(
        _is_variable(match) and not re.search(_SENSITIVE, match.group(1)) for match in found
    )


def _is_variable(match: re.Match[str]) -> bool:
    return bool(match.group(2)) and re.fullmatch(_VARIABLE_NAME, match.group(1)) is not None


def _within(problem: TextProblem, node: ScalarNode, index: int) -> TextProblem:
    """Moves a problem to the character at `index` in a scalar.

    If the scalar is on several lines, moves the problem to the start of the scalar.
    """
    column = node.start_mark.column + 1
    # The index gives the column only if the scalar is on one line. `style` is the quote character
    # if the scalar has quotes, and the opening quote takes one column.
    if node.start_mark.line == node.end_mark.line:
        column += index + (1 if node.style else 0)
    return replace(problem, line=node.start_mark.line + 1, column=column)
