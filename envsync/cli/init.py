"""`envsync init`: writes the files of a new project."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from envsync.cli.session import Session
from envsync.model.errors import EnvsyncError

EXAMPLE = "envsync init churn-models"

# Maps the path of each file in the new project to its template in `templates/`.
_FILES = {
    "envsync.yaml": "envsync.yaml",
    "environments/example.yml": "example.yml",
    ".github/workflows/envsync-plan.yml": "envsync-plan.yml",
    ".github/workflows/envsync-apply.yml": "envsync-apply.yml",
    ".github/workflows/envsync-nightly.yml": "envsync-nightly.yml",
    ".pre-commit-config.yaml": "pre-commit.yaml",
}


def run(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Directory of the project; it is created if necessary.",
            show_default="the current directory",
        ),
    ] = Path(),
) -> None:
    """Write the files of a new project and keep existing files."""
    write_project(context.obj, directory)


def write_project(session: Session, directory: Path) -> None:
    """Writes the files of a new project that do not exist yet.

    Raises:
        EnvsyncError: a file cannot be written.
    """
    templates = files("envsync") / "cli" / "templates"
    # A directory name can contain spaces, quotes and colons, which would break the YAML.
    project = re.sub(r"[^A-Za-z0-9._-]+", "-", directory.resolve().name).strip("-") or "project"
    for name, template in _FILES.items():
        path = directory / name
        text = (templates / template).read_text("utf-8").replace("{project}", project)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except FileExistsError:
            session.out(f"kept     {path}")
        except OSError as error:
            raise EnvsyncError(f"{path} cannot be written: {error.strerror or error}.") from error
        else:
            session.out(f"written  {path}")
    if not session.quiet:
        at = "" if directory.resolve() == Path.cwd() else f" -C {directory}"
        session.out(f"\nNext: envsync{at} plan")
