"""`envsync list`: lists the environments in a target."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from typing import Annotated

import typer

from envsync.cli.options import Format, FormatOption, TargetOption
from envsync.cli.session import Session
from envsync.render.state import list_text

EXAMPLE = "envsync list --all --format json"


def run(
    context: typer.Context,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    everything: Annotated[
        bool, typer.Option("--all", help="Include archived environments and versions.")
    ] = False,
) -> None:
    """List the environments in a target."""
    session: Session = context.obj
    with session.target(session.config(), target) as opened:
        state = opened.read(None)
    # `read(None)` returns archived environments as well.
    containers = [state[name] for name in sorted(state) if everything or state[name].active]
    if output is Format.JSON:
        session.out_json([item.summary_json(everything=everything) for item in containers])
    else:
        session.out(list_text(containers, session.paint(sys.stdout), everything=everything))
