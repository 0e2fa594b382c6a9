"""`Session`: the global options, and the two streams that commands write to."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from msgspec import Struct
from msgspec.structs import replace

from envsync.cli.color import Color
from envsync.cli.place import shown_path
from envsync.cli.streams import line_width, understands_escapes
from envsync.model.masking import masked, masked_json
from envsync.model.wording import COMMAND, printable, shown_lines

# Every command imports this module. Slow packages, such as YAML, are imported inside the functions
# that use them.
if TYPE_CHECKING:
    from envsync.model.canonical import JSON
    from envsync.model.target import Target
    from envsync.project.project import Project
    from envsync.project.settings.config import Config
    from envsync.render.paint import Paint
    from envsync.render.places import Place
    from envsync.targets.connection import Connection


class Session(Struct, frozen=True):
    """The global options of one run of the command line.

    Attributes:
        config_file: the value of `--config`. If None, `envsync.yaml` is searched for.
        quiet: whether to print only results and errors.
        verbose: whether to print long values in full.
        color: when to use colour.
        debug_http: the file to which requests to Azure are appended, without secrets.
    """

    config_file: Path | None = None
    quiet: bool = False
    verbose: bool = False
    color: Color = Color.AUTO
    debug_http: Path | None = None

    @property
    def root(self) -> Path:
        """The project directory. The property works even if `envsync.yaml` has errors."""
        from envsync.project.settings.file import config_path

        # Do not call `config()`, which raises an error if `envsync.yaml` has errors. The report of
        # these errors needs the project directory.
        found = config_path(self.config_file, Path.cwd())
        return Path.cwd() if found is None else found.parent

    @property
    def shown(self) -> Place:
        """The function that converts the path of a project file to the path that the user sees."""
        return partial(shown_path, self.root)

    def config(self) -> Config:
        """Reads the settings of the project that contains the working directory.

        Raises:
            InvalidProject: `envsync.yaml` has errors.
        """
        from envsync.project.settings.config import load_config

        return load_config(self.config_file, Path.cwd())

    def project(self, meanwhile: Callable[[Config], object] | None = None) -> Project:
        """Loads the project that contains the working directory, and prints its warnings.

        Args:
            meanwhile: called with the settings while other processes read environment files. Not
                called if there are few files.

        Raises:
            InvalidProject: `envsync.yaml` or an environment file has errors.
        """
        from envsync.project.project import read_project

        config = self.config()
        project = read_project(config, partial(meanwhile, config) if meanwhile else None)
        if not self.quiet and project.warnings:
            from envsync.render.places import placed_problems
            from envsync.render.problems import problems_text

            warnings = placed_problems(project.warnings, self.shown)
            self.err(problems_text(warnings, paint=self.paint(sys.stderr)))
        return project

    @contextmanager
    def target(
        self, config: Config, name: str | None, parallel: int | None = None
    ) -> Iterator[Target]:
        """Opens a target, and closes it at the end of the block.

        Args:
            config: the settings that contain the target.
            name: the name of the target. If None, the default target is opened.
            parallel: see `connection`.

        Raises:
            UsageError: the settings contain no target of this name.
        """
        from envsync.targets.kinds import open_target

        chosen = config.target(name)
        connection = self.connection(chosen.name, parallel)
        with closing(open_target(chosen, config.root, connection)) as opened:
            yield opened

    def connection(self, name: str, parallel: int | None = None) -> Connection:
        """Returns the settings of a connection to Azure.

        Args:
            name: the name of the target, for the progress.
            parallel: the maximum number of concurrent requests. None means `DEFAULT_PARALLEL`.
        """
        from envsync.model.target import DEFAULT_PARALLEL
        from envsync.targets.connection import Connection

        return Connection(
            parallel=DEFAULT_PARALLEL if parallel is None else parallel,
            debug_http=self.debug_http,
            warn=lambda text: self.err(f"Warning: {text}"),
            reading=lambda: self.progress(f"Reading {name}"),
        )

    def silent_connection(self, name: str, parallel: int | None = None) -> Connection:
        """Returns the settings of a connection that shows no progress.

        A command that reads several targets at the same time shows the number of targets instead.
        """
        from envsync.targets.connection import in_silence

        return replace(self.connection(name, parallel), reading=in_silence)

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """Shows the progress of a slow block on standard error. With `-q`, shows nothing.

        Args:
            label: what the command is doing, such as `Reading dev`.

        Yields:
            A function that the block calls with the number of finished items and the number of all
            items.
        """
        if self.quiet:
            yield lambda _done, _total: None
            return
        from envsync.cli.progress import progress

        with progress(label, color=self.use_color(sys.stderr)) as advance:
            yield advance

    def use_color(self, stream: TextIO) -> bool:
        """Returns True if text for a stream is coloured.

        `--color` decides. With `auto`, text is coloured on a terminal, unless TERM is `dumb`, or
        NO_COLOR is set to a value that is not empty (https://no-color.org).
        """
        if self.color is Color.AUTO:
            return understands_escapes(stream) and not os.environ.get("NO_COLOR")
        return self.color is Color.ALWAYS

    def paint(self, stream: TextIO) -> Paint:
        """Returns the function that colours text for a stream."""
        from envsync.render.paint import painter

        return painter(self.use_color(stream))

    @property
    def width(self) -> int:
        """The maximum width, in columns, of a line on standard output."""
        return line_width(sys.stdout)

    # Flush both streams after each write. Otherwise the log of a pipeline would contain results and
    # errors in the wrong order, because only standard output is buffered.

    def out(self, text: str) -> None:
        """Writes a result to standard output.

        Escapes control characters (see `err`), and commands that a pipeline would execute.
        """
        self.out_commands(shown_lines(text, color=self.use_color(sys.stdout)))

    def out_commands(self, text: str) -> None:
        """Writes a result to standard output. Does not escape commands for a pipeline."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Writes to standard output a text that is not a result. With `-q`, writes nothing."""
        if not self.quiet:
            self.out(text)

    def error(self, message: object) -> None:
        """Writes an error to standard error, in printable characters.

        A line break is kept only before an indented line, as in a list of commands.
        """
        text = "\n".join(map(printable, re.split(r"\n(?=  \S)", str(message))))
        self.err(f"{self.paint(sys.stderr)('bold red', 'Error:')} {text}")

    def err(self, text: str) -> None:
        """Writes progress, a warning or an error to standard error.

        Escapes control characters, and characters that change the direction of text. Keeps line
        breaks. Keeps colour codes if standard error is coloured.
        """
        text = masked(shown_lines(text, color=self.use_color(sys.stderr)))
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()

    def out_json(self, data: JSON) -> None:
        """Writes a result to standard output as JSON."""
        # `main` sets "backslashreplace" on the stream. Without UTF-8, the stream would write é as
        # `\xe9`, which is not valid JSON.
        utf8 = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
        self.out_commands(json_text(masked_json(data), ascii_only=not utf8))


def json_text(data: JSON, *, ascii_only: bool = False) -> str:
    """Returns indented JSON that every stream and file can encode.

    A file name that is not valid UTF-8 contains surrogates, which cannot be encoded. This function
    escapes surrogates (https://peps.python.org/pep-0383/). The function also escapes characters
    that a terminal does not show, and the `#` of commands that a pipeline would execute, such as
    `##[error]`.

    Args:
        data: the JSON data.
        ascii_only: whether to escape every character outside ASCII.
    """
    import json

    text = json.dumps(data, indent=2, ensure_ascii=ascii_only)
    text = re.sub(COMMAND, lambda found: f"\\u0023{found.group()[1:]}", text)
    return re.sub(_NOT_SHOWN, lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


# Matches surrogates, control characters that JSON does not escape, and characters that change the
# direction of text.
_NOT_SHOWN: Final = "[\ud800-\udfff\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
