"""`load`: a directory of environment files to declarations, and every problem of every file."""

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
from envsync.project.discovery import find_environments
from envsync.project.environment.draft import Draft, read_environment
from envsync.project.environment.place import Place
from envsync.project.files import Sources, is_within
from envsync.project.problems import Report, start_report
from envsync.project.rules import Level
from envsync.project.yaml.nodes import Finding


@dataclass(frozen=True, slots=True)
class Loaded:
    """What environment files declare.

    Attributes:
        files: how many environment files there are.
        declarations: of the files without errors, by name, then in natural version order.
        problems: by file, line and column.
    """

    files: int
    declarations: tuple[Declaration, ...]
    problems: tuple[Problem, ...]


def load(
    root: Path,
    environments: Path,
    *,
    rules: Mapping[str, Level],
    versions: Versions,
    paths: Sequence[Path] | None = None,
) -> Loaded:
    """Reads the environment files of a project.

    Args:
        root: the project directory; files are named relative to it, and nothing that a file names
            may lie outside.
        environments: the directory below which environment files are looked for.
        rules: severities that differ from the rules' own.
        versions: what a file without `version` means.
        paths: files and directories to read instead of `environments`. A file that stands here
            is read as an environment file, whatever it looks like.

    Returns:
        What the files declare and everything that is wrong with them. Nothing is raised for what
        stands in a file.
    """
    absolute = os.path.abspath(root)
    sources = Sources(absolute, os.path.realpath(root))
    problems: list[Problem] = []
    if paths is None:
        files = find_environments(str(environments), sources)
    else:
        files = _find_named(paths, str(environments), sources, problems)
    drafts = [_read(path, sources, rules, versions) for path in files]
    check_across(drafts, versions)
    reports = {id(report): report for draft in drafts for report in _reports(draft)}
    problems.extend(problem for report in reports.values() for problem in report.problems)
    declarations = [found for draft in drafts if (found := draft.declaration())]
    return Loaded(
        len(files),
        tuple(sorted(declarations, key=_declaration_order)),
        tuple(sorted(problems, key=_problem_order)),
    )


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
    paths: Sequence[Path], environments: str, sources: Sources, problems: list[Problem]
) -> list[str]:
    """The environment files that were named, or lie below a directory that was."""
    found: set[str] = set()
    below: list[str] | None = None
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(absolute):
            if is_within(absolute, os.path.abspath(environments)):
                if below is None:
                    below = find_environments(environments, sources)
                found.update(item for item in below if is_within(item, absolute))
            else:
                found.update(find_environments(absolute, sources))
        elif os.path.exists(absolute):
            found.add(absolute)
        else:
            message, fix = "There is no such file or directory.", "Correct the path."
            shown = sources.display(absolute) if is_within(absolute, sources.root) else path
            problems.append(Problem("missing-file", "error", message, _slashes(shown), 1, 1, fix))
    return sorted(found)


def _slashes(path: str | Path) -> str:
    return str(path).replace(os.sep, "/")


def _read(path: str, sources: Sources, rules: Mapping[str, Level], versions: Versions) -> Draft:
    shown = sources.display(path)
    reading = sources.read(path)
    if isinstance(reading, str):
        report = Report(shown, rules)
        message = f"The file cannot be read: {reading}."
        report.add_finding(Finding("missing-file", message, "Make it readable.", 1, 1))
        return Draft(report)
    report = start_report(shown, reading.document, reading.findings, rules)
    directory, name = os.path.split(path)
    boundary = sources.real_root
    if not is_within(sources.real(directory), boundary):
        boundary = sources.real(directory)
    if not is_within(sources.real(directory, name), boundary):
        message = "The file is a symbolic link that leads out of the project."
        fix = "Replace it by what it leads to."
        if report.add_finding(Finding("path-escape", message, fix, 1, 1)):
            return Draft(report)
    if reading.is_broken:
        return Draft(report)
    place = Place(sources, report, directory, boundary)
    return read_environment(place, reading.content, versions)
