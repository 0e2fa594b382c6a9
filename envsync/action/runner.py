"""`Runner`: the machine that runs a step: its log, its outputs, its summary and its annotations.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsync.model.errors import EnvsyncError

MAX_SUMMARY: Final = 1 << 20
"""Bytes of a step's summary; GitHub drops one that is longer."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Where a step writes to.

    Attributes:
        workspace: the directory that the repository was checked out to.
        temporary: a directory that lasts as long as the job.
        outputs: the file of the step's outputs; None where nobody reads them.
        summary: the file of the step's summary, likewise.
    """

    workspace: Path
    temporary: Path
    outputs: Path | None = None
    summary: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Runner:
        """As GitHub's variables describe it."""

        def path(name: str) -> Path | None:
            return Path(environ[name]) if environ.get(name) else None

        import tempfile

        return cls(
            workspace=path("GITHUB_WORKSPACE") or Path.cwd(),
            temporary=path("RUNNER_TEMP") or Path(tempfile.gettempdir()),
            outputs=path("GITHUB_OUTPUT"),
            summary=path("GITHUB_STEP_SUMMARY"),
        )

    def log(self, text: str) -> None:
        """Shows text in the log, in which the runner obeys no command: it came out of files."""
        if not text.strip():
            return
        fence = secrets.token_hex(16)
        self.command(f"::stop-commands::{fence}\n{text.rstrip()}\n::{fence}::\n")

    def command(self, text: str) -> None:
        """Tells the runner something, such as an annotation; `text` is whole lines."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def notice(self, message: str, level: str = "notice") -> None:
        """An annotation of the whole step: `notice`, `warning` or `error`."""
        escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        self.command(f"::{level} title=envsync::{escaped}\n")

    def output(self, values: Mapping[str, str]) -> None:
        """Sets outputs; the end of each is a word that no value can know."""
        lines = []
        for name, value in values.items():
            end = secrets.token_hex(16)
            lines.append(f"{name}<<{end}\n{value}\n{end}\n")
        self._append(self.outputs, "".join(lines))

    def summarize(self, markdown: str) -> None:
        """Adds to the summary of the job."""
        self._append(self.summary, markdown.rstrip() + "\n")

    def _append(self, path: Path | None, text: str) -> None:
        if path is None:
            return
        try:
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise EnvsyncError(f"{path} cannot be written: {error.strerror or error}.") from error
