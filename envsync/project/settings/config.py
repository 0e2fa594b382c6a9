"""Reads `envsync.yaml` into frozen values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from envsync.model.environment import Metadata
from envsync.model.errors import InvalidProject, UsageError
from envsync.model.policy import NO_FILE_POLICY, FilePolicy, Policy, Versions
from envsync.model.wording import nearest
from envsync.project.rules import FIXED, RULES, Level
from envsync.project.settings.directories import read_environments, read_exclude
from envsync.project.settings.file import FILE_NAME, config_path, read_config_file
from envsync.project.settings.file_policy import read_file_policy
from envsync.project.settings.mapping import MappingReader, open_mapping
from envsync.project.settings.scope import read_defaults
from envsync.project.settings.targets import TargetConfig, read_targets
from envsync.project.yaml.check import check
from envsync.project.yaml.nodes import NULL
from envsync.project.yaml.text import compose

MAX_PROJECT_LENGTH: Final = 256
"""Maximum characters of a tag value in Azure. envsync writes the project name as a tag value."""

_SETTINGS: Final = (
    "project",
    "environments",
    "exclude",
    "defaults",
    "default_target",
    "targets",
    "prune",
    "superseded",
    "adopt",
    "versions",
    "ignore_tags",
    "max_archive_percent",
    "max_archives",
    "protect",
    "policy",
    "rules",
)
_LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "off")
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"


class Config(Struct, frozen=True):
    """The settings of a project. docs/reference/configuration.md describes each setting.

    Attributes:
        root: the project directory. This is the directory of the settings file, or the start
            directory if there is no settings file.
        path: the settings file, or None if the project has no settings file.
        environments: the directories of environment files, relative to `root`.
        targets: the targets by name, in the order of the file.
        default_target: the name of the default target. If None, each command must name a target.
        policy: the changes that a plan is allowed to make. Command-line options can change the
            policy.
        file_policy: what environment files may use.
        versions: the policy for files without `version`.
        rules: the severity of every rule.
        exclude: globs of files that are not environment files, relative to `root`.
        defaults: the description and the tags of environments whose files do not set them.
        has_default_project: True if the settings have no `project`. The owner is then the name of
            the directory.
    """

    root: Path
    path: Path | None
    environments: tuple[str, ...]
    targets: Mapping[str, TargetConfig]
    default_target: str | None
    policy: Policy
    versions: Versions = "auto"
    rules: Mapping[str, Level] = field(default_factory=lambda: MappingProxyType(RULES))
    exclude: tuple[str, ...] = ()
    defaults: Metadata = field(default_factory=Metadata)
    has_default_project: bool = False
    file_policy: FilePolicy = NO_FILE_POLICY

    @property
    def directories(self) -> list[Path]:
        """The absolute paths of the directories of environment files."""
        return [self.root / directory for directory in self.environments]

    @property
    def without_file(self) -> str:
        """A sentence for messages if the project has no settings file; otherwise empty."""
        if self.path is not None:
            return ""
        return f"There is no {FILE_NAME} in {self.root} or in a directory above it."

    def target(self, name: str | None = None) -> TargetConfig:
        """Returns the target called `name`, or the default target if `name` is None.

        Raises:
            UsageError: the target does not exist, or `name` is None and there is no default target.
            InvalidProject: the target needs environment variables that are not set.
        """
        known = ", ".join(self.targets)
        if name is None:
            name = self.default_target
        if name is None:
            raise UsageError(
                "No target is selected, and there is no default target. Pass `-t NAME`, or set "
                f"`default_target` in {FILE_NAME}. Known targets: {known}."
            )
        target = self.targets.get(name)
        if target is None:
            near = nearest(name, self.targets)
            hint = f"Did you mean `{near}`?" if near else f"Known targets: {known}."
            message = f"The target `{name}` does not exist. {hint}"
            raise UsageError(f"{self.without_file} {message}".lstrip())
        if target.problems:
            raise InvalidProject(target.problems, self.root)
        return target


def load_config(
    path: Path | None = None,
    start: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Reads the settings of a project.

    Args:
        path: the settings file. If None, `envsync.yaml` is searched for in `start` and in the
            directories above it.
        start: the directory in which the search starts. The default is the working directory.
            Without a settings file, this directory is the project directory.
        environ: the environment variables. The default is `os.environ`.

    Raises:
        InvalidProject: the file has errors. The exception contains all errors.
        UsageError: there is no file at `path`.
        EnvsyncError: the file cannot be read.
    """
    start = Path(os.path.abspath(start or Path.cwd()))
    found = config_path(path, start)
    if found is None:
        return _read(start, None, MappingReader(FILE_NAME, {}, []))
    data = read_config_file(found, named=path is not None)
    reader = _open(found, data, os.environ if environ is None else environ)
    config = _read(found.parent, found, reader)
    if reader.problems:
        # A value with an anchor is checked again at each alias, so a problem can be found twice.
        problems = {(p.line, p.column, p.rule, p.message): p for p in reader.problems}
        raise InvalidProject([problems[key] for key in sorted(problems)], found.parent)
    return config


def _open(path: Path, data: bytes, environ: Mapping[str, str]) -> MappingReader:
    """Returns a reader of the top level of a settings file.

    Raises:
        InvalidProject: the settings file has YAML errors, or is not a mapping.
    """
    reader = MappingReader(path.name, environ, [])
    document = compose(data)
    found = list(document.problems)
    if document.root is not None:
        found += check(document.root)
    for item in found:
        reader.add_problem(item)
    broken = any(item.rule in ("yaml-syntax", "alias-bomb") for item in found)
    if document.root is not None and document.root.tag != NULL and not broken:
        opened = open_mapping(reader, document.root, prefix="", known=_SETTINGS)
        if opened is not None:
            return opened
    if reader.problems:
        raise InvalidProject(reader.problems, path.parent)
    return reader


def _read(root: Path, path: Path | None, reader: MappingReader) -> Config:
    targets = read_targets(reader)
    defaults = read_defaults(reader)
    rules = _read_rules(reader)
    if defaults.description:
        # If there is a default description, every environment has a description, so the rule
        # `missing-description` cannot be broken.
        rules["missing-description"] = "off"
    policy = _read_policy(root, reader)
    return Config(
        root=root,
        path=path,
        environments=read_environments(root, reader),
        targets=MappingProxyType(targets),
        default_target=_read_default(targets, reader),
        policy=policy,
        versions=policy.versions,
        rules=MappingProxyType(rules),
        exclude=read_exclude(reader),
        defaults=defaults,
        has_default_project="project" not in reader.entries,
        file_policy=read_file_policy(reader, defaults),
    )


def _read_policy(root: Path, reader: MappingReader) -> Policy:
    default = Policy(_read_project(root, reader))
    return replace(
        default,
        prune=reader.choice("prune", ("owned", "none"), default.prune),
        superseded=reader.choice("superseded", ("keep", "archive"), default.superseded),
        adopt=reader.choice("adopt", ("identical", "never"), default.adopt),
        versions=reader.choice("versions", ("auto", "content", "explicit"), default.versions),
        ignore_tags=reader.strings("ignore_tags"),
        max_archive_percent=reader.integer(
            "max_archive_percent", default.max_archive_percent, at_most=100
        ),
        max_archives=reader.integer("max_archives", default.max_archives),
        protect=reader.strings("protect"),
    )


def _read_project(root: Path, reader: MappingReader) -> str:
    # Characters that a tag value cannot have are removed from the directory name.
    name = root.name.encode(errors="ignore").decode()  # the name of a directory can be any bytes
    shown = name if name.isprintable() else re.sub(_CONTROL, "", name)
    default = shown.strip()[:MAX_PROJECT_LENGTH] or "project"
    project = reader.string("project", default)
    if len(project) > MAX_PROJECT_LENGTH or (
        not project.isprintable() and re.search(_CONTROL, project)
    ):
        message = f"`project` must have at most {MAX_PROJECT_LENGTH} characters, all printable."
        node = reader.entries["project"].value
        reader.add("invalid-config", node, message, fix="Choose another name.")
    return project


def _read_rules(reader: MappingReader) -> dict[str, Level]:
    rules = dict(RULES)
    if "rules" not in reader.entries:
        return rules
    opened = open_mapping(reader, reader.entries["rules"].value, prefix="rules.", known=RULES)
    for rule, entry in opened.entries.items() if opened else ():
        # `choice_of` reports an invalid level and returns None.
        level = reader.choice_of(entry.value, f"rules.{rule}", _LEVELS)
        if rule in FIXED and level not in (None, "error"):
            message = f"The rule `{rule}` is always an error."
            fix = "Remove the line, and correct the problems that the rule reports."
            reader.add("invalid-config", entry.key, message, fix=fix)
        elif level is not None:
            rules[rule] = level
    return rules


def _read_default(targets: Mapping[str, TargetConfig], reader: MappingReader) -> str | None:
    if "default_target" not in reader.entries:
        # The default is the only target in the file, or the target `local`, which is harmless. With
        # any other default, a new target in the file could silently change the target of a command.
        if len(targets) == 1:
            return next(iter(targets))
        return "local" if "local" in targets else None
    name = reader.string("default_target")
    if name and targets and name not in targets:
        near = nearest(name, targets)
        fix = f"Did you mean `{near}`?" if near else f"Known targets: {', '.join(targets)}."
        node = reader.entries["default_target"].value
        reader.add("invalid-config", node, f"The target `{name}` does not exist.", fix=fix)
    return name or None
