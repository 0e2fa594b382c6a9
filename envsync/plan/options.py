"""`Options`: the arguments of a plan. With these arguments, a saved plan can be made again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.errors import UsageError
from envsync.model.wording import MAX_WORD, printable

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Options(Struct, frozen=True):
    """The arguments that a plan was made with. The digest of a plan does not cover its options.

    A saved plan has a second digest, which covers the plan and its options.

    Attributes:
        globs: the patterns that limit the plan. If empty, no pattern limits the plan.
        names: the names that the plan is limited to, such as the names that changed since a commit.
            If None, the plan is not limited by names.
        take_over: whether the plan takes ownership of versions of other projects.
        allow_mass_archive: whether the guard against archiving too much is off.
        allow_in_use: whether the plan can archive what files of the repository use.
    """

    globs: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    take_over: bool = False
    allow_mass_archive: bool = False
    allow_in_use: bool = False

    def to_json(self) -> dict[str, JSON]:
        """Returns the options as JSON data."""
        return {
            "globs": list(self.globs),
            "names": None if self.names is None else list(self.names),
            "take_over": self.take_over,
            "allow_mass_archive": self.allow_mass_archive,
            "allow_in_use": self.allow_in_use,
        }

    @classmethod
    def from_json(cls, data: Any) -> Options:
        """Creates the options from the JSON data of `to_json`. Absent keys get their defaults.

        Raises:
            AttributeError, TypeError: the data is not a mapping, or `globs` or `names` is not a
                list of strings.
        """
        names = data.get("names")
        return cls(
            globs=_strings(data.get("globs", [])),
            names=None if names is None else _strings(names),
            take_over=data.get("take_over") is True,
            allow_mass_archive=data.get("allow_mass_archive") is True,
            allow_in_use=data.get("allow_in_use") is True,
        )


def _strings(data: Any) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise TypeError(f"{data!r} is not a list of strings")
    return tuple(data)


def options_again(
    saved: Options | None,
    globs: Sequence[str],
    *,
    take_over: bool,
    allow_mass_archive: bool,
    allow_in_use: bool = False,
) -> Options:
    """Returns the options with which a saved plan is made again.

    Args:
        saved: the options of the saved plan. None if there is no saved plan, or if an older envsync
            saved the plan without options.
        globs: the patterns on the command line.
        take_over: whether `--take-over` is on the command line. If the saved plan already has this
            option, False does not remove it.
        allow_mass_archive: whether `--allow-mass-archive` is on the command line. If the saved plan
            already has this option, False does not remove it.
        allow_in_use: whether `--allow-in-use` is on the command line. If the saved plan already has
            this option, False does not remove it.

    Raises:
        UsageError: the command line and the saved plan have different patterns.
    """
    if saved is None:
        saved = Options(tuple(globs))
    elif globs and set(globs) != set(saved.globs):
        made = f"for {' '.join(saved.globs)}" if saved.globs else "without a GLOB"
        raise UsageError(
            f"The saved plan was made {made}, so it cannot be applied for {' '.join(globs)}. "
            "Leave out the GLOBs: the saved plan contains its own. To apply another selection, "
            "save another plan."
        )
    return Options(
        globs=saved.globs,
        names=saved.names,
        take_over=saved.take_over or take_over,
        allow_mass_archive=saved.allow_mass_archive or allow_mass_archive,
        allow_in_use=saved.allow_in_use or allow_in_use,
    )


def digest_of(text: str) -> str:
    """Returns the digest that was passed to an option, without the blanks around the digest.

    Raises:
        UsageError: the text is not a valid digest.
    """
    digest = text.strip()
    if not _DIGEST.fullmatch(digest):
        shown = f"`{printable(digest, MAX_WORD)}`" if digest else "An empty text"
        raise UsageError(
            f"No plan has such a digest: {shown} is not `sha256:` and 64 hexadecimal digits in "
            "lower case. Copy the digest from the end of the plan, or from `digest` in its JSON."
        )
    return digest
