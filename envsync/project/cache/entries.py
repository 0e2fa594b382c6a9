"""The entries of the cache: what was read from one environment file or one conda file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from envsync.model.environment import EnvironmentSpec, Metadata
from envsync.model.problem import Problem
from envsync.project.environment.draft import Draft
from envsync.project.files import Conda
from envsync.project.problems import Report
from envsync.project.rules import Level
from envsync.project.search.candidate import Candidate
from envsync.project.search.walk import YamlFile
from envsync.project.yaml.nodes import Mark


class Problems(Struct, frozen=True, array_like=True):
    """The problems of one file.

    Attributes:
        file: see `Report`.
        ignored: see `Report`.
        found: the problems, without repetitions.
    """

    file: str
    ignored: Mapping[int, frozenset[str]]
    found: tuple[Problem, ...]

    @classmethod
    def of(cls, report: Report) -> Problems | None:
        """Returns the problems of a report, or None if the report leaves out problems."""
        found = tuple(report.problems)
        is_whole = all(report.has_room(problem.rule) for problem in found)
        return cls(report.file, report.ignored, found) if is_whole else None

    def report(self, rules: Mapping[str, Level]) -> Report:
        """Returns a report with these problems.

        Args:
            rules: severities that override the defaults of the rules, the same as before.
        """
        counts: dict[str, int] = {}
        for problem in self.found:
            counts[problem.rule] = counts.get(problem.rule, 0) + 1
        return Report(self.file, rules, self.ignored, dict.fromkeys(self.found), counts)


class CondaEntry(Struct, frozen=True, array_like=True):
    """A conda file without errors.

    Attributes:
        text: the specification as canonical JSON.
        problems: the problems of the file.
    """

    text: str
    problems: Problems

    @classmethod
    def of(cls, conda: Conda) -> CondaEntry | None:
        """Returns the entry of a conda file, or None if its problems cannot be kept."""
        problems = Problems.of(conda.report) if conda.report else None
        if conda.text is None or problems is None:
            return None
        return cls(conda.text, problems)

    def conda(self, rules: Mapping[str, Level]) -> Conda:
        """Returns the specification and a report with the problems."""
        return Conda(self.text, self.problems.report(rules))


class EnvironmentEntry(Struct, frozen=True, array_like=True):
    """An environment file that names no other file, or only a conda file without errors.

    Attributes:
        conda_text: the path of the conda file, as the environment file contains it, or None.
        has_schema: see `Candidate`.
        problems: the problems of the environment file.
        name: see `Draft`.
        version: see `Draft`.
        name_mark: see `Draft`.
        version_mark: see `Draft`.
        spec: see `Draft`. Without the specification if it is in a conda file.
        description: see `Metadata`.
        tags: see `Metadata`.
    """

    conda_text: str | None
    has_schema: bool
    problems: Problems
    name: str | None
    version: str | None
    name_mark: Mark | None
    version_mark: Mark | None
    spec: EnvironmentSpec
    description: str | None
    tags: dict[str, str]

    @classmethod
    def of(cls, candidate: Candidate, draft: Draft, conda: Conda | None) -> EnvironmentEntry | None:
        """Returns the entry of a file, or None if other files decide what was read.

        Args:
            candidate: the classified file.
            draft: what was read from the file.
            conda: the conda file that the candidate names, or None if it names no file.
        """
        problems, spec, metadata = Problems.of(draft.report), draft.spec, draft.metadata
        # Without a spec, the message of a problem can contain the names of other files.
        if problems is None or spec is None or metadata is None or draft.build_mark is not None:
            return None
        names_file = candidate.conda is not None
        if [*draft.file_reports] != ([conda.report] if names_file and conda else []):
            return None
        if names_file:
            spec = replace(spec, conda_file=None)
        return cls(
            candidate.conda_text,
            has_schema=candidate.has_schema,
            problems=problems,
            name=draft.name,
            version=draft.version,
            name_mark=draft.name_mark,
            version_mark=draft.version_mark,
            spec=spec,
            description=metadata.description,
            tags=dict(metadata.tags),
        )

    def candidate(self, file: YamlFile, conda: str | None) -> Candidate:
        """Returns the classified file.

        Args:
            file: the file.
            conda: the resolved path of the conda file that the file names, or None.
        """
        return Candidate(file, has_schema=self.has_schema, conda=conda, conda_text=self.conda_text)

    def draft(self, rules: Mapping[str, Level], conda: Conda | None) -> Draft:
        """Returns what was read from the file.

        Args:
            rules: severities that override the defaults of the rules, the same as before.
            conda: the content of the conda file, or None if the file names no conda file.
        """
        spec, reports = self.spec, tuple[Report, ...]()
        if conda is not None:
            spec = replace(spec, conda_file=conda.text)
            reports = (conda.report,) if conda.report else ()
        return Draft(
            self.problems.report(rules),
            name=self.name,
            version=self.version,
            name_mark=self.name_mark,
            version_mark=self.version_mark,
            spec=spec,
            metadata=Metadata(self.description, self.tags),
            file_reports=reports,
        )


decode_conda: Final = Decoder(CondaEntry).decode
decode_environment: Final = Decoder(EnvironmentEntry).decode
_ENCODER: Final = Encoder()


def encode(entry: CondaEntry | EnvironmentEntry | None) -> bytes | None:
    """Encodes an entry. Returns None if there is none, or if it cannot be encoded.

    A path that is not UTF-8 and a port that needs more than 64 bits cannot be encoded.
    """
    try:
        return None if entry is None else _ENCODER.encode(entry)
    except (UnicodeEncodeError, OverflowError):
        return None
