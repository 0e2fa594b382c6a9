"""`envsync list`: lists the environments in a target."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from envsync.cli.options import Format, FormatOption, TargetOption, complete_names
from envsync.cli.session import Session
from envsync.model.state import Container, State
from envsync.plan.hints import glob_hint
from envsync.plan.ownership import belongs_to_service
from envsync.plan.selection import matches
from envsync.render.state import list_text

EXAMPLE = "envsync list 'churn-*' --owned --format json"


def run(
    context: typer.Context,
    globs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GLOB",
            help="List only environments whose name matches GLOB.",
            show_default=False,
            autocompletion=complete_names,
        ),
    ] = None,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    owned: Annotated[
        bool, typer.Option("--owned", help="List only environments of this project.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Include archived and curated environments, and archived versions."
        ),
    ] = False,
) -> None:
    """List the environments in a target.

    Lists curated environments only if --all is given or a GLOB matches their names.
    """
    session: Session = context.obj
    config = session.config()
    chosen = config.target(target)
    project = config.policy.project if owned else None
    with session.target(config, target) as opened:
        # Reading only what one project owns is faster than reading all environments of a target.
        state = opened.read((), project) if owned else opened.read(None)
    listed, curated = _listed(
        state, globs or [], suffix=chosen.scope.suffix, owner=project, everything=everything
    )
    if config.path is None and not state and not session.quiet:
        session.err(f"{config.without_file} The default settings are used.")
    if output is Format.JSON:
        session.out_json(
            [
                {**item.summary_json(everything=everything), "curated": belongs_to_service(item)}
                for item in listed
            ]
        )
    elif listed:
        session.out(list_text(listed, session.paint(sys.stdout), everything=everything))
    else:
        session.out(_nothing(state, globs or [], suffix=chosen.scope.suffix, owner=project))
    if curated and not session.quiet:
        count = f"{curated} curated environment{' is' if curated == 1 else 's are'}"
        session.err(f"{count} not listed. Pass --all to list everything.")


def _listed(
    state: State, globs: Sequence[str], *, suffix: str, owner: str | None, everything: bool
) -> tuple[list[Container], int]:
    """Returns the environments to list, and the number of curated environments that are hidden.

    The environments are sorted by name.

    Args:
        state: the content of the target, including archived environments.
        globs: if not empty, only environments whose name matches a glob are listed.
        suffix: the suffix of the target.
        owner: if not None, only environments with a version that this project owns are listed.
        everything: whether archived environments and curated environments are listed.
    """
    listed: list[Container] = []
    curated = 0
    for _, container in sorted(state.items()):
        versions = container.versions if everything else container.active
        if not (everything or versions):
            continue
        if owner is not None and all(item.owner != owner for item in versions):
            continue
        if globs and not any(matches(container.name, glob, suffix) for glob in globs):
            continue
        if belongs_to_service(container) and not (everything or globs):
            curated += 1
            continue
        listed.append(container)
    return listed, curated


def _nothing(state: State, globs: Sequence[str], *, suffix: str, owner: str | None) -> str:
    """Returns the sentence that is printed instead of an empty list."""
    of = "" if owner is None else f" of project '{owner}'"
    if not globs:
        others = ", except archived or curated ones" if state else ""
        return f"The target has no environments{of}{others}."
    words = " or ".join(f"'{glob}'" for glob in globs)
    if any(matches(name, glob, suffix) for name in state for glob in globs):
        return f"Only archived environments{of} match {words}. Pass --all to list them."
    # One hint is enough: the other globs probably have the same mistake.
    hint = next(filter(None, (glob_hint(glob, state) for glob in globs)), "")
    return f"No environment{of} in the target matches {words}. {hint}".rstrip()
