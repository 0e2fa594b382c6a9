"""`Session`: what the global options say, and the two streams that commands write to."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from envsync.model.target import DEFAULT_PARALLEL
from envsync.targets.connection import Connection

if TYPE_CHECKING:
    from envsync.model.canonical import JSON
    from envsync.model.target import Target
    from envsync.project.project import Project
    from envsync.project.settings.config import Config
    from envsync.render.paint import Paint


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line.

    Attributes:
        config_file: `--config`, if given.
        quiet: only results and errors.
        verbose: long values whole.
        color: when to use colour.
        debug_http: where requests to Azure are written down, without secrets.
    """

    config_file: Path | None = None
    quiet: bool = False
    verbose: bool = False
    color: Color = Color.AUTO
    debug_http: Path | None = None

    @property
    def root(self) -> Path:
        """The project directory; known also where `envsync.yaml` has errors."""
        from envsync.project.settings.config import config_path

        found = config_path(self.config_file, Path.cwd())
        return Path.cwd() if found is None else found.parent

    def config(self) -> Config:
        """The settings of the project that the working directory lies in."""
        from envsync.project.settings.config import load_config

        return load_config(self.config_file, Path.cwd())

    def project(self) -> Project:
        """The project that the working directory lies in; its warnings go to standard error."""
        from envsync.project.project import load_project

        project = load_project(Path.cwd(), self.config_file)
        if not self.quiet and project.warnings:
            from envsync.render.problems import problems_text

            self.err(problems_text(project.warnings, paint=self.paint(sys.stderr)))
        return project

    @contextmanager
    def target(
        self, config: Config, name: str | None, parallel: int = DEFAULT_PARALLEL
    ) -> Iterator[Target]:
        """A target of the project, open; `name=None` is the default one."""
        from envsync.targets.kinds import open_target

        connection = Connection(parallel=parallel, debug_http=self.debug_http)
        with closing(open_target(config.target(name), config.root, connection)) as opened:
            yield opened

    def use_color(self, stream: TextIO) -> bool:
        """Whether text for this stream is coloured: `--color`, else NO_COLOR, else a terminal."""
        if self.color is Color.AUTO:
            return stream.isatty() and not os.environ.get("NO_COLOR")
        return self.color is Color.ALWAYS

    def paint(self, stream: TextIO) -> Paint:
        """How to colour text for this stream."""
        from envsync.render.paint import painter

        return painter(self.use_color(stream))

    @property
    def width(self) -> int:
        """Columns of the terminal; 80 where there is none."""
        return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80

    def out(self, text: str) -> None:
        """Writes a result to standard output."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def err(self, text: str) -> None:
        """Writes a warning or an error to standard error."""
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()

    def out_json(self, data: JSON) -> None:
        """Writes a result as JSON."""
        utf8 = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
        self.out(json_text(data, ascii_only=not utf8))


def json_text(data: JSON, *, ascii_only: bool = False) -> str:
    """JSON for people to read, which every stream and file takes.

    The name of a file that is not UTF-8 holds surrogates; those are spelt out, all else stands.
    """
    import json
    import re

    text = json.dumps(data, indent=2, ensure_ascii=ascii_only)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"
