"""`envsync import`: writes environment files for registered versions that no file declares."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from msgspec.structs import replace

from envsync.api.import_draft import Style
from envsync.api.importing import Failed, Imported, imports_for, write_imports
from envsync.cli.adopt import adopt_imported
from envsync.cli.options import Format, FormatOption, TargetOption
from envsync.cli.session import Session
from envsync.cli.signals import finishing_on_signals
from envsync.cli.source import Source, new_import, open_source, parse_source
from envsync.model.canonical import JSON
from envsync.model.errors import EnvsyncError, Interrupted, UsageError
from envsync.model.target import Target
from envsync.plan.imports import Import, NotImported, Wanted
from envsync.plan.outcome import Outcome
from envsync.project.project import Project
from envsync.project.writing.staging import remove_staging
from envsync.render.imports import failed_text, import_summary, imported_text, not_imported_text
from envsync.targets.scratch import remove_scratch

EXAMPLE = "envsync import 'churn-*' --target dev --dry-run"


def run(
    context: typer.Context,
    globs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GLOB",
            help="Import only environments whose name matches GLOB. With --as, the address of one "
            "version: azureml://registries/R/environments/NAME/labels/latest, NAME:VERSION or "
            "NAME@latest.",
            show_default=False,
        ),
    ] = None,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    all_versions: Annotated[
        bool,
        typer.Option("--all-versions", help="Import every active version, not only the newest."),
    ] = False,
    unversioned: Annotated[
        bool, typer.Option("--unversioned", help="Write files without `version`.")
    ] = False,
    inline: Annotated[
        bool,
        typer.Option("--inline", help="Write the conda specification into the environment file."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files, without writing them.")
    ] = False,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Make this project the owner of the imported versions."),
    ] = False,
    new_name: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Start a new environment from one version. The version can be curated.",
        ),
    ] = None,
) -> int:
    """Write environment files for the versions in a target.

    Existing files are never changed. Exits with 1 if a version could not be imported.
    """
    session: Session = context.obj
    source = _source(globs or [], new_name)
    _ensure_possible(
        all_versions=all_versions,
        unversioned=unversioned,
        dry_run=dry_run,
        adopt=adopt,
        source=source,
    )
    project = session.project()
    if unversioned and project.config.versions == "explicit":
        raise UsageError(
            "--unversioned cannot be used, because envsync.yaml sets `versions: explicit`."
        )
    style = Style(inline=inline, nested=all_versions, dry_run=dry_run)
    outcomes: list[Outcome] = []
    verified = True
    with open_source(session, project, target, source) as opened:
        chosen: Sequence[Import | NotImported]
        if source is not None and new_name is not None:
            chosen = [new_import(project, opened, source, new_name, unversioned=unversioned)]
        else:
            wanted = Wanted(
                tuple(globs or ()),
                all_versions=all_versions,
                unversioned=unversioned,
                versions=project.config.versions,
            )
            chosen = _chosen(project, opened, wanted)
        results, interrupted = _write(session, project, opened, chosen, style)
        imported = [item for item in results if isinstance(item, Imported)]
        left = [item for item in chosen if isinstance(item, NotImported)]
        if output is Format.TEXT:
            _print(session, results, left, dry_run=dry_run)
        if adopt and imported and not interrupted:
            try:
                outcomes, verified = adopt_imported(
                    session, opened, imported, silent=output is Format.JSON
                )
            except EnvsyncError:
                # The files are already written, so the result is also printed if the adoption
                # fails.
                if output is Format.JSON:
                    session.out_json(import_json(results, left, [], dry_run=dry_run, adopt=adopt))
                raise
    failed = [item for item in results if isinstance(item, Failed)]
    if output is Format.JSON:
        session.out_json(import_json(results, left, outcomes, dry_run=dry_run, adopt=adopt))
    if interrupted:
        raise Interrupted("Interrupted. Run the command again to import the remaining versions.")
    ok = not failed and verified and all(item.status == "done" for item in outcomes)
    return 0 if ok else 1


def _source(words: Sequence[str], new_name: str | None) -> Source | None:
    """Returns the version that `--as` starts from, or None without `--as`."""
    if new_name is None:
        address = next((word for word in words if word.startswith("azureml:")), None)
        if address is not None:
            raise UsageError(
                f"{address} is the address of one version. Pass `--as NAME` to start a new "
                "environment from this version."
            )
        return None
    if len(words) != 1:
        raise UsageError("--as needs the address of exactly one version.")
    return parse_source(words[0])


def _ensure_possible(
    *, all_versions: bool, unversioned: bool, dry_run: bool, adopt: bool, source: Source | None
) -> None:
    if all_versions and unversioned:
        raise UsageError(
            "--all-versions and --unversioned exclude each other, because only one file without "
            "`version` can declare a name."
        )
    if dry_run and adopt:
        raise UsageError("--dry-run and --adopt exclude each other, because --adopt writes.")
    if source is not None and (all_versions or adopt):
        option = "--all-versions" if all_versions else "--adopt"
        raise UsageError(f"--as and {option} exclude each other: --as starts a new environment.")


def _chosen(project: Project, target: Target, wanted: Wanted) -> list[Import | NotImported]:
    """Reads the target, and returns the versions that no file declares."""
    name = target.identity.name
    suffix = project.config.target(name).scope.suffix
    return imports_for(project, name, target.read(None), replace(wanted, suffix=suffix))


def _write(
    session: Session,
    project: Project,
    target: Target,
    chosen: Iterable[Import | NotImported],
    style: Style,
) -> tuple[list[Imported | Failed], bool]:
    """Writes the chosen versions.

    The second result is True if a signal stopped the import early.
    """
    imports = [item for item in chosen if isinstance(item, Import)]
    with finishing_on_signals(_remove) as stopped, session.progress("Importing") as advance:
        found = write_imports(project, target, imports, style, advance=advance, stop=stopped)
        return list(found), stopped()


def _remove() -> None:
    remove_staging()
    remove_scratch()


def _print(
    session: Session,
    results: Sequence[Imported | Failed],
    left: Sequence[NotImported],
    *,
    dry_run: bool,
) -> None:
    paint = session.paint(sys.stdout)
    for item in results:
        address = f"{item.name}:{item.version}"
        if isinstance(item, Failed):
            session.err(failed_text(address, item.error, session.paint(sys.stderr)))
        elif not session.quiet or dry_run:
            files = [_shown(session, file) for file in item.files]
            session.out(imported_text(address, files, item.notes, paint, dry_run=dry_run))
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for other in left:
        reasons[other.reason].append(
            other.name if other.version is None else f"{other.name}:{other.version}"
        )
    if reasons and not session.quiet:
        text = not_imported_text(reasons, session.paint(sys.stderr), everything=session.verbose)
        session.err(text)
    if results:
        counts = {
            "imported": sum(isinstance(item, Imported) for item in results),
            "failed": sum(isinstance(item, Failed) for item in results),
        }
        session.out(import_summary(counts, paint, dry_run=dry_run))
    elif not left:
        session.out("Nothing to import: a file declares every environment that can be imported.")
    else:
        session.out("Nothing was imported.")


def _shown(session: Session, file: str) -> str:
    # The path of a build context ends in `/`, but `shown` removes a `/` at the end.
    return session.shown(file) + ("/" if file.endswith("/") else "")


def import_json(
    results: Iterable[Imported | Failed],
    left: Iterable[NotImported],
    outcomes: Iterable[Outcome],
    *,
    dry_run: bool,
    adopt: bool,
) -> dict[str, JSON]:
    """Returns the result of an import as JSON data.

    Args:
        results: the versions that were imported, or whose import failed.
        left: the versions that cannot be imported.
        outcomes: the outcomes of `--adopt`.
        dry_run: True if no file was written.
        adopt: True if `--adopt` was passed.
    """
    found = list(results)
    data: dict[str, JSON] = {
        "format_version": 1,
        "dry_run": dry_run,
        "imported": [item.to_json() for item in found if isinstance(item, Imported)],
        "not_imported": [item.to_json() for item in left],
        "failed": [item.to_json() for item in found if isinstance(item, Failed)],
    }
    if adopt:
        data["adopted"] = [item.to_json() for item in outcomes]
    return data
