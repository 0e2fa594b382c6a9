"""Checks the Dockerfile of a local build context: its size, and its base images.

A Dockerfile has no comments at the end of a line, so `# envsync: ignore[rule-id]` is written on a
line of its own above the instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envsync.model.policy import FilePolicy
from envsync.project.dockerfile.base_images import BaseImage, Dockerfile
from envsync.project.environment.image_rules import Finding, check_image, check_unknown_image
from envsync.project.environment.paths import EnvironmentFile
from envsync.project.files import Unreadable
from envsync.project.problems import Report, ignored_in
from envsync.project.yaml.nodes import TextProblem

MAX_BYTES: Final = 100_000
"""The size of the largest Dockerfile that Azure ML accepts: 100 KB.

Source: https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-environments,
"Dockerfile length over limit".
"""


_NOT_READ: Final = (
    f"envsync does not read the images of a Dockerfile with more than {MAX_BYTES:,} bytes."
)


def read_dockerfile(file: EnvironmentFile, path: str, content: bytes | None) -> Report | None:
    """Returns the problems of a Dockerfile, or None if it cannot be read.

    Args:
        file: the environment file that names the Dockerfile.
        path: the absolute path of the Dockerfile.
        content: the content of the Dockerfile, or None if it must be read.
    """
    # Several environments can use the same Dockerfile. These environments share one `Report`, so
    # that each problem of the Dockerfile is reported once.
    known = file.files.dockerfiles.get(path)
    if known is None:
        found = file.files.content(path) if content is None else content
        if isinstance(found, Unreadable):
            return None
        known = file.files.dockerfiles[path] = _check(file, path, found)
    return known


def _check(file: EnvironmentFile, path: str, content: bytes) -> Report:
    text = content.decode(errors="replace")
    report = Report(file.files.display(path), file.report.rules, _ignored(text))
    if len(content) > MAX_BYTES:
        message = f"The Dockerfile has {len(content):,} bytes, and Azure ML accepts at most 100 KB."
        fix = "Move scripts and data into files of the build context, and copy them with `COPY`."
        report.add_problem(TextProblem("large-dockerfile", message, fix=fix))
        # The file is not parsed, because Azure ML refuses it, and a megabyte of `FROM` lines would
        # take seconds. A large file must not bypass a policy, so its images count as unknown.
        for found in check_unknown_image("FROM", _NOT_READ, file.policy):
            report.add_problem(TextProblem(found.rule, found.message, fix=found.fix))
        return report
    dockerfile = file.files.memo.result(Dockerfile.parse, text, _size_of_images)
    for base in dockerfile.images:
        line, column = dockerfile.position(base.image_at)
        for found in _findings(base, file.policy):
            report.add_problem(
                TextProblem(found.rule, found.message, fix=found.fix, line=line, column=column)
            )
    return report


def _size_of_images(text: str) -> int:
    """Returns an upper bound for the memory of the images of a Dockerfile, in bytes."""
    return 100 * len(text)  # a parsed image has an object for each of its characters


def _findings(base: BaseImage, policy: FilePolicy) -> Iterator[Finding]:
    text = base.text
    if base.problem or not text:
        yield from check_unknown_image(base.written, base.problem, policy)
    else:
        yield from check_image(text, policy)


def _ignored(text: str) -> dict[int, frozenset[str]]:
    """Returns the rules that comments turn off.

    The keys are the 1-based lines of the instructions below the comments.
    """
    ignored: dict[int, frozenset[str]] = {}
    rules: frozenset[str] = frozenset()
    if "envsync:" not in text:
        return ignored
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            rules |= ignored_in(stripped)
        elif stripped:
            if rules:
                ignored[number] = rules
            rules = frozenset()
    return ignored
