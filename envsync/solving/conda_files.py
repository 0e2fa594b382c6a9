"""Collects the conda specifications of declarations, and reports what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.problem import Problem
from envsync.project.environment.specs import conda_fault
from envsync.project.files import Files, ParsedFile
from envsync.project.locate import Position, locate
from envsync.project.problems import Report, ignored_rules
from envsync.project.rules import Level
from envsync.project.yaml.nodes import TextProblem
from envsync.solving.channels import DEFAULTS, channels_of
from envsync.solving.request import Fault, Request, Result, Unreachable
from envsync.solving.system import shown, virtual_packages


class CondaFile(Struct, frozen=True):
    """The conda specification of one environment.

    Attributes:
        path: the absolute path of the environment file.
        image: the image on which the packages are installed.
        request: what to solve.
        items: for each dependency of the request, its index in the specification. Requirements for
            pip and addresses of packages are not part of the request.
        channels: the channels of the specification, as they are written.
    """

    path: str
    image: str
    request: Request
    items: tuple[int, ...]
    channels: tuple[str, ...]


def conda_files(
    root: Path,
    declarations: Iterable[Declaration],
    channels: Sequence[str],
    variables: Mapping[str, str],
) -> Iterator[CondaFile]:
    """Yields the conda specification of each declared environment for Linux.

    Args:
        root: the project directory.
        declarations: the declared environments.
        channels: channels that replace the channels of the specifications. If empty, the channels
            of each specification are used.
        variables: environment variables, for the virtual packages.
    """
    for declaration in declarations:
        spec = declaration.spec
        if spec.conda_file is None or spec.image is None or spec.os_type != "Linux":
            continue
        content = json.loads(spec.conda_file)
        named = tuple(content.get("channels") or ())
        items = {
            index: _without_comment(item)
            for index, item in enumerate(content["dependencies"])
            if isinstance(item, str) and not _names_a_file(item)
        }
        used = tuple(channels) or channels_of(named, items.values())
        if channels:
            items = {index: _without_channel(item) for index, item in items.items()}
        system = virtual_packages(spec.image, variables)
        yield CondaFile(
            path=str(root / declaration.source.file),
            image=spec.image,
            request=Request(tuple(items.values()), used, system),
            items=tuple(items),
            channels=named,
        )


def _without_comment(item: str) -> str:
    # conda removes comments from dependencies as well.
    return item.partition("#")[0].strip()


def _without_channel(item: str) -> str:
    channel, separator, rest = item.partition("::")
    return rest if separator and "[" not in channel else item


def _names_a_file(item: str) -> bool:
    # `https://host/channel::name` names a package in a channel. It is not the address of a package.
    # The solver would download a package whose address is in brackets: `name[url=https://…]`.
    return "://" in (item.partition("::")[2] or item) or conda_fault(item) == "local"


@dataclass(slots=True)
class Findings:
    """Collects the problems of conda files. Applies severities, and comments that ignore problems.

    Attributes:
        files: the cache through which files are read.
        rules: severities that override the defaults of the rules.
    """

    files: Files
    rules: Mapping[str, Level]
    _reports: dict[str, Report] = field(default_factory=dict)
    _unreachable: set[str] = field(default_factory=set)

    @property
    def problems(self) -> list[Problem]:
        """The problems of all files. A file that several environments share is included once."""
        return [problem for report in self._reports.values() for problem in report.problems]

    def add(self, conda: CondaFile, result: Result) -> None:
        """Adds the result of a conda specification."""
        for fault in result.faults:
            self._add_fault(conda, fault)
        for item in result.unreachable:
            # A channel is reported once, not for each file.
            if item.channel not in self._unreachable:
                self._unreachable.add(item.channel)
                self._add_unreachable(conda, item)

    def _add_fault(self, conda: CondaFile, fault: Fault) -> None:
        others = [
            (conda.request.dependencies[index], self._dependency(conda, index).line)
            for index in fault.others
        ]
        message, fix = _words(conda, fault, others)
        position = self._dependency(conda, fault.dependency)
        self._report(position, TextProblem("unsolvable-conda", message, fix=fix))

    def _add_unreachable(self, conda: CondaFile, item: Unreachable) -> None:
        field = "channels"
        if item.channel in conda.channels:
            field = f"channels[{conda.channels.index(item.channel)}]"
        message = f"The channel `{item.channel}` cannot be read: {_sentence(item.reason)}"
        fix = "Check its address and your connection, or pass a mirror with `--channel`."
        if item.channel == DEFAULTS and DEFAULTS not in conda.channels:
            fix = f"conda uses it because `channels` does not contain `nodefaults`. {fix}"
        self._report(
            self._position(conda, field), TextProblem("unreachable-channel", message, fix=fix)
        )

    def _dependency(self, conda: CondaFile, index: int) -> Position:
        return self._position(conda, f"dependencies[{conda.items[index]}]")

    def _position(self, conda: CondaFile, name: str) -> Position:
        found = locate(conda.path, f"conda_file.{name}", self.files)
        return found or Position(self.files.display(conda.path), 1, 1)

    def _report(self, position: Position, problem: TextProblem) -> None:
        report = self._reports.get(position.file)
        if report is None:
            parsed = self.files.read(str(Path(self.files.root) / position.file))
            ignored = ignored_rules(parsed.document) if isinstance(parsed, ParsedFile) else {}
            report = self._reports[position.file] = Report(position.file, self.rules, ignored)
        report.add_problem(replace(problem, line=position.line, column=position.column))


def _words(conda: CondaFile, fault: Fault, others: Sequence[tuple[str, int]]) -> tuple[str, str]:
    """Returns the message and the fix for a fault.

    Args:
        conda: the conda specification.
        fault: the fault.
        others: the dependencies that are in conflict, each with its line.
    """
    dependency = conda.request.dependencies[fault.dependency]
    near = " or ".join(f"`{item}`" for item in fault.near)
    if fault.kind == "invalid":
        message = f"The solver cannot read the dependency `{dependency}`: {_sentence(fault.reason)}"
        return message, "Write `name=version`, such as `numpy=1.26`."
    if fault.kind == "unknown":
        searched = ", ".join(f"`{channel}`" for channel in conda.request.channels) or "no channel"
        message = f"There is no package for `{dependency}` in the channels ({searched})."
        if near:
            return message, f"Did you mean {near}?"
        return message, "Correct the name, add its channel, or list a package of PyPI in `pip`."
    if fault.kind == "version":
        message = f"No version of the package matches `{dependency}`."
        return message, f"The nearest version is {near}."
    fix = "Change one of these dependencies." if others else "Use another version."
    if "__" in fault.reason:
        assumed = f"envsync assumes {shown(conda.request.system)} for the image `{conda.image}`."
        fix = f"{assumed} Use another image or version."
    listed = " and ".join(f"`{item}` (line {line})" for item, line in others)
    together = f" together with {listed}" if others else ""
    return f"`{dependency}` cannot be installed{together}: {_sentence(fault.reason)}", fix


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."
