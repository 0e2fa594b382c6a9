"""Translation between envsync's values and a store's rows, in both directions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias, cast

from envsync.model.canonical import canonical_json
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    OsType,
    all_tags,
)
from envsync.model.errors import TargetError
from envsync.model.naming import is_number
from envsync.model.provenance import Provenance, user_tags
from envsync.model.state import Container, Modification, RegisteredVersion, State
from envsync.targets.store.rows import (
    ContainerRow,
    ContextRow,
    NewVersion,
    Snapshot,
    VersionRow,
    VersionSpec,
    parsed_tags,
)

_Rows: TypeAlias = tuple[VersionRow, ContextRow | None]
"""Everything that a version is decoded from: its row, and the row of its build context."""


class _StoredFiles(Mapping[str, str]):
    """The files of a build context.

    The list of files is parsed at first use, because most plans compare only the digest.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _files(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._text))
        except (TypeError, ValueError) as error:
            raise TargetError(
                "The local target is damaged: the list of a build context's files cannot be read. "
                "Replace the file of the target with a backup."
            ) from error

    def __getitem__(self, path: str) -> str:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def new_version(environment: Environment) -> NewVersion:
    """Converts an environment to the version that a store registers.

    Raises:
        TargetError: the files of the build context are not known.
    """
    spec = environment.spec
    build_uri = context = None
    if spec.build is not None:
        if isinstance(spec.build.context, str):
            build_uri = spec.build.context
        else:
            context = _context_row(environment.key, spec.build.context)
    return NewVersion(
        name=environment.key.name,
        version=environment.key.version,
        spec=VersionSpec(
            image=spec.image,
            conda_file=spec.conda_file,
            build_uri=build_uri,
            build_context=context and context.digest,
            dockerfile_path=None if spec.build is None else spec.build.dockerfile_path,
            os_type=spec.os_type,
            inference_config=(
                None
                if spec.inference_config is None
                else canonical_json(spec.inference_config.to_json())
            ),
        ),
        description=environment.metadata.description,
        tags=all_tags(environment.metadata, environment.provenance),
        context=context,
    )


class Decoder:
    """Converts the content of a store to envsync's model.

    Decoding a row takes longer than reading it. A process that registers versions reads the other
    versions of their environments again and again, so the decoder keeps these versions.
    """

    def __init__(self, location: Callable[[str], str]) -> None:
        """Creates a decoder that keeps nothing yet.

        Args:
            location: a function that returns the directory of the build context with a given
                digest.
        """
        self._location = location
        self._kept: dict[str, dict[_Rows, RegisteredVersion]] = {}

    def state(self, snapshot: Snapshot, *, keep: bool = False) -> State:
        """Converts the content of a store.

        Args:
            snapshot: the rows.
            keep: whether to keep the versions for later calls, because the environments in
                `snapshot` are about to be changed.

        Raises:
            KeyError, TypeError, ValueError: a row contains a value that envsync does not write.
        """
        stored = {row.digest: row for row in snapshot.contexts}
        contexts = {row.digest: self._context(row) for row in snapshot.contexts}
        versions: defaultdict[str, list[RegisteredVersion]] = defaultdict(list)
        decoded: defaultdict[str, dict[_Rows, RegisteredVersion]] = defaultdict(dict)
        for row in snapshot.versions:
            context = row.build_context
            rows = row, None if context is None else stored[context]
            kept = self._kept.get(row.name)
            item = kept.get(rows) if kept else None
            item = item or _registered(row, contexts)
            versions[row.name].append(item)
            if keep:
                decoded[row.name][rows] = item
        self._kept.update(decoded)
        return {
            row.name: Container(
                row.name,
                versions=tuple(versions[row.name]),
                archived=bool(row.archived),
                next_version=next_version(versions[row.name]),
                modified=_modification(row),
            )
            for row in snapshot.containers
        }

    def _context(self, row: ContextRow) -> BuildContext:
        files = _StoredFiles(row.files)
        return BuildContext(row.digest, files, directory=self._location(row.digest))


def next_version(versions: Sequence[RegisteredVersion]) -> str:
    """Returns the name that the local target suggests for the next version of an environment.

    If all versions are integers, the name is the highest integer plus one. Otherwise, the name is
    the first free number above the number of versions.
    """
    # In recorded responses, the service suggests a counter, a timestamp (in 2022), or `1` if
    # versions are not numbers (in 2025). No code relies on the suggested name, so the local target
    # can suggest another name than the service.
    taken = {version.version for version in versions}
    numbers = [int(version) for version in taken if is_number(version)]
    number = (max(numbers, default=0) if len(numbers) == len(taken) else len(taken)) + 1
    while str(number) in taken:
        number += 1
    return str(number)


def _context_row(key: EnvironmentKey, context: BuildContext) -> ContextRow:
    if context.digest is None or context.files is None:
        raise TargetError(
            f"{key} cannot be registered: the content of its build context is not known."
        )
    return ContextRow(
        context.digest,
        canonical_json(dict(context.files)),
    )


def _registered(row: VersionRow, contexts: Mapping[str, BuildContext]) -> RegisteredVersion:
    build = inference_config = None
    if row.build_context is not None:
        build = Build(contexts[row.build_context], str(row.dockerfile_path))
    elif row.build_uri is not None:
        build = Build(row.build_uri, str(row.dockerfile_path))
    if row.inference_config is not None:
        inference_config = InferenceConfig.from_json(json.loads(row.inference_config))
    # Versions without tags are frequent, so skip the JSON parser if there are no tags.
    tags = parsed_tags(row.tags) if row.tags != "{}" else {}
    return RegisteredVersion(
        Environment(
            key=EnvironmentKey(row.name, row.version),
            spec=EnvironmentSpec(
                image=row.image,
                conda_file=row.conda_file,
                build=build,
                os_type=cast("OsType", row.os_type),
                inference_config=inference_config,
            ),
            metadata=Metadata(row.description, user_tags(tags)),
            provenance=Provenance.from_tags(tags),
        ),
        archived=bool(row.archived),
        created=row.created_at,
        curated=bool(row.curated),
        modified=_modification(row),
    )


def _modification(row: VersionRow | ContainerRow) -> Modification | None:
    """Returns the last write after the creation, or None if there was none."""
    if row.modified_at == row.created_at:
        return None
    return Modification(row.modified_by, row.modified_at)
