"""Classifies and reads the environment files of a project, in several processes if many exist."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field
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
from envsync.project.processes import divide
from envsync.project.rules import Level
from envsync.project.search.candidate import Candidate, classify
from envsync.project.search.walk import YamlFile
from envsync.project.yaml.nodes import TextProblem

LEAST: Final = 200
"""Minimum number of YAML files that a process reads. Reading 200 files takes some 40 ms."""


class _Part(Struct, frozen=True):
    """What one process has read.

    Attributes:
        candidates: the classified files, by path.
        drafts: the drafts of the files that can be environment files, by path.
        contents: `Files.contents` of the process.
        named: `Files.named` of the process.
        condas: `Files.condas` of the process.
    """

    candidates: Mapping[str, Candidate]
    drafts: Mapping[str, Draft]
    contents: Mapping[str, bytes | Unreadable]
    named: Mapping[str, dict[str, str]]
    condas: Mapping[str, Conda]


class Reader(Struct, frozen=True):
    """Reads environment files.

    Attributes:
        files: the cache through which files are read.
        rules: severities that override the defaults of the rules.
        versions: the policy for files without `version`.
        policy: what environment files may use.
    """

    files: Files
    rules: Mapping[str, Level]
    versions: Versions
    policy: FilePolicy
    _drafts: dict[str, Draft] = field(default_factory=dict)

    def classify(self, found: Sequence[YamlFile]) -> list[Candidate]:
        """Classifies files. Keeps the drafts of those that can be environment files for `read`."""
        candidates: dict[str, Candidate] = {}
        for files, part in divide(self._part, found, least=LEAST):
            # Two processes can read the same conda file, while somebody edits it.
            contents = self.files.contents
            if any(contents.get(path, data) != data for path, data in part.contents.items()):
                part = self._part(files)
            contents.update(part.contents)
            self.files.named.update(part.named)
            self.files.condas.update(part.condas)
            self._drafts.update(part.drafts)
            candidates.update(part.candidates)
        return [candidates[file.path] for file in found]

    def _part(self, found: Sequence[YamlFile]) -> _Part:
        candidates, drafts = {}, {}
        for file in found:
            candidate = candidates[file.path] = classify(file, self.files)
            # Whether a file in a build context is read depends on other files. The scans of build
            # contexts are too large to send.
            if candidate.reason is None and candidate.context is None:
                drafts[file.path] = self._read(file.path)
        files = self.files
        return _Part(candidates, drafts, files.contents, files.named, files.condas)

    def read(self, path: str) -> Draft:
        """Reads the environment file at an absolute path."""
        return self._drafts.pop(path, None) or self._read(path)

    def _read(self, path: str) -> Draft:
        files = self.files
        shown = files.display(path)
        directory, name = os.path.split(path)
        # A file outside of the project can be named on the command line. Paths in such a file must
        # not lead out of its own directory.
        boundary, real_directory = files.real_root, files.real(directory)
        if not is_within(real_directory, boundary):
            boundary = real_directory
        real = files.real(directory, name)
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
        check_text(report, parsed.document.text, parsed)
        draft = Draft(report)
        if not parsed.is_broken:
            file = EnvironmentFile(
                files, report, directory=directory, boundary=boundary, policy=self.policy
            )
            draft = read_environment(file, parsed.content, self.versions)
        if isinstance(content, bytes):
            add_doubt(report, parsed, content)
        files.drop_nodes(real)
        return draft

    def _failed(self, shown: str, rule: str, message: str, *, fix: str) -> Draft:
        report = Report(shown, self.rules)
        report.add_problem(TextProblem(rule, message, fix=fix))
        return Draft(report)
