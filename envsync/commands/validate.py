"""`envsync validate`: all problems of all files at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from envsync.commands.session import Session
from envsync.render.problems import problems_json, problems_summary, problems_text
from envsync.source.load import load


def run(session: Session, paths: Sequence[Path], *, as_json: bool, strict: bool) -> int:
    """Prints every problem; 1 if one of them is an error, or with `strict` a warning."""
    config = session.config()
    loaded = load(
        config.root,
        config.root / config.environments,
        rules=config.rules,
        versions=config.versions,
        paths=[path.absolute() for path in paths] or None,
    )
    if as_json:
        session.out_json(problems_json(loaded.problems, loaded.files, len(loaded.declarations)))
    else:
        paint = session.paint(sys.stdout)
        text = problems_text(loaded.problems, paint)
        if not session.quiet:
            text += problems_summary(loaded.problems, loaded.files, paint)
        if text:
            session.out(text)
    return int(strict and bool(loaded.problems)) or int(
        any(problem.severity == "error" for problem in loaded.problems)
    )
