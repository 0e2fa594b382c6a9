"""`envsync.yaml`: the settings of a project, as frozen values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from envsync.model.errors import InvalidProject, UsageError
from envsync.model.policy import Policy, Versions
from envsync.model.wording import nearest
from envsync.project.rules import FIXED, RULES, Level
from envsync.project.settings.mapping import Settings, open_mapping
from envsync.project.settings.targets import TargetConfig, read_targets
from envsync.project.yaml.nodes import NULL, check
from envsync.project.yaml.text import compose

FILE_NAME: Final = "envsync.yaml"
DEFAULT_ENVIRONMENTS: Final = "environments"
MAX_PROJECT_LENGTH: Final = 256
"""The longest tag value that Azure takes; the project is written as one."""

_SETTINGS: Final = (
    *("project", "environments", "default_target", "targets", "prune", "superseded", "adopt"),
    *("versions", "ignore_tags", "max_archive_percent", "rules"),
)
_LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "off")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a project. docs/configuration.md describes each.

    Attributes:
        root: the project directory: the one of the file, or where envsync was started.
        path: the file; None where there is none.
        project: the owner written on what envsync creates.
        environments: where environment files are looked for, relative to `root`.
        targets: by name, in the order of the file.
        default_target: None where the command must name one.
        policy: what a plan may do, before the command line has its say.
        versions: what a file without `version` means.
        rules: every rule with its severity.
    """

    root: Path
    path: Path | None
    environments: str
    targets: Mapping[str, TargetConfig]
    default_target: str | None
    policy: Policy
    versions: Versions = "auto"
    rules: Mapping[str, Level] = field(default_factory=lambda: MappingProxyType(RULES))

    def target(self, name: str | None = None) -> TargetConfig:
        """The target of a name, or the default one.

        Raises:
            UsageError: there is no such target, or none is the default.
            InvalidProject: its settings name environment variables that are not set.
        """
        known = ", ".join(self.targets)
        if name is None:
            name = self.default_target
        if name is None:
            raise UsageError(f"Name a target with `-t`, or set `default_target`: {known}.")
        target = self.targets.get(name)
        if target is None:
            near = nearest(name, self.targets)
            hint = f"Did you mean `{near}`?" if near else f"Known are {known}."
            raise UsageError(f"There is no target `{name}`. {hint}")
        if target.problems:
            raise InvalidProject(target.problems)
        return target


def find_config(start: Path) -> Path | None:
    """The `envsync.yaml` of a directory or of the nearest one above it."""
    absolute = Path(os.path.abspath(start))
    for directory in (absolute, *absolute.parents):
        path = directory / FILE_NAME
        if path.is_file():
            return path
    return None


def config_path(path: Path | None, start: Path) -> Path | None:
    """The settings file: the one given, relative to `start`, or the nearest, upwards from there."""
    return find_config(start) if path is None else Path(os.path.abspath(start / path))


def load_config(
    path: Path | None = None,
    start: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The settings of a project.

    Args:
        path: the settings file; None to look for one.
        start: where to look from, upwards; the working directory if None. The project directory
            where there is no settings file.
        environ: environment variables; those of the process if None.

    Raises:
        InvalidProject: the file has errors; all of them.
        UsageError: there is no file at `path`.
    """
    start = Path(os.path.abspath(start or Path.cwd()))
    found = config_path(path, start)
    if found is None:
        return _read(start, None, Settings(FILE_NAME, {}, []))
    try:
        data = found.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"The settings file {found} cannot be read: {reason}.") from error
    settings = _open(found, data, os.environ if environ is None else environ)
    config = _read(found.parent, found, settings)
    if settings.problems:
        problems = {(p.line, p.column, p.rule, p.message): p for p in settings.problems}
        raise InvalidProject([problems[key] for key in sorted(problems)])
    return config


def _open(path: Path, data: bytes, environ: Mapping[str, str]) -> Settings:
    """The top level of a settings file.

    Raises:
        InvalidProject: its YAML has errors, or it is no mapping.
    """
    settings = Settings(path.name, environ, [])
    document = compose(data)
    findings = list(document.findings)
    if document.root is not None:
        findings += check(document.root)
    for item in findings:
        settings.add_finding(item)
    broken = any(item.rule in ("yaml-syntax", "alias-bomb") for item in findings)
    if document.root is not None and document.root.tag != NULL and not broken:
        opened = open_mapping(settings, document.root, "", _SETTINGS)
        if opened is not None:
            return opened
    if settings.problems:
        raise InvalidProject(settings.problems)
    return settings


def _read(root: Path, path: Path | None, settings: Settings) -> Config:
    targets = read_targets(settings)
    return Config(
        root=root,
        path=path,
        environments=_read_environments(root, settings),
        targets=MappingProxyType(targets),
        default_target=_read_default(targets, settings),
        policy=_read_policy(root, settings),
        versions=settings.choice("versions", ("auto", "explicit"), "auto"),
        rules=MappingProxyType(_read_rules(settings)),
    )


def _read_policy(root: Path, settings: Settings) -> Policy:
    default = Policy(_read_project(root, settings))
    return replace(
        default,
        prune=settings.choice("prune", ("owned", "none"), default.prune),
        superseded=settings.choice("superseded", ("keep", "archive"), default.superseded),
        adopt=settings.choice("adopt", ("identical", "never"), default.adopt),
        ignore_tags=settings.texts("ignore_tags"),
        max_archive_percent=settings.percent("max_archive_percent", default.max_archive_percent),
    )


def _read_project(root: Path, settings: Settings) -> str:
    # The default must be a tag value, too, whatever the directory is called.
    default = _CONTROL.sub("", root.name).strip()[:MAX_PROJECT_LENGTH] or "project"
    project = settings.text("project", default)
    if len(project) > MAX_PROJECT_LENGTH or _CONTROL.search(project):
        message = f"`project` must have at most {MAX_PROJECT_LENGTH} characters, all printable."
        node = settings.entries["project"].value
        settings.add("invalid-config", node, message, "Choose a shorter, plain name.")
    return project


def _read_environments(root: Path, settings: Settings) -> str:
    text = settings.text("environments", DEFAULT_ENVIRONMENTS)
    try:
        inside = (root / text).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not inside and "environments" in settings.entries:
        message = f"The environments directory `{text}` lies outside the project."
        fix = "Name a directory below the one of this file."
        settings.add("path-escape", settings.entries["environments"].value, message, fix)
    return text


def _read_rules(settings: Settings) -> dict[str, Level]:
    rules = dict(RULES)
    if "rules" not in settings.entries:
        return rules
    opened = open_mapping(settings, settings.entries["rules"].value, "rules.", RULES)
    for rule, entry in opened.entries.items() if opened else ():
        level = settings.choice_of(entry.value, f"rules.{rule}", _LEVELS)
        if rule in FIXED and level not in (None, "error"):
            message = f"The rule `{rule}` is always an error."
            fix = "Remove the line, and correct what the rule finds."
            settings.add("invalid-config", entry.key, message, fix)
        elif level is not None:
            rules[rule] = level
    return rules


def _read_default(targets: Mapping[str, TargetConfig], settings: Settings) -> str | None:
    if "default_target" not in settings.entries:
        if len(targets) == 1:
            return next(iter(targets))
        return "local" if "local" in targets else None
    name = settings.text("default_target")
    if name and targets and name not in targets:
        near = nearest(name, targets)
        fix = f"Did you mean `{near}`?" if near else f"Known are {', '.join(targets)}."
        node = settings.entries["default_target"].value
        settings.add("invalid-config", node, f"There is no target `{name}`.", fix)
    return name or None
