"""`envsync schema`: the JSON Schemas of the files that envsync reads and writes."""

from __future__ import annotations

from importlib.resources import files

from envsync.cli.session import Session


def run(session: Session, kind: str) -> int:
    """Prints one schema."""
    session.out(files("envsync").joinpath("schemas", f"{kind}.json").read_text("utf-8"))
    return 0
