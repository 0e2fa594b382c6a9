"""Loads the environment files of a project, and collects their declarations and problems."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path

from msgspec import Struct, field

from envsync.model.declaration import Declaration
from envsync.model.naming import natural_order
from envsync.model.policy import NO_FILE_POLICY, FilePolicy, Versions
from envsync.model.problem import Problem
from envsync.project.across import check_across, without_copies
from envsync.project.discovery import Discovered, discover, references
from envsync.project.environment.draft import Draft
from envsync.project.files import Files, ParsedFile, is_within
from envsync.project.memo import Memo
from envsync.project.problems import Report, start_report
from envsync.project.reading import Reader
from envsync.project.rules import Level
from envsync.project.search.globs import NO_GLOBS, Globs
from envsync.project.self_context import check_own_context
from envsync.project.yaml.nodes import TextProblem


class Loaded(Struct, frozen=True):
    """The result of loading environment files.

    Attributes:
        environment_files: the absolute paths of the environment files, sorted.
        declarations: one declaration for each version in files without errors. Declarations are
            sorted by name and by the natural order of versions.
        problems: the problems of all files, sorted by file, line and column.
        passed_over: the absolute paths of the other YAML files, each with a reason that completes
            the sentence "It is not read as an environment: …".
        unreadable: the absolute paths of directories that could not be read, with the reason.
    """

    environment_files: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    problems: tuple[Problem, ...]
    passed_over: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """The number of environment files."""
        return len(self.environment_files)


def load(
    root: Path,
    environments: Sequence[Path],
    *,
    rules: Mapping[str, Level],
    versions: Versions,
    exclude: Globs = NO_GLOBS,
    paths: Sequence[Path] | None = None,
    files: Files | None = None,
    policy: FilePolicy = NO_FILE_POLICY,
    meanwhile: Callable[[], object] | None = None,
    keep_reads: bool = False,
) -> Loaded:
    """Reads the environment files of a project.

    Args:
        root: the project directory. Messages show paths relative to this directory. Paths in
            environment files must not lead out of this directory.
        environments: the directories below which environment files are searched for.
        rules: severities that override the defaults of the rules.
        versions: the policy for files without `version`.
        exclude: globs of files that are not environment files.
        paths: files and directories to read instead of `environments`. Each file in this list is
            read as an environment file, whatever its content is.
        files: the file cache to use. If None, a new cache is created.
        policy: what environment files may use.
        meanwhile: called while other processes read files. Not called if there are few files.
        keep_reads: whether `.envsync/` keeps what is read from many files.

    Returns:
        The declarations and the problems of the files. No exception is raised for a problem.
    """
    files = Files.below(root) if files is None else files
    problems: list[Problem] = []
    directories = []
    for environment_directory in map(str, environments):
        if is_within(os.path.realpath(environment_directory), files.real_root):
            directories.append(environment_directory)
        else:
            problems.append(_escaping_directory(files.display(environment_directory)))
    reader = Reader(files, rules, versions, policy, meanwhile, keep_reads)
    if paths is None:
        found = discover(directories, files, exclude, reader.classify)
    else:
        found = _discover_named(paths, directories, reader, exclude=exclude, problems=problems)
    drafts = [reader.read(path) for path in found.environment_files]
    check_across(drafts, versions)
    check_own_context(dict(zip(found.environment_files, drafts, strict=True)), files)
    drafts += [Draft(_unread(path, item, files, rules=rules)) for path, item in found.problems]
    files.drop_nodes()
    # Drafts that name the same file share its report. The dict contains each report once.
    reports = {id(report): report for draft in drafts for report in _reports(draft)}
    problems.extend(problem for report in reports.values() for problem in report.problems)
    declarations = without_copies(declared for draft in drafts if (declared := draft.declaration()))
    return Loaded(
        found.environment_files,
        tuple(sorted(declarations, key=_declaration_order)),
        tuple(sorted(problems, key=attrgetter("order"))),
        passed_over=found.passed_over,
        unreadable=found.unreadable,
    )


def referenced_paths(
    root: Path, environments: Sequence[Path], exclude: Globs, memo: Memo
) -> list[Path]:
    """Returns the conda files and build contexts that the environment files of a project name.

    Args:
        root: the project directory.
        environments: the directories below which environment files are searched for.
        exclude: globs of files that are not environment files.
        memo: keeps what is made from the texts of files.

    Returns:
        The absolute paths, with symbolic links resolved. A path does not always exist.
    """
    files = Files.below(root, memo)
    # In a commit, an environments directory can be a link to any directory of this machine. This
    # function does not search a directory outside of the project.
    tops = [str(item) for item in environments]
    inside = [item for item in tops if is_within(os.path.realpath(item), files.real_root)]
    found = discover(inside, files, exclude)
    named = (references(file, files) for file in found.environment_files)
    return [Path(path) for item in named for path in item.values()]


def _reports(draft: Draft) -> Iterable[Report]:
    yield draft.report
    yield from draft.file_reports


def _declaration_order(declaration: Declaration) -> tuple[object, ...]:
    version = natural_order(declaration.version or "")
    return declaration.name, version, declaration.source.file


def _discover_named(
    paths: Sequence[Path],
    environments: Sequence[str],
    reader: Reader,
    *,
    exclude: Globs,
    problems: list[Problem],
) -> Discovered:
    """Returns the files in `paths`, and the environment files below the directories in `paths`."""
    files = reader.files
    named = [os.path.abspath(path) for path in paths]
    found_directories = [path for path in named if os.path.isdir(path)]
    # The files of another project are not searched, because other settings apply to them.
    tops = [files.real_root, *map(os.path.realpath, environments)]
    below = [
        path
        for path in found_directories
        if any(is_within(os.path.realpath(path), top) for top in tops)
    ]
    outside = [path for path in found_directories if path not in below]
    problems.extend(_is_outside(files.display(path), files.root) for path in outside)
    single = {path for path in named if path not in found_directories and os.path.exists(path)}
    # An environment file outside `paths` can name a conda file or a build context inside `paths`.
    # So the environments directories are searched as well. The directories in `paths` come first,
    # so that messages show the paths that the user knows.
    within = [path for path in environments if os.path.isdir(path)] if below else []

    def is_named(path: str) -> bool:
        return any(is_within(path, directory) for directory in below)

    classify = partial(reader.classify, wanted=is_named)
    found = discover([*below, *within], files, exclude, classify)
    for path, absolute in zip(paths, named, strict=True):
        if absolute not in found_directories and absolute not in single:
            shown = files.display(absolute) if is_within(absolute, files.root) else path
            problems.append(_does_not_exist(str(shown).replace(os.sep, "/")))
    return Discovered(
        tuple(sorted(single.union(filter(is_named, found.environment_files)))),
        passed_over={
            path: reason
            for path, reason in found.passed_over.items()
            if is_named(path) and path not in single
        },
        unreadable={path: why for path, why in found.unreadable.items() if is_named(path)},
        problems=tuple(
            (path, item) for path, item in found.problems if is_named(path) and path not in single
        ),
    )


def _unread(path: str, problem: TextProblem, files: Files, *, rules: Mapping[str, Level]) -> Report:
    """Returns the report of a file or directory that was not read as an environment."""
    parsed = files.read(path) if os.path.isfile(path) else None
    if isinstance(parsed, ParsedFile):
        # The ignore comments of the file are read, so that a comment can turn the problem off.
        report = start_report(files.display(path), parsed.document, problems=(), rules=rules)
    else:
        report = Report(files.display(path), rules)
    report.add_problem(problem)
    return report


def _escaping_directory(path: str) -> Problem:
    return Problem(
        rule="path-escape",
        severity="error",
        message="The environments directory is a symbolic link that leads out of the project.",
        file=path,
        line=1,
        column=1,
        fix="Replace the link with the directory itself.",
    )


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


def _is_outside(path: str, root: str) -> Problem:
    import shlex

    return Problem(
        rule="path-escape",
        severity="error",
        message=f"The directory is outside of the project {root}.",
        file=path,
        line=1,
        column=1,
        fix=f"Pass a directory of the project. To validate another project, run "
        f"`envsync -C {shlex.quote(path)} validate`.",
    )
