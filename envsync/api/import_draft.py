"""`Draft`: prepares the files that `envsync import` writes for one version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.environment import Build, Metadata
from envsync.model.errors import ContextUnavailable, EnvsyncError
from envsync.model.target import KeepsContexts
from envsync.plan.compare import match_spec
from envsync.plan.imports import Import
from envsync.project.settings.scope import Scope
from envsync.project.writing.check import accept, read_back
from envsync.project.writing.document import Text, conda_text, environment_text, extra_note
from envsync.project.writing.layout import CONDA_FILE, ENVIRONMENT_FILE
from envsync.project.writing.metadata import own_metadata

if TYPE_CHECKING:
    from envsync.model.target import Target
    from envsync.project.project import Project

_CONTEXT: Final = "context"
_HIDDEN_CONTEXT: Final = ".context"
"""The name of the directory of a build context that contains environment files.

envsync searches no hidden directory for environments, so these files declare nothing.
"""

_REASONS: Final[Mapping[str, str]] = {
    # The hashes can differ because of empty directories, which a storage account cannot store.
    "other": "because the hash of the stored files is not the registered hash",
    "unknown": "because no hash proves that the stored files are the registered files",
}
"""Maps the result of a comparison to the reason why downloaded files are not used."""


class Style(Struct, frozen=True):
    """Options for the files of an import.

    Attributes:
        inline: True if the environment file contains the conda specification.
        nested: True if each version has its own directory: `NAME/VERSION`.
        dry_run: if True, no file is written, and no build context is downloaded.
    """

    inline: bool = False
    nested: bool = False
    dry_run: bool = False


class Draft:
    """The files of one version, before they are moved to their final directory.

    Attributes:
        files: the paths of the files, relative to `directory`. The environment file comes first.
        notes: sentences that say which content of the version is missing in the files.
    """

    def __init__(
        self, project: Project, target: Target, item: Import, style: Style, directory: Path
    ) -> None:
        """Prepares the files. `write` writes them.

        Args:
            project: the project, from `load_project`.
            target: the open target, from which the build context is read.
            item: the version.
            style: options for the files.
            directory: the empty directory for the files.
        """
        self._rules = project.config.rules
        self._target = target
        self._item = item
        self._style = style
        self._directory = directory
        self._metadata = _metadata(item, project, target)
        self._spec = item.item.environment.spec
        self._context: str | None = None
        self._is_new = False
        self.files: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = tuple(extra_note(item.item.extra.items()))

    def write(self) -> None:
        """Writes the files, and checks that they declare the registered version.

        Raises:
            EnvsyncError: an environment file cannot declare this version, or the build context
                cannot be read now.
        """
        self._fetch()
        self._write_files()
        if self._style.dry_run and self._context is not None:
            return  # without the files of the build context, nothing can be compared
        problem = self._problem()
        if self._context is not None and problem is not None:
            self._drop_context(problem)
            self._write_files()
            problem = self._problem()
        if problem is not None:
            raise EnvsyncError(f"The version was not imported, {problem}.")

    def _fetch(self) -> None:
        """Writes the build context.

        If the build context cannot be downloaded, `notes` says why, and what is written instead.
        """
        if self._spec.local_context is None:
            return
        try:
            self._download()
        except ContextUnavailable as error:
            if self._item.base_image is None:
                self._drop_context(str(error))
            else:
                self._start_context(self._item.base_image, str(error))
        else:
            self._context = _CONTEXT

    def _download(self) -> None:
        """Writes the files of the build context.

        Raises:
            ContextUnavailable: the target can never return the files.
            TargetError: the files cannot be read now.
        """
        target = self._target
        if not isinstance(target, KeepsContexts):
            raise ContextUnavailable("because the target does not return files")
        # A dry run downloads nothing. For a registry, this call sends no request and always raises
        # ContextUnavailable. So a dry run has the same notes as an import.
        if not self._style.dry_run or target.identity.kind == "registry":
            target.fetch_context(self._item.item, self._directory / _CONTEXT)

    def _start_context(self, image: str, reason: str) -> None:
        """Writes a build context with a Dockerfile that starts from an image."""
        place = self._directory / _CONTEXT
        place.mkdir()
        (place / "Dockerfile").write_text(f"FROM {image}\n", "utf-8", newline="\n")
        self._context, self._is_new = _CONTEXT, True
        self._spec = replace(self._spec, build=Build(_CONTEXT))
        self.notes += (
            f"The original Dockerfile was not downloaded, {reason}. The new Dockerfile starts from "
            "the image that Microsoft publishes for this environment.",
        )

    def _drop_context(self, reason: str) -> None:
        """Removes the files of the build context, and uses the address of the context instead.

        Raises:
            EnvsyncError: the version has no address of a build context.
        """
        if self._context is not None:
            shutil.rmtree(self._directory / self._context)
        self._context = None
        if self._item.item.context_uri is None:
            raise EnvsyncError(f"The files of the build context cannot be read, {reason}.")
        self.notes += (
            f"The files of the build context were not downloaded, {reason}. `build.path` is the "
            "address that Azure ML stores. To edit the files, replace the address by a directory, "
            "and declare a new version.",
        )

    def _write_files(self) -> None:
        conda = self._spec.conda_file
        apart = conda is not None and not self._style.inline
        text = Text(
            self._item.name,
            self._item.version,
            spec=self._spec,
            metadata=self._metadata,
            conda_path=CONDA_FILE if apart else None,
            build_path=self._build_path(),
            notes=self.notes,
        )
        self._put(ENVIRONMENT_FILE, environment_text(text))
        if conda is not None and apart:
            self._put(CONDA_FILE, conda_text(conda))
        self.files = (
            ENVIRONMENT_FILE,
            *((CONDA_FILE,) if apart else ()),
            *((f"{self._context}/",) if self._context else ()),
        )

    def _build_path(self) -> str | None:
        build = self._spec.build
        if build is None or self._context is not None:
            return self._context
        return build.context if isinstance(build.context, str) else self._item.item.context_uri

    def _put(self, name: str, text: str) -> None:
        # UTF-8 cannot encode a lone surrogate, but the YAML emitter has already escaped it.
        (self._directory / name).write_text(text, "utf-8", newline="\n")

    def _problem(self) -> str | None:
        """Returns why the files do not declare the registered version, or None if they do."""
        found = read_back(self._directory, self._rules)
        if found.environments > 1 and self._context == _CONTEXT:
            (self._directory / _CONTEXT).rename(self._directory / _HIDDEN_CONTEXT)
            self._context = _HIDDEN_CONTEXT
            self._write_files()
            found = read_back(self._directory, self._rules)
        if found.errors and accept(self._directory, found.errors):
            found = read_back(self._directory, self._rules)
        if found.errors:
            listed = " ".join(f"{item.message} ({item.rule})" for item in found.errors[:3])
            return f"because envsync does not accept its content: {listed.rstrip('.')}"
        declared = found.declaration
        if declared is None or self._key != (declared.name, declared.version, declared.metadata):
            return "because an environment file cannot declare its description or tags"
        match = match_spec(declared.spec, self._item.item)
        if self._is_new or match == "same":
            return None
        if self._context is None:
            return "because an environment file would declare a different spec"
        return _REASONS[match]

    @property
    def _key(self) -> tuple[str, str | None, Metadata]:
        return self._item.name, self._item.version, self._metadata


def _metadata(item: Import, project: Project, target: Target) -> Metadata:
    """Returns the description and the tags for the file of a version."""
    config = project.config
    # A curated environment can come from a registry that is not a target of the project.
    found = config.targets.get(target.identity.name)
    return own_metadata(
        item.item.environment.metadata,
        config.defaults,
        found.scope if found else Scope(),
        config.policy.ignore_tags,
    )
