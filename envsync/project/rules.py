"""The rules that environment files are held to: one id, default severity and sentence each.

`docs/rules.md` explains each with a bad and a good file; a test holds the two together.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["error", "warning", "off"]

ERRORS: Final[dict[str, str]] = {
    "yaml-syntax": "The file is not valid YAML, or not UTF-8.",
    "duplicate-key": "A key stands twice in one mapping.",
    "alias-bomb": "Aliases expand to far more than the file holds.",
    "unknown-field": "A field that no environment file has.",
    "wrong-type": "A value of the wrong type.",
    "missing-name": "The environment has no name.",
    "missing-version": "The file has no version, and `versions: explicit` is set.",
    "mixed-versions": "A name is declared by files with and without a version.",
    "invalid-name": "A name that the service does not take.",
    "invalid-version": "A version that the service does not take.",
    "reserved-name": "A name that belongs to Microsoft.",
    "ambiguous-version": "A version that YAML reads as another text than it shows.",
    "duplicate-environment": "Two files declare the same name and version.",
    "image-or-build": "An environment needs `image` or `build`, and not both.",
    "conda-with-build": "`conda_file` goes with `image`, not with `build`.",
    "missing-file": "A conda file, build context or Dockerfile that is not there.",
    "path-escape": "A path that leads out of the project.",
    "invalid-conda": "A conda specification that conda would not take.",
    "invalid-tag": "A tag whose value is not a scalar.",
    "reserved-tag": "A tag that envsync keeps for itself.",
    "invalid-config": "A setting of `envsync.yaml` that cannot be followed.",
    "unset-variable": "`envsync.yaml` names an environment variable that is not set.",
}

WARNINGS: Final[dict[str, str]] = {
    "unpinned-image": "An image without a tag, or with `latest`.",
    "unpinned-dependency": "A dependency without a version.",
    "missing-description": "The environment has no description.",
    "unstable-context": "A build context that differs from machine to machine.",
    "large-context": "A build context that is slow to upload.",
    "end-of-life-python": "A Python that gets no security fixes any more.",
    "useless-ignore": "An ignore comment that has no effect.",
}

COMPARED: Final[dict[str, str]] = {
    "immutable": "An edit to what is fixed once a version is registered.",
    "version-goes-back": "The highest version of a name is lower than it was.",
    "ignored-by-git": "A file of an environment that git ignores, so that no commit holds it.",
}
"""What `envsync check` finds. It is about a change, not about a file: no setting turns it off."""

RULES: Final[dict[str, Level]] = {
    **dict.fromkeys(ERRORS, "error"),
    **dict.fromkeys(WARNINGS, "warning"),
}
"""Every rule with its default severity."""

FIXED: Final[frozenset[str]] = frozenset(
    {
        *("yaml-syntax", "alias-bomb", "wrong-type", "missing-name", "missing-version"),
        *("mixed-versions", "duplicate-environment", "reserved-name", "reserved-tag"),
        *("image-or-build", "missing-file", "invalid-conda", "invalid-tag"),
        *("invalid-config", "unset-variable"),
    }
)
"""Rules that are always errors: without what they ask for there is nothing that could be planned.

Neither `rules` in `envsync.yaml` nor an ignore comment lowers them.
"""
