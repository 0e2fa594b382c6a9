"""`envsync validate`: all problems of all files at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envsync.cli.options import ProblemsFormat
from envsync.cli.problems import show_problems
from envsync.cli.session import Session
from envsync.model.errors import InvalidProject
from envsync.project.load import Loaded, load


def run(session: Session, paths: Sequence[Path], output: ProblemsFormat, *, strict: bool) -> int:
    """Prints every problem; 1 if one of them is an error, or with `strict` a warning."""
    loaded = _load(session, paths)
    show_problems(
        session,
        output,
        loaded.problems,
        files=loaded.files,
        environments=len(loaded.declarations),
    )
    failing = {"error", "warning"} if strict else {"error"}
    return int(any(problem.severity in failing for problem in loaded.problems))


def _load(session: Session, paths: Sequence[Path]) -> Loaded:
    """The environment files; none of them where `envsync.yaml` does not say how to read them."""
    try:
        config = session.config()
    except InvalidProject as error:
        return Loaded((), (), error.problems)
    return load(
        config.root,
        config.root / config.environments,
        rules=config.rules,
        versions=config.versions,
        paths=[path.absolute() for path in paths] or None,
    )
