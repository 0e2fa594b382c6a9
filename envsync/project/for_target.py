"""Turns the declarations of a project into the declarations of one target.

A target can select environments, and can add tags and a suffix to them. The settings in `defaults`
are added as well. All functions are pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.environment import Metadata
from envsync.model.naming import is_valid_name
from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, printable
from envsync.project.settings.config import Config
from envsync.project.settings.file import FILE_NAME
from envsync.project.settings.scope import Scope
from envsync.project.settings.targets import TargetConfig

_PLACE: Final = ("subscription_id", "resource_group", "workspace", "registry", "path")
"""Two targets are the same workspace, registry or file if these settings are equal."""

_NOT_SCOPED: Final = Scope()
_USELESS: Final = "useless-pattern"


def declared_for(
    declarations: Iterable[Declaration], config: Config, target: str | None
) -> tuple[Declaration, ...]:
    """Returns the declarations for a target, with their names and tags in that target.

    The tags of a file take precedence over the tags of the target, which take precedence over the
    default tags. If a file and a target set the same tag to different values, `target_problems`
    reports a problem.

    Args:
        declarations: the declarations in the files of the project.
        config: the settings of the project.
        target: the name of the target. If the settings do not contain this target, only the
            defaults are added.
    """
    scope = _scope(config, target)
    if scope == _NOT_SCOPED and config.defaults == Metadata():
        return tuple(declarations)
    return tuple(
        replace(
            item,
            name=item.name + scope.suffix,
            suffix=scope.suffix,
            metadata=_metadata(item.metadata, config.defaults, scope),
        )
        for item in _select(declarations, scope)
    )


def left_out_names(
    declarations: Iterable[Declaration], config: Config, target: str
) -> dict[str, str]:
    """Returns the names that `include` or `exclude` of a target leaves out, with the reason."""
    suffix = _scope(config, target).suffix
    found = {item.name: left_out_reason(item.name, config, target) for item in declarations}
    return {name + suffix: reason for name, reason in found.items() if reason is not None}


def left_out_reason(name: str, config: Config, target: str) -> str | None:
    """Returns why a target's settings leave out a declared name, or None if they keep it."""
    scope = _scope(config, target)
    included = not scope.include or _matches(name, scope.include)
    if included and not _matches(name, scope.exclude):
        return None
    return f"left out by `{'exclude' if included else 'include'}` of the target {target}"


def useless_patterns(
    declarations: Sequence[Declaration], config: Config, target: str | None
) -> list[str]:
    """Returns a message for each pattern of `include` and `exclude` that matches no name.

    Such a pattern is often misspelt. A plan would then archive or create environments
    by mistake.
    """
    scope = _scope(config, target)
    return [message for _, message in _useless(declarations, scope, target)]


def useless_pattern_problems(
    declarations: Sequence[Declaration], config: Config, target: TargetConfig
) -> list[Problem]:
    """Returns a `useless-pattern` problem for each message of `useless_patterns`."""
    severity = config.rules[_USELESS]
    if severity == "off":
        return []
    fix = "Correct the pattern, or remove it."
    return [
        replace(
            _problem(_USELESS, config, target, key, message=message, fix=fix), severity=severity
        )
        for key, message in _useless(declarations, target.scope, target.name)
    ]


def _useless(
    declarations: Iterable[Declaration], scope: Scope, target: str | None
) -> Iterator[tuple[str, str]]:
    """Yields the setting of each useless pattern, such as `include[0]`, and a message."""
    names = {item.name for item in declarations}
    for key, globs in (("include", scope.include), ("exclude", scope.exclude)):
        for index, glob in enumerate(globs):
            if not any(fnmatchcase(name, glob) for name in names):
                setting = f"targets.{target}.{key}"
                message = f"{setting}: the pattern '{glob}' matches no declared environment."
                yield f"{key}[{index}]", message


def target_problems(
    declarations: Sequence[Declaration], config: Config, target: TargetConfig
) -> list[Problem]:
    """Returns the problems of names and tags in a target, with positions in the settings file.

    Args:
        declarations: the declarations in the files of the project.
        config: the settings of the project.
        target: the target.
    """
    problems = [*_name_problems(declarations, config, target)]
    problems += _tag_problems(declarations, config, target)
    return sorted(problems, key=lambda item: (item.line, item.column, item.message))


def of_other_targets(
    names: Iterable[str], declarations: Sequence[Declaration], config: Config, target: str | None
) -> frozenset[str]:
    """Returns the registered names that belong to other targets of the settings.

    Several targets can be the same workspace, with different suffixes or selections. A plan for one
    target must not archive the environments of the other targets. A name that no file declares
    belongs to the target with the longest matching suffix.

    Args:
        names: the registered names.
        declarations: the declarations in the files of the project.
        config: the settings of the project.
        target: the name of the target.
    """
    this = config.targets.get(target) if target is not None else None
    scopes = [other.scope for other in _beside(config, this)] if this else []
    if this is None or not scopes:
        return frozenset()
    declared = {
        item.name + scope.suffix for scope in scopes for item in _select(declarations, scope)
    }
    suffixes = {scope.suffix for scope in scopes} | {this.scope.suffix}

    def suffix_of(name: str) -> str:
        # If a name has none of the suffixes, the name counts as a name of this target, because it
        # can have an earlier suffix of this target.
        matching = (suffix for suffix in suffixes if name.endswith(suffix))
        return max(matching, key=len, default=this.scope.suffix)

    return frozenset(
        name for name in names if name in declared or suffix_of(name) != this.scope.suffix
    )


def _scope(config: Config, target: str | None) -> Scope:
    found = config.targets.get(target) if target is not None else None
    return _NOT_SCOPED if found is None else found.scope


def _select(declarations: Iterable[Declaration], scope: Scope) -> list[Declaration]:
    """Returns the declarations whose names match `include`, and do not match `exclude`."""
    return [
        item
        for item in declarations
        if (not scope.include or _matches(item.name, scope.include))
        and not _matches(item.name, scope.exclude)
    ]


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _metadata(own: Metadata, defaults: Metadata, scope: Scope) -> Metadata:
    return Metadata(
        own.description or defaults.description,
        {**defaults.tags, **scope.tags, **own.tags},
    )


def _beside(config: Config, target: TargetConfig) -> list[TargetConfig]:
    """Returns all targets, except `target`, in the same workspace, registry or file."""
    return [
        other
        for other in config.targets.values()
        if other.name != target.name and _is_same_place(other, target)
    ]


def _is_same_place(one: TargetConfig, other: TargetConfig) -> bool:
    if one.kind != other.kind:
        return False
    # If variables are not set, envsync cannot find out whether two targets are the same workspace.
    # If the suffixes of the two targets differ, envsync assumes the same workspace. This is safe,
    # because a plan keeps names with the suffix of another target.
    unknown = bool(one.problems or other.problems) and one.scope.suffix != other.scope.suffix
    return all(
        _place(one, key) == _place(other, key)
        or (unknown and "${" in _place(one, key) + _place(other, key))
        for key in (("registry",) if one.kind == "registry" else _PLACE)
    )


def _place(target: TargetConfig, key: str) -> str:
    text = target.settings.get(key, "")
    # Azure ignores case when it compares ids or names.
    return text if key == "path" else text.casefold()


def _name_problems(
    declarations: Sequence[Declaration], config: Config, target: TargetConfig
) -> Iterator[Problem]:
    suffix = target.scope.suffix
    if not suffix:
        return
    own = {item.name: item for item in _select(declarations, target.scope)}
    taken = {name: (item, "") for name, item in own.items()}
    for other in _beside(config, target):
        if other.scope.suffix != suffix:
            for item in _select(declarations, other.scope):
                taken[item.name + other.scope.suffix] = (item, f" for the target `{other.name}`")
    for name in sorted(own):
        full = name + suffix
        if not is_valid_name(full):
            message = (
                f"With the suffix `{suffix}`, the name `{name}` has {len(full)} characters. A name "
                "has at most 255 characters."
            )
            fix = "Shorten the suffix or the name."
            yield _problem("invalid-name", config, target, "suffix", message=message, fix=fix)
        elif full in taken and taken[full][0].name != name:
            item, purpose = taken[full]
            message = (
                f"With the suffix `{suffix}`, the name `{name}` becomes `{full}`, which "
                f"{_position(item)} already declares{purpose}."
            )
            fix = "Choose another suffix, or rename one of the environments."
            rule = "duplicate-environment"
            yield _problem(rule, config, target, "suffix", message=message, fix=fix)


def _tag_problems(
    declarations: Sequence[Declaration], config: Config, target: TargetConfig
) -> Iterator[Problem]:
    for item in _select(declarations, target.scope):
        for key, value in target.scope.tags.items():
            own = item.metadata.tags.get(key, value)
            if own == value:
                continue
            # The message does not show the value that the target sets, because the value can come
            # from a variable and can be secret.
            message = (
                f"The target `{target.name}` sets the tag `{key}`, but {_position(item)} sets it "
                f"to another value, `{own}`."
            )
            fix = (
                "Remove the tag from the target or from the file. For a value that a file "
                "can override, use `defaults`."
            )
            yield _problem("invalid-tag", config, target, f"tags.{key}", message=message, fix=fix)


def _position(item: Declaration) -> str:
    return f"{item.source.file}:{item.source.line}"


def _problem(
    rule: str, config: Config, target: TargetConfig, key: str, *, message: str, fix: str
) -> Problem:
    line, column = target.scope.positions.get(key, target.position)
    return Problem(
        rule=rule,
        severity="error",
        message=printable(message, MAX_MESSAGE),
        file=FILE_NAME if config.path is None else config.path.name,
        line=line,
        column=column,
        fix=printable(fix, MAX_MESSAGE),
    )
