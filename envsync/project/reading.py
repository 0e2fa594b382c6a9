"""Classifies and reads the environment files of a project, in several processes if many exist."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace
from yaml.nodes import ScalarNode

from envsync.model.policy import FilePolicy, Versions
from envsync.project.credentials import check_text
from envsync.project.disk import is_utf8
from envsync.project.doubt import add_doubt
from envsync.project.environment.draft import Draft, read_environment
from envsync.project.environment.paths import EnvironmentFile
from envsync.project.files import Conda, Files, Unreadable, is_within
from envsync.project.lfs import FIX as LFS_FIX
from envsync.project.lfs import lfs_pointer
from envsync.project.problems import Report, start_report
from envsync.project.processes import process_count
from envsync.project.rules import Level
from envsync.project.search.candidate import Candidate, classify, leads_out
from envsync.project.search.walk import YamlFile
from envsync.project.yaml.nodes import TextProblem

if TYPE_CHECKING:
    from envsync.project.cache.kept import Kept
    from envsync.project.cache.reads import ReadCache

Item = TypeVar("Item")

MIN_FILES: Final = 200
"""Minimum number of YAML files for each process. Reading them takes about 40 ms."""


class _Read(Struct, frozen=True):
    """The candidates and drafts of some files, and what reading them has added to the cache.

    Attributes:
        candidates: the classified files, by path.
        drafts: the drafts of the files that can be environment files, by path.
        contents: the additions to `Files.contents`.
        named: the additions to `Files.named`.
        condas: the additions to `Files.condas`.
        entries: the entries of the files for `ReadCache`, by key.
    """

    candidates: Mapping[str, Candidate]
    drafts: Mapping[str, Draft]
    contents: Mapping[str, bytes | Unreadable]
    named: Mapping[str, dict[str, str]]
    condas: Mapping[str, Conda]
    entries: Mapping[bytes, bytes]


class Reader(Struct):
    """Reads environment files, and keeps drafts until `read` returns them.

    Attributes:
        files: the cache through which files are read.
        rules: severities that override the defaults of the rules.
        versions: the policy for files without `version`.
        policy: what environment files may use.
        meanwhile: called while other processes read files, such as to read a local target.
        keep_reads: whether `.envsync/` keeps what is read from many files.
    """

    files: Files
    rules: Mapping[str, Level]
    versions: Versions
    policy: FilePolicy
    meanwhile: Callable[[], object] | None = None
    keep_reads: bool = False
    _drafts: dict[str, Draft] = field(default_factory=dict)
    # The conda files that the drafts share, by the path in messages.
    _condas: dict[str, Conda] = field(default_factory=dict)

    def classify(
        self, found: Sequence[YamlFile], wanted: Callable[[str], bool] = lambda _: True
    ) -> list[Candidate]:
        """Classifies files.

        If there are many files, several processes classify them. These processes also read the
        environment files, because they have parsed them, and `read` returns the drafts.

        Args:
            found: the files.
            wanted: returns whether `read` will be called with a path, if its file is an environment
                file.
        """
        known: dict[str, Candidate] = {}
        count = process_count(len(found), least=MIN_FILES)
        cache = self._cache() if self.keep_reads and len(found) >= MIN_FILES else None
        if count > 1 or cache:
            # Imported here, because most projects are small.
            from envsync.project.fork import in_forks

            self._keep(self.files.condas.values())
            read_files = partial(self._read_files, wanted=wanted, cache=cache)
            contents, same = self.files.contents, True
            entries: dict[bytes, bytes] = {}
            for read in in_forks(read_files, found, count, self.meanwhile):
                # Several processes read a conda file. If somebody has edited the file meanwhile,
                # this process reads this batch again, with the content that was read first. It also
                # reads all later batches again, because the file can be in the cache of their fork.
                same &= all(
                    contents.get(path, data) == data for path, data in read.contents.items()
                )
                if not same:
                    read = read_files([item.file for item in read.candidates.values()])
                known.update(self._add(read))
                entries.update(read.entries)
            if cache:
                cache.write(entries, len(found))
        return [known.get(file.path) or classify(file, self.files) for file in found]

    def _cache(self) -> ReadCache | None:
        """Opens the cache of earlier commands, or returns None if this project cannot have one."""
        from envsync.project.cache.reads import open_cache

        files = self.files
        settings = files.root, files.real_root, self.rules, self.versions, self.policy
        return open_cache(files.real_root, settings)

    def _read_files(
        self, found: Sequence[YamlFile], wanted: Callable[[str], bool], cache: ReadCache | None
    ) -> _Read:
        """Classifies files, and reads the environment files without a local build context.

        Scans of build contexts are too large to send to another process. So a file that probably
        has a build context is left out.
        """
        files, kept = self.files, self._kept(cache)
        candidates, drafts = {}, {}
        contents, named, condas = len(files.contents), len(files.named), len(files.condas)
        for file in found:
            if leads_out(file, files):
                continue
            content = files.content(file.path, file.real)
            if isinstance(content, Unreadable) or b"\nbuild" in content:
                continue
            is_wanted = wanted(file.path)
            known = kept.find(file, content, is_wanted=is_wanted) if kept else None
            candidate, draft = known or (classify(file, files), None)
            if not known and candidate.reason is None and candidate.context is None and is_wanted:
                draft = self._read(file.path)
                if kept:
                    kept.keep(candidate, draft, content)
            candidates[file.path] = candidate
            if draft:
                drafts[file.path] = draft
        return _Read(
            candidates,
            drafts,
            contents=_added(files.contents, contents),
            named=_added(files.named, named),
            condas=_added(files.condas, condas),
            entries=kept.used if kept else {},
        )

    def _kept(self, cache: ReadCache | None) -> Kept | None:
        if cache is None:
            return None
        from envsync.project.cache.kept import Kept

        return Kept(cache, self.files, self.rules, self._boundary)

    def _add(self, read: _Read) -> Mapping[str, Candidate]:
        """Adds what a process has read. Returns the candidates."""
        files = self.files
        files.contents.update(read.contents)
        files.named.update(read.named)
        self._keep(files.condas.setdefault(path, conda) for path, conda in read.condas.items())
        self._drafts.update((path, self._sharing(draft)) for path, draft in read.drafts.items())
        return read.candidates

    def _keep(self, condas: Iterable[Conda]) -> None:
        self._condas.update((conda.report.file, conda) for conda in condas if conda.report)

    def _sharing(self, draft: Draft) -> Draft:
        """Returns the draft with the report and the text of its conda file that others share.

        Each problem of a conda file is reported once, and a long text needs memory once.
        """
        reports, spec = [], draft.spec
        for report in draft.file_reports:
            conda = self._condas.get(report.file, Conda(None, report))
            reports.append(conda.report or report)
            if spec and spec.conda_file is not conda.text and spec.conda_file == conda.text:
                spec = replace(spec, conda_file=conda.text)
        return replace(draft, file_reports=tuple(reports), spec=spec)

    def read(self, path: str) -> Draft:
        """Reads the environment file at an absolute path."""
        return self._drafts.pop(path, None) or self._read(path)

    def _read(self, path: str) -> Draft:
        files = self.files
        shown = files.display(path)
        directory, name = os.path.split(path)
        boundary, real = self._boundary(files.real(directory)), files.real(directory, name)
        if not is_within(real, boundary):
            message = "The file is a symbolic link that leads out of the project."
            fix = "Replace the link with the file itself."
            return self._failed(shown, "path-escape", message, fix=fix)
        if not is_utf8(shown):
            # The path becomes a tag of the version, and a tag must be valid Unicode.
            fix = "Rename the file, or the directory above it."
            return self._failed(shown, "yaml-syntax", "The path of the file is not UTF-8.", fix=fix)
        parsed = files.read(path, real)
        if isinstance(parsed, Unreadable):
            message = f"The file cannot be read: {parsed.reason}."
            fix = "Check the file and its permissions."
            return self._failed(shown, "missing-file", message, fix=fix)
        content = files.content(path, real)
        if (
            isinstance(parsed.document.root, ScalarNode)
            and isinstance(content, bytes)
            and lfs_pointer(content)
        ):
            # The declaration of the file is unknown, so the severity is "error", whatever `rules`
            # contains.
            report = Report(shown, {**self.rules, "lfs-pointer": "error"})
            message = "The file is a Git LFS pointer, not the environment file itself."
            report.add_problem(TextProblem("lfs-pointer", message, fix=LFS_FIX))
            return Draft(report)
        report = start_report(shown, parsed.document, problems=parsed.problems, rules=self.rules)
        check_text(report, parsed.document.text, parsed, memo=files.memo)
        draft = Draft(report)
        if not parsed.is_broken:
            file = EnvironmentFile(
                files, report, directory=directory, boundary=boundary, policy=self.policy
            )
            draft = read_environment(file, parsed.content, self.versions)
        if isinstance(content, bytes):
            add_doubt(report, parsed, content, files.memo)
        files.drop_nodes(real)
        return draft

    def _boundary(self, directory: str) -> str:
        """Returns the directory that must contain all paths in the files of a directory.

        A file outside of the project can be named on the command line. Paths in such a file must
        not lead out of its own directory.
        """
        root = self.files.real_root
        return root if is_within(directory, root) else directory

    def _failed(self, shown: str, rule: str, message: str, *, fix: str) -> Draft:
        report = Report(shown, self.rules)
        report.add_problem(TextProblem(rule, message, fix=fix))
        return Draft(report)


def _added(cache: dict[str, Item], size: int) -> dict[str, Item]:
    """Returns what was added to a cache after it had `size` entries. Skips the earlier entries."""
    return dict(islice(reversed(cache.items()), len(cache) - size))
