"""`Inputs`: what a workflow asks of the action, from the variables that `action.yml` sets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from envsync.model.errors import UsageError

TOKEN_VARIABLE: Final = "INPUT_TOKEN"  # noqa: S105 - the name of a variable, not what it holds

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TARGET: Final = {"-t": "`target`", "--target": "`target`"}
_OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "validate": {"--format": ""},
    "check": {"--format": ""},
    "plan": {**_TARGET, "--format": "", "--out": "", "--all-targets": "a matrix over targets"},
    "apply": {**_TARGET, "--format": "", "--approve": "`approve`", "--plan": "`approve`"},
}
"""Options of each command that the action sets by itself, and what to use instead, if anything."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of `action.yml` that reach the program.

    Attributes:
        command: `validate`, `check`, `plan` or `apply`.
        target: a name in `envsync.yaml`; empty for the default target.
        directory: the working directory, relative to the workspace, with `/`; `.` is the workspace.
        args: more arguments of the command; no shell ever sees them.
        comment: whether the result is written on the pull request.
        issue: whether a plan that is not empty opens an issue.
        approve: `none`, `comment`, or the digest of a plan.
        token: for the API of GitHub; empty where there is none. Never shown.
    """

    command: str
    target: str = ""
    directory: str = "."
    args: tuple[str, ...] = ()
    comment: bool = False
    issue: bool = False
    approve: str = "none"
    token: str = field(default="", repr=False)


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """The inputs, checked.

    Raises:
        UsageError: one of them is not what it may be; the message names it.
    """
    command = _text(environ, "command", "plan")
    if command not in _OWN:
        raise UsageError(f"The input `command` is one of {', '.join(_OWN)}, not {command!r}.")
    inputs = Inputs(
        command=command,
        target=_text(environ, "target"),
        directory=PurePosixPath(_text(environ, "working-directory", ".")).as_posix(),
        args=_args(environ, command),
        comment=_flag(environ, "comment"),
        issue=_flag(environ, "issue"),
        approve=_text(environ, "approve", "none"),
        token=environ.get(TOKEN_VARIABLE, ""),
    )
    if inputs.approve not in {"none", "comment"} and not _DIGEST.fullmatch(inputs.approve):
        raise UsageError("The input `approve` is none, comment, or the digest of a plan.")
    if inputs.approve != "none" and command != "apply":
        raise UsageError("The input `approve` goes with `command: apply` only.")
    if inputs.issue and command != "plan":
        raise UsageError("The input `issue` goes with `command: plan` only.")
    if inputs.target and command not in {"plan", "apply"}:
        raise UsageError(f"The input `target` does not go with `command: {command}`.")
    return inputs


def _text(environ: Mapping[str, str], name: str, default: str = "") -> str:
    return environ.get("INPUT_" + name.upper().replace("-", "_"), "").strip() or default


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = _text(environ, name, "false").lower()
    if text not in {"true", "false"}:
        raise UsageError(f"The input `{name}` is true or false, not {text!r}.")
    return text == "true"


def _args(environ: Mapping[str, str], command: str) -> tuple[str, ...]:
    try:
        args = tuple(shlex.split(_text(environ, "args")))
    except ValueError as error:
        raise UsageError(f"The input `args` cannot be split into words: {error}.") from error
    for argument in args:
        short = argument[:2] if not argument.startswith("--") else argument.partition("=")[0]
        if (instead := _OWN[command].get(short)) is not None:
            hint = f" Use {instead} instead." if instead else ""
            raise UsageError(f"{short} cannot stand in `args`: the action sets it.{hint}")
    return args
