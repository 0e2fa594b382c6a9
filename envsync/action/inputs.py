"""`Inputs`: the inputs of the action, read from the variables that `action.yml` sets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from envsync.model.errors import UsageError
from envsync.model.value import Value

TOKEN_VARIABLE: Final = "INPUT_TOKEN"  # noqa: S105 - the name of a variable, not a token

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TARGET: Final = {"-t": "the input `target`", "--target": "the input `target`"}
_RESERVED: Final[Mapping[str, Mapping[str, str]]] = {
    "validate": {"--format": ""},
    "check": {"--format": ""},
    "plan": {**_TARGET, "--format": "", "--out": "", "--all-targets": "a matrix over targets"},
    "apply": {
        **_TARGET,
        "--format": "",
        "--approve": "the input `approve`",
        "--plan": "the input `approve`",
    },
    "lock": {"--format": "", "--check": "a step with `run: envsync lock --check`"},
    "update": {"--format": "", "--dry-run": "a step with `run: envsync update --dry-run`"},
}

CHANGES_FILES: Final = ("lock", "update")
"""The commands that change files and open a pull request."""
"""For each command, the options that the input `args` cannot contain, because the action sets them.
The value of an option says what to use instead. It is empty if there is no alternative."""


class Inputs(Value, frozen=True):
    """The inputs that `action.yml` passes to `python -m envsync.action`.

    Attributes:
        command: `validate`, `check`, `plan`, `apply`, `lock` or `update`.
        target: the name of a target in `envsync.yaml`; empty for the default target.
        directory: the working directory relative to the workspace, with `/` as separator.
        args: further arguments of the command. No shell interprets the arguments.
        comment: whether to write the result as a comment on the pull request.
        issue: whether to keep an issue open while the plan has changes.
        approve: `none`, `comment`, or the digest of a plan.
        token: the token for GitHub's API; empty if there is no token. No message contains the
            token.
        annotations: whether to annotate the file of each rejection.
    """

    unshown = ("token",)

    command: str
    target: str = ""
    directory: str = "."
    args: tuple[str, ...] = ()
    comment: bool = False
    issue: bool = False
    approve: str = "none"
    token: str = ""
    annotations: bool = True


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Reads and checks the inputs.

    Raises:
        UsageError: an input has an invalid value; the message names the input.
    """
    command = _text(environ, "command", "plan")
    if command not in _RESERVED:
        raise UsageError(
            f"The input `command` is {command!r}; it must be one of {', '.join(_RESERVED)}."
        )
    inputs = Inputs(
        command=command,
        target=_text(environ, "target"),
        # `./ml/` and `ml` are the same directory. Write both as `ml`, because markers are compared
        # as strings.
        directory=PurePosixPath(_text(environ, "working-directory", ".")).as_posix(),
        args=_args(environ, command),
        comment=_flag(environ, "comment"),
        issue=_flag(environ, "issue"),
        approve=_text(environ, "approve", "none"),
        token=environ.get(TOKEN_VARIABLE, ""),
        annotations=_flag(environ, "annotations", "true"),
    )
    if inputs.approve not in {"none", "comment"} and not _DIGEST.fullmatch(inputs.approve):
        raise UsageError(
            f"The input `approve` is {inputs.approve!r}; it must be `none`, `comment`, or the "
            "digest of a plan (`sha256:` and 64 hexadecimal digits)."
        )
    if inputs.approve != "none" and command != "apply":
        raise UsageError(_only_for("approve", command, "apply"))
    if inputs.comment and command in CHANGES_FILES:
        raise UsageError(_only_for("comment", command, "plan"))
    if inputs.issue and command != "plan":
        raise UsageError(_only_for("issue", command, "plan"))
    if inputs.target and command not in {"plan", "apply"}:
        raise UsageError(_only_for("target", command, "plan` or `command: apply"))
    return inputs


def _only_for(name: str, command: str, allowed: str) -> str:
    return (
        f"The input `{name}` is not valid with `command: {command}`. Remove it, or use "
        f"`command: {allowed}`."
    )


def _text(environ: Mapping[str, str], name: str, default: str = "") -> str:
    return environ.get("INPUT_" + name.upper().replace("-", "_"), "").strip() or default


def _flag(environ: Mapping[str, str], name: str, default: str = "false") -> bool:
    # GitHub passes an input as the string in the workflow file, such as `true` or `True`.
    text = _text(environ, name, default).lower()
    if text not in {"true", "false"}:
        raise UsageError(f"The input `{name}` is {text!r}; it must be true or false.")
    return text == "true"


def _args(environ: Mapping[str, str], command: str) -> tuple[str, ...]:
    try:
        args = tuple(shlex.split(_text(environ, "args")))
    except ValueError as error:
        raise UsageError(f"The input `args` cannot be split into words: {error}.") from error
    for argument in args:
        # An option and its value can be one argument: `-tdev`, `--target=dev`.
        option = argument[:2] if not argument.startswith("--") else argument.partition("=")[0]
        if (instead := _RESERVED[command].get(option)) is not None:
            hint = f" Use {instead} instead." if instead else ""
            raise UsageError(
                f"The input `args` contains {option}, which the action sets itself.{hint}"
            )
    return args
