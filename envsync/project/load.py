"""Loads a directory of environment files: their declarations and all their problems."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envsync.model.declaration import Declaration
from envsync.model.naming import natural_order
from envsync.model.policy import Versions
from envsync.model.problem import Problem
from envsync.project.across import check_across
from envsync.project.discovery import find_environments, references
from envsync.project.environment.draft import Draft, read_environment
from envsync.project.environment.paths import EnvironmentFile
from envsync.project.files import Files, Unreadable, is_within
from envsync.project.problems import Report, start_report
from envsync.project.rules import Level
from envsync.project.self_context import check_own_context
from envsync.project.yaml.nodes import TextProblem


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading environment files.

    Attributes:
        environment_files: the absolute paths of the environment files, sorted.
        declarations: one for each file without errors, sorted by name and natural version order.
        problems: the problems of all files, sorted by file, line and column.
    """

    environment_files: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    problems: tuple[Problem, ...]

    @property
    def files(self) -> int:
        """The number of environment files."""
        return len(self.environment_files)


def load(
    root: Path,
    environments: Path,
    *,
    rules: Mapping[str, Level],
    versions: Versions,
    paths: Sequence[Path] | None = None,
    files: Files | None = None,
) -> Loaded:
    """Reads the environment files of a project.

    Args:
        root: the project directory. Messages show paths relative to it. Paths in environment files
            must not lead out of it.
        environments: the directory below which environment files are searched for.
        rules: severities that override the defaults of the rules.
        versions: the policy for files without `version`.
        paths: files and directories to read instead of `environments`. Each file in this list is
            read as an environment file, whatever its content is.
        files: the file cache to use. By default, a new cache is created.

    Returns:
        The declarations and the problems of the files. No exception is raised for a problem.
    """
    files = Files.below(root) if files is None else files
    problems: list[Problem] = []
    if paths is None:
        found = find_environments(str(environments), files)
    else:
        found = _find_named(paths, str(environments), files, problems=problems)
    drafts = [_read(path, files, rules=rules, versions=versions) for path in found]
    check_across(drafts, versions)
    check_own_context(dict(zip(found, drafts, strict=True)), files)
    # Drafts with the same conda file share its report. The dict contains each report once.
    reports = {id(report): report for draft in drafts for report in _reports(draft)}
    problems.extend(problem for report in reports.values() for problem in report.problems)
    declarations = [declared for draft in drafts if (declared := draft.declaration())]
    return Loaded(
        tuple(found),
        tuple(sorted(declarations, key=_declaration_order)),
        tuple(sorted(problems, key=_problem_order)),
    )


def referenced_paths(root: Path, environments: Path) -> list[Path]:
    """Returns the conda files and build contexts that the environment files of a directory name.

    Args:
        root: the project directory.
        environments: the directory below which environment files are searched for.

    Returns:
        Absolute paths, with symbolic links resolved. The paths need not exist.
    """
    files = Files.below(root)
    found = find_environments(str(environments), files)
    return [Path(path) for file in found for path in references(file, files).values()]


def _reports(draft: Draft) -> Iterable[Report]:
    yield draft.report
    if draft.conda_report is not None:
        yield draft.conda_report


def _declaration_order(declaration: Declaration) -> tuple[object, ...]:
    version = natural_order(declaration.version or "")
    return declaration.name, version, declaration.source.file


def _problem_order(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.file, problem.line, problem.column, problem.rule, problem.message


def _find_named(
    paths: Sequence[Path], environments: str, files: Files, *, problems: list[Problem]
) -> list[str]:
    """Returns the files in `paths`, and the environment files below the directories in `paths`."""
    found: set[str] = set()
    below: list[str] | None = None
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(absolute):
            if is_within(absolute, os.path.abspath(environments)):
                # All of `environments` is searched, because the named directory may be part of a
                # build context. Files in a build context are not environment files.
                if below is None:
                    below = find_environments(environments, files)
                found.update(item for item in below if is_within(item, absolute))
            else:
                found.update(find_environments(absolute, files))
        elif os.path.exists(absolute):
            found.add(absolute)
        else:
            shown = files.display(absolute) if is_within(absolute, files.root) else path
            problems.append(_does_not_exist(str(shown).replace(os.sep, "/")))
    return sorted(found)


def _does_not_exist(path: str) -> Problem:
    return Problem(
        rule="missing-file",
        severity="error",
        message="The file or directory does not exist.",
        file=path,
        line=1,
        column=1,
        fix="Correct the path.",
    )


def _read(path: str, files: Files, *, rules: Mapping[str, Level], versions: Versions) -> Draft:
    shown = files.display(path)
    parsed = files.read(path)
    if isinstance(parsed, Unreadable):
        report = Report(shown, rules)
        message = f"The file cannot be read: {parsed.reason}."
        fix = "Check the file and its permissions."
        report.add_problem(TextProblem("missing-file", message, fix=fix))
        return Draft(report)
    report = start_report(shown, parsed.document, problems=parsed.problems, rules=rules)
    directory, name = os.path.split(path)
    # A file outside of the project can be named on the command line. Paths in such a file must not
    # lead out of its own directory.
    boundary = files.real_root
    if not is_within(files.real(directory), boundary):
        boundary = files.real(directory)
    if not is_within(files.real(directory, name), boundary):
        message = "The file is a symbolic link that leads out of the project."
        fix = "Replace the link with the file itself."
        # If the project lowers the rule to a warning, the link is followed.
        is_error = report.add_problem(TextProblem("path-escape", message, fix=fix))
        if is_error:
            return Draft(report)
    if parsed.is_broken:
        return Draft(report)
    file = EnvironmentFile(files, report, directory=directory, boundary=boundary)
    return read_environment(file, parsed.content, versions)
