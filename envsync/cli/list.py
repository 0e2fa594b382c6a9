"""`envsync list`: what a target holds."""

from __future__ import annotations

import sys

from envsync.cli.session import Session
from envsync.render.state import list_text


def run(session: Session, target: str | None, *, as_json: bool, everything: bool) -> int:
    """Prints the environments of a target; archived ones only with `everything`."""
    config = session.config()
    with session.target(config, target) as opened:
        state = opened.read(None)
    containers = [state[name] for name in sorted(state) if everything or state[name].active]
    if as_json:
        session.out_json([item.summary_json(everything=everything) for item in containers])
    else:
        session.out(list_text(containers, session.paint(sys.stdout), everything=everything))
    return 0
