"""Loads a project directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import field

from envsync.model.errors import EnvsyncError, InvalidProject
from envsync.model.value import Value
from envsync.project.discovery import references
from envsync.project.files import Files
from envsync.project.for_target import declared_for, target_problems
from envsync.project.load import load
from envsync.project.locate import Position, locate
from envsync.project.search.globs import Globs
from envsync.project.settings.config import Config, load_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsync.model.declaration import Declaration, Source
    from envsync.model.problem import Problem


class Project(Value, frozen=True):
    """A loaded project directory: its settings and what its files declare.

    Attributes:
        config: the settings of `envsync.yaml`, with defaults filled in.
        declarations: the environments as the files declare them. `declared_for` adds `defaults` and
            the settings of a target.
        warnings: problems that do not prevent a plan.
        files: the files that were read. The files are kept, so that no command reads them again.
        environment_files: the absolute paths of the environment files, sorted.
        passed_over: the absolute paths of the other YAML files, each with a reason that completes
            the sentence "It is not read as an environment: …".
        unreadable: the absolute paths of directories that could not be read, with the reason.
    """

    uncompared = ("files", "environment_files", "passed_over", "unreadable")
    unshown = ("files", "environment_files", "passed_over", "unreadable")

    config: Config
    declarations: tuple[Declaration, ...]
    warnings: tuple[Problem, ...]
    files: Files
    environment_files: tuple[str, ...]
    passed_over: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def ensure_found(self) -> None:
        """Checks that there is a settings file or an environment file.

        Raises:
            EnvsyncError: there is neither, so the directory is probably the wrong one.
        """
        if self.config.path is None and not self.declarations:
            below = ", ".join(f"{directory}/" for directory in self.config.environments)
            raise EnvsyncError(
                f"{self.config.without_file} There is no environment file below {below} either. "
                "Change to the project directory, pass it with -C, or create a project with "
                "`envsync init`."
            )

    @property
    def missing_directories(self) -> tuple[str, ...]:
        """The directories that `environments` in `envsync.yaml` names and that do not exist."""
        config = self.config
        return tuple(name for name in config.environments if not (config.root / name).is_dir())

    def declared_for(self, target: str | None) -> tuple[Declaration, ...]:
        """Returns the environments that a target should contain, with their names in the target.

        Args:
            target: the name of the target. If None or unknown, only `defaults` are added.

        Raises:
            InvalidProject: the settings of the target conflict with the declared environments.
        """
        found = self.config.targets.get(target) if target is not None else None
        problems = target_problems(self.declarations, self.config, found) if found else ()
        if problems:
            raise InvalidProject(problems, self.config.root)
        return declared_for(self.declarations, self.config, target)

    def path(self, source: Source) -> Path:
        """Returns the absolute path of the file of a declaration."""
        return self.config.root / source.file

    def references(self, source: Source) -> dict[str, Path]:
        """Returns the local paths that an environment file names, with symbolic links resolved.

        The keys are the names of the fields, `conda_file` and `build.path`.
        """
        found = references(str(self.path(source)), self.files)
        return {name: Path(path) for name, path in found.items()}

    def paths(self) -> list[Path]:
        """Returns every path whose content defines the project.

        These are the settings file, the environments directories, each environment file, and the
        conda files and build contexts that environment files name.
        """
        found = self.config.directories
        for file in self.environment_files:
            found += map(Path, (file, *references(file, self.files).values()))
        if self.config.path is not None:
            found.append(self.config.path)
        return found

    def locate(self, source: Source, field_path: str) -> Position:
        """Returns the position of a field, or of the declaration if the field is not found.

        Args:
            source: the file and the line of the declaration.
            field_path: a `FieldChange.path`, such as `conda_file.dependencies[2]`.
        """
        found = locate(str(self.path(source)), field_path, self.files)
        return found or Position(source.file, source.line, 1)


def load_project(directory: str | Path = ".", config_file: str | Path | None = None) -> Project:
    """Reads `envsync.yaml` and every environment file of a project.

    Args:
        directory: the directory in which `envsync.yaml` is searched for. If this directory has no
            such file, the directories above it are searched.
        config_file: the settings file. If this path is given, `envsync.yaml` is not searched for.

    Raises:
        InvalidProject: a file has an error. The exception contains the problems of all files.
        UsageError: there is no file at `config_file`.
        EnvsyncError: the settings file cannot be read.
    """
    return read_project(
        load_config(None if config_file is None else Path(config_file), Path(directory))
    )


def read_project(config: Config, meanwhile: Callable[[], object] | None = None) -> Project:
    """Reads every environment file of a project whose settings are known.

    Args:
        config: the settings.
        meanwhile: called while other processes read environment files. Not called if there are few
            files. If it raises an exception, so does this function.

    Raises:
        InvalidProject: a file has an error. The exception contains the problems of all files.
    """
    files = Files.below(config.root)
    loaded = load(
        config.root,
        config.directories,
        rules=config.rules,
        versions=config.versions,
        exclude=Globs.of(config.exclude),
        files=files,
        policy=config.file_policy,
        meanwhile=meanwhile,
        keep_reads=True,
    )
    # If no error were raised here, a plan would archive the environments whose files have errors.
    if any(problem.severity == "error" for problem in loaded.problems):
        raise InvalidProject(loaded.problems, config.root)
    return Project(
        config,
        loaded.declarations,
        loaded.problems,
        files,
        loaded.environment_files,
        passed_over=loaded.passed_over,
        unreadable=loaded.unreadable,
    )
