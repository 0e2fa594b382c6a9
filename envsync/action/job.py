"""`Job`: directories, log, outputs and summary of the workflow job that a step runs in.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from envsync.model.errors import EnvsyncError
from envsync.model.wording import printable

MAX_SUMMARY: Final = 1 << 20
"""Maximum size of a step's summary in bytes. GitHub discards a longer summary."""


class Job(Struct, frozen=True):
    """The job that the step belongs to.

    Attributes:
        workspace: the directory that the repository is checked out to.
        temporary: a directory that GitHub empties at the end of the job.
        outputs: the file for the step's outputs; None outside of a workflow.
        summary: the file for the step's summary; None outside of a workflow.
    """

    workspace: Path
    temporary: Path
    outputs: Path | None = None
    summary: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Job:
        """Returns the job that GitHub's environment variables describe."""

        def path(name: str) -> Path | None:
            return Path(environ[name]) if environ.get(name) else None

        return cls(
            workspace=path("GITHUB_WORKSPACE") or Path.cwd(),
            temporary=path("RUNNER_TEMP") or Path(tempfile.gettempdir()),
            outputs=path("GITHUB_OUTPUT"),
            summary=path("GITHUB_STEP_SUMMARY"),
        )

    def log(self, text: str) -> None:
        """Prints text to the log. GitHub does not execute workflow commands in this text."""
        if not text.strip():
            return
        # The text can quote a file of a pull request. GitHub must not execute a line such as
        # `::error::` from this file. After the text, the token makes GitHub execute commands
        # again. The token is random, because a file could contain a fixed token.
        token = secrets.token_hex(16)
        self.write_commands(f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::\n")

    def write_commands(self, commands: str) -> None:
        """Prints workflow commands, such as annotations. Each command is a complete line."""
        sys.stdout.write(commands)
        # Flush, because standard output is buffered in a workflow, and the log would show the lines
        # late.
        sys.stdout.flush()

    def annotate(self, message: str, level: str = "notice") -> None:
        """Adds an annotation to the step.

        Args:
            message: the text. Line breaks in the text are escaped.
            level: `notice`, `warning` or `error`.
        """
        message = "\n".join(map(printable, message.split("\n")))
        escaped = message.replace("%", "%25").replace("\n", "%0A")
        self.write_commands(f"::{level} title=envsync::{escaped}\n")

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """Sets outputs of the step.

        Raises:
            EnvsyncError: the file for outputs cannot be written.
        """
        lines = []
        for name, value in values.items():
            # The delimiter is random, because a value that contains the delimiter could set other
            # outputs.
            delimiter = secrets.token_hex(16)
            lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
        self._append(self.outputs, "".join(lines))

    def add_summary(self, markdown: str) -> None:
        """Appends Markdown to the summary of the job.

        Raises:
            EnvsyncError: the file for the summary cannot be written.
        """
        self._append(self.summary, markdown.rstrip() + "\n")

    def _append(self, path: Path | None, text: str) -> None:
        if path is None:
            return
        try:
            with path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise EnvsyncError(f"{path} cannot be written: {error.strerror or error}.") from error
