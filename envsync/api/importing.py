"""Writes environment files for registered versions, with their conda files and build contexts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from envsync.api.import_draft import Draft, Style
from envsync.model.canonical import JSON
from envsync.model.environment import Metadata
from envsync.model.errors import EnvsyncError
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.imports import Import, NotImported, Wanted, choose_imports
from envsync.project.for_target import left_out_reason, of_other_targets
from envsync.project.project import Project
from envsync.project.writing.layout import Layout
from envsync.project.writing.staging import publish, staging

if TYPE_CHECKING:
    from envsync.model.state import RegisteredVersion, State
    from envsync.model.target import Target


class Imported(Struct, frozen=True):
    """One imported version. In a dry run, its files were not written.

    Attributes:
        name: the declared name.
        version: the registered version.
        files: the new files, relative to the project directory. The path of a build context ends in
            `/`. The environment file comes first.
        notes: sentences that say which content of the version is missing in the files.
    """

    name: str
    version: str
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Returns the version as JSON data."""
        return {
            "name": self.name,
            "version": self.version,
            "files": list(self.files),
            "notes": list(self.notes),
        }


class Failed(Struct, frozen=True):
    """One version that could not be imported, with the error message."""

    name: str
    version: str
    error: str

    def to_json(self) -> dict[str, JSON]:
        """Returns the version as JSON data."""
        return {"name": self.name, "version": self.version, "error": self.error}


def imports_for(
    project: Project, target: str, state: State, wanted: Wanted
) -> list[Import | NotImported]:
    """Returns the versions of a target that no file of a project declares.

    Args:
        project: the project, from `load_project`.
        target: the name of the target.
        state: every container of the target.
        wanted: which environments and versions are imported.

    Raises:
        EnvsyncError: a glob matches no environment that can be imported.
    """
    config, suffix = project.config, wanted.suffix
    names = {item.name + suffix for item in project.declarations}
    others = of_other_targets(state.keys() - names, project.declarations, config, target)

    def left_out(name: str) -> str | None:
        if name in others:
            return "it belongs to another target of envsync.yaml"
        if not name.endswith(suffix):
            return f"its name does not end with the suffix of the target, `{suffix}`"
        return left_out_reason(name.removesuffix(suffix), config, target)

    return choose_imports(
        state, project.declarations, wanted, project=config.policy.project, left_out=left_out
    )


def write_imports(
    project: Project,
    target: Target,
    imports: Sequence[Import],
    style: Style,
    *,
    parallel: int = DEFAULT_PARALLEL,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Imported | Failed]:
    """Writes the files of registered versions. Yields one result for each version, in order.

    The files of one version appear together or not at all. No existing file or directory is
    changed.

    Args:
        project: the project, from `load_project`.
        target: the open target, from which build contexts are read.
        imports: the versions to write.
        style: options for the files.
        parallel: the maximum number of versions that are written at the same time.
        advance: a function that is called with the number of finished versions, and the number of
            all versions.
        stop: a function that is called before each version. Once the function returns True, the
            remaining versions are left out.

    Raises:
        EnvsyncError: the environments directory cannot be written.
    """
    if not imports:
        return
    layout = Layout(project)
    places = [layout.place(item.name, item.version, nested=style.nested) for item in imports]
    with ExitStack() as stack:
        if style.dry_run:
            from envsync.targets.scratch import scratch_directory

            directory = Path(stack.enter_context(scratch_directory()))
        else:
            directory = stack.enter_context(staging(layout.directory))
        writer = _Writer(project, target, style, directory)
        pool = ThreadPoolExecutor(max_workers=max(1, parallel))
        # After an interrupt, versions that are not started yet are cancelled.
        stack.callback(pool.shutdown, cancel_futures=True)
        advance(0, len(imports))

        def write(item: Import, place: Path | None, number: int) -> Imported | Failed | None:
            return None if stop() else writer.write(item, place, number)

        results = pool.map(write, imports, places, range(len(imports)))
        for done, result in enumerate(results, start=1):
            advance(done, len(imports))
            if result is not None:
                yield result


class _Writer(Struct, frozen=True):
    """Writes single versions. Several threads can call `write` at the same time."""

    project: Project
    target: Target
    style: Style
    directory: Path

    def write(self, item: Import, place: Path | None, number: int) -> Imported | Failed:
        """Writes the files of one version. If writing fails, the result contains the reason."""
        version = item.item.version
        if place is None:
            return Failed(
                item.name,
                version,
                "There is no directory for the new file: the environments directory is in a build "
                "context, or `exclude` matches every new file. Move the build context, or change "
                "`exclude`.",
            )
        staged = self.directory / str(number)
        try:
            staged.mkdir()
            draft = Draft(self.project, self.target, item, self.style, staged)
            draft.write()
            if not self.style.dry_run:
                publish(staged, place)
        except EnvsyncError as error:
            return Failed(item.name, version, str(error))
        except OSError as error:
            return Failed(item.name, version, f"{place} cannot be written: {error}.")
        base = os.path.relpath(place, self.project.config.root).replace(os.sep, "/")
        return Imported(
            item.name, version, tuple(f"{base}/{file}" for file in draft.files), draft.notes
        )


def started_from(
    item: RegisteredVersion,
    name: str,
    version: str | None,
    *,
    origin: str,
    base_image: str | None = None,
) -> Import:
    """Returns the import that copies a registered version to a new environment.

    Args:
        item: the registered version.
        name: the name of the new environment.
        version: the version of the new environment. If None, the new file has no `version`.
        origin: the address of the registered version. The description of the new environment
            contains this address.
        base_image: see `Import`.
    """
    metadata = Metadata(f"Started as a copy of {origin}.")
    environment = replace(item.environment, metadata=metadata)
    copy = replace(item, environment=environment, extra={})
    return Import(copy, name, version, base_image)
