"""Creates the findings about references: messages and fixes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from envsync.model.reference import LATEST, Reference
from envsync.model.state import Container
from envsync.model.wording import nearest

_PREFIX: Final = "azureml:"
_CURATED_PREFIX: Final = "AzureML-"
"""A reference to a name with this prefix can have any label, or no version at all."""


class Finding(Struct, frozen=True):
    """A problem of a reference.

    Attributes:
        rule: the id of the rule.
        message: what is wrong, in one sentence.
        fix: what to do, in one sentence.
    """

    rule: str
    message: str
    fix: str


def refused(reference: Reference) -> Finding | None:
    """Returns the finding for a reference that azure-ai-ml refuses. Otherwise None."""
    text, name = reference.text, reference.name or ""
    if reference.form == "invalid":
        return _broken(f"azure-ai-ml does not accept `{text}` as an environment.", _advice(text))
    if reference.certainty == "exact" and reference.form == "arm-label":
        return _broken(
            f"azure-ai-ml does not accept a label in an ARM id: `{text}`.",
            "Write `azureml:NAME@latest`, or the ARM id of a version.",
        )
    if name.startswith(_CURATED_PREFIX):
        return None
    if reference.form == "name":
        return _broken(
            f"`{text}` has no version and no label, so azure-ai-ml refuses it.",
            f"Write `{_PREFIX}{name}:VERSION` or `{_PREFIX}{name}@latest`.",
        )
    if reference.form == "label" and reference.label not in (None, LATEST):
        return _broken(
            f"`{text}` has the label `{reference.label}`, but azure-ai-ml accepts only `latest`.",
            f"Write a version, or `{_PREFIX}{name}@latest`.",
        )
    return None


def _advice(text: str) -> str:
    if text.startswith("file:"):
        return "Correct the path after `file:`, which is relative to this file."
    if text.startswith(_PREFIX):
        return "Write `azureml:NAME:VERSION`, `azureml:NAME@latest` or the address of a registry."
    return "Write `azureml:` before the name and the version."


def _broken(message: str, fix: str) -> Finding:
    return Finding("broken-reference", message, fix)


def latest_as_version(reference: Reference) -> Finding:
    """Returns the finding for a reference that contains `latest` as a version, not as a label."""
    name = reference.name
    return Finding(
        "latest-as-version",
        f"`{reference.text}` means a version that is called `latest`, not the newest version.",
        f"Write `{_PREFIX}{name}@latest` for the newest version.",
    )


def floating(reference: Reference) -> Finding:
    """Returns the finding for a reference with a label or without a version."""
    return Finding(
        "floating-reference",
        f"`{reference.text}` refers to a newer version after each registration.",
        "Write a version, so that a newer version is used only after this file changes.",
    )


def undeclared(reference: Reference, names: Collection[str], *, suggest: bool) -> Finding:
    """Returns the finding for a reference to an environment that no file declares.

    Args:
        reference: the reference.
        names: the declared names.
        suggest: whether to search for a similar name, which is slow.
    """
    name = reference.name or ""
    if name in names:
        message = f"No file declares version {reference.version} of `{name}`."
    else:
        message = f"No file declares `{name}`."
    near = nearest(name, names) if suggest and name not in names else None
    fix = f"Did you mean `{near}`?" if near else "Pass -t to look for it in a target."
    return Finding("undeclared-reference", message, fix)


def archived(reference: Reference, target: str, *, will_archive: bool) -> Finding:
    """Returns the finding for a reference to an archived environment.

    Args:
        reference: the reference.
        target: the name of the target.
        will_archive: True if the environment is active now, and the plan archives it.
    """
    address = _address(reference)
    if will_archive:
        return Finding(
            "archived-reference",
            f"The plan for {target} archives {address}.",
            f"Declare {address} again, or use another version.",
        )
    return Finding(
        "archived-reference",
        f"{address} is archived in {target}.",
        "Use an active version, or declare the archived one to restore it.",
    )


def missing(
    reference: Reference, before: Container, names: Collection[str], target: str, *, suggest: bool
) -> Finding:
    """Returns the finding for a reference to an environment that does not exist in a target.

    Args:
        reference: the reference.
        before: the container of the name.
        names: the names in the target.
        target: the name of the target.
        suggest: whether to search for a similar name, which is slow.
    """
    name = reference.name or ""
    if before.active and reference.version is not None:
        known = [item.version for item in before.active][-3:]
        return _broken(
            f"{target} has no version {reference.version} of `{name}`.",
            f"Its newest active versions: {', '.join(known)}.",
        )
    near = nearest(name, (item for item in names if item != name)) if suggest else None
    fix = f"Did you mean `{near}`?" if near else "Declare it, or correct the name."
    return _broken(f"{target} has no environment `{name}`.", fix)


def _address(reference: Reference) -> str:
    if reference.version is not None:
        return f"{reference.name}:{reference.version}"
    return f"{reference.name}@{reference.label}" if reference.label else f"{reference.name}"
