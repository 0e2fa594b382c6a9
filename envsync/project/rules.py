"""Defines the rules for environment files, with their default severities and descriptions.

`docs/reference/rules.md` explains each rule with a bad and a good file. A test compares that page
with this module.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["error", "warning", "off"]

# The rules are in the same order as in docs/reference/rules.md.
ERRORS: Final[dict[str, str]] = {
    "yaml-syntax": "The file is not valid YAML, or not UTF-8.",
    "duplicate-key": "A mapping has the same key twice.",
    "alias-bomb": "Aliases expand to far more values than the file contains.",
    "unknown-field": "The field does not exist in environment files or conda files.",
    "wrong-type": "The value has the wrong type.",
    "missing-name": "The environment has no name.",
    "missing-version": "The file has no version, and `versions: explicit` is set.",
    "mixed-versions": "Files with and without a version declare the same name.",
    "invalid-name": "The name is not a valid environment name.",
    "invalid-version": "The version is not a valid environment version.",
    "reserved-name": "The name is reserved for Microsoft.",
    "ambiguous-version": "YAML does not read the version as it is written.",
    "duplicate-environment": "Two files declare the same version with different content.",
    "image-or-build": "An environment needs either `image` or `build`.",
    "conda-with-build": "`conda_file` cannot be combined with `build`.",
    "missing-file": "A conda file, build context or Dockerfile does not exist.",
    "path-escape": "A path leads out of the project.",
    "invalid-image": "The image is not a valid image reference.",
    "invalid-conda": "The conda specification is not valid.",
    "conda-local-file": "The conda specification names a local file, which is not uploaded.",
    "lfs-pointer": "A file is a Git LFS pointer, not the content that it stands for.",
    "secret-in-file": "An environment file, a conda file or a Dockerfile contains a credential.",
    "policy-images": "`policy` in `envsync.yaml` does not allow the image.",
    "policy-channels": "`policy` in `envsync.yaml` does not allow the conda channel.",
    "policy-tags": "The environment lacks a tag that `policy` in `envsync.yaml` requires.",
    "policy-names": "`policy` in `envsync.yaml` does not allow the name.",
    "invalid-tag": "The value of a tag is not a scalar.",
    "reserved-tag": "The tag is reserved for envsync.",
    "invalid-config": "A setting in `envsync.yaml` has an invalid value.",
    "missing-project": "`envsync.yaml` has a target in Azure, but no `project`.",
    "unset-variable": "`envsync.yaml` names an environment variable that is not set.",
    "unsolvable-conda": "A conda dependency cannot be installed (with `--solve`).",
    "unreachable-channel": "A conda channel cannot be read (with `--solve`).",
}

WARNINGS: Final[dict[str, str]] = {
    "unrecognised-environment": "A file looks like an environment, but is not read as one.",
    "unreadable-directory": "A directory cannot be read.",
    "not-checked-out": "Environment files are in git, but not in the work tree.",
    "unpinned-image": "The image has no tag, or the tag `latest`.",
    "unpinned-dependency": "A dependency has no version.",
    "unpinned-pip": "The dependency `pip` has no version.",
    "missing-pip": "The conda specification lists pip packages, but not `pip` itself.",
    "missing-python": "The conda specification does not name Python.",
    "licensed-channel": "A conda channel belongs to Anaconda, which can require a paid licence.",
    "implicit-defaults": "conda uses the channel `defaults`, although the file does not name it.",
    "deprecated-base-image": "Microsoft has retired the base image.",
    "large-dockerfile": "The Dockerfile is larger than Azure ML accepts.",
    "missing-description": "The environment has no description.",
    "unstable-context": "The build context differs between machines.",
    "self-context": "The build context contains an environment file or `envsync.yaml`.",
    "large-context": "The build context is slow to upload.",
    "secret-in-context": "A file of the build context contains a credential.",
    "secret-in-tag": "A tag contains a credential.",
    "end-of-life-python": "The release of Python, Ubuntu or CUDA no longer gets security fixes.",
    "duplicate-file": "Two files declare the same version with the same content.",
    "useless-pattern": "A pattern of a target in `envsync.yaml` matches no environment.",
    "useless-ignore": "The ignore comment has no effect.",
}

COMPARED: Final[dict[str, str]] = {
    "immutable": "An edit changes a field that is fixed at creation.",
    "version-goes-back": "A change lowers the highest version of a name.",
    "ignored-by-git": "Git ignores a file of the environment, so no commit contains the file.",
}
"""The rules of `envsync check` with their descriptions. No setting turns them off.

These rules apply to a change between two commits, not to a file.
"""

REFERENCES: Final[dict[str, str]] = {
    "broken-reference": "A file uses an environment that does not exist.",
    "archived-reference": "A file uses an environment that is archived.",
    "latest-as-version": "A file uses a version called `latest` instead of the label.",
    "undeclared-reference": "A file uses an environment that no file declares.",
    "floating-reference": "A file uses whatever version is the newest.",
    "unused-environment": "No file of the repository uses the environment.",
}
"""The rules of `envsync refs` with their descriptions."""

IMAGES: Final[dict[str, str]] = {
    "image-unlocked": "The tag of an image is not locked to a digest.",
    "image-moved": "The tag of an image refers to another digest than the one in the file.",
    "image-missing": "The registry does not have the image.",
}
"""The rules of `envsync lock --check` with their descriptions. Only this command checks them."""
NOT_IN_FILES: Final[frozenset[str]] = frozenset(
    {"policy-images", "policy-channels", "policy-tags", "policy-names"}
)
"""Rules that no ignore comment turns off, because files must not overrule the policy of a project.

`rules` in `envsync.yaml` can change their severity.
"""

RULES: Final[dict[str, Level]] = {
    **dict.fromkeys(ERRORS, "error"),
    **dict.fromkeys(WARNINGS, "warning"),
    "broken-reference": "error",
    "archived-reference": "error",
    "latest-as-version": "error",
    "undeclared-reference": "warning",
    "floating-reference": "off",
    "unused-environment": "off",
    "image-unlocked": "warning",
    "image-moved": "warning",
    "image-missing": "error",
}
"""Every rule for files, with its default severity."""

FIXED: Final[frozenset[str]] = frozenset(
    {
        "yaml-syntax",
        "alias-bomb",
        "wrong-type",
        "missing-name",
        "missing-version",
        "mixed-versions",
        "duplicate-environment",
        "reserved-name",
        "reserved-tag",
        "image-or-build",
        "missing-file",
        "path-escape",
        "invalid-conda",
        "invalid-tag",
        "invalid-config",
        "missing-project",
        "unset-variable",
        "unreachable-channel",
    }
)
"""Rules that are always errors. A plan is impossible if a file breaks one of these rules.

Neither `rules` in `envsync.yaml` nor an ignore comment changes their severity.
"""
