"""`seeded`: converts a directory of environment files to versions of the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from envsync.emulator.settings import Settings
from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration
from envsync.model.environment import BuildContext, Environment, EnvironmentKey
from envsync.model.errors import InvalidProject, TargetError
from envsync.targets.local.translation import new_version
from envsync.targets.store.rows import NewVersion


def seeded(directory: Path, settings: Settings) -> Iterator[NewVersion]:
    """Yields the versions that the environment files of a directory declare.

    A file without a version declares version `1`. A build context gets the URL that it would have
    after an upload. The files of the build context are not uploaded.

    Args:
        directory: the directory with the environment files. The files can refer to other
            files of their project.
        settings: the account and the container of build contexts.

    Raises:
        InvalidProject: a file has errors.
        TargetError: the directory contains no environment file.
    """
    # Import the project reader only here, because only a seed needs the project reader and its YAML
    # parsers.
    from envsync.project.load import load
    from envsync.project.settings.file import find_config

    config = find_config(directory)
    root = directory if config is None else config.parent
    # Use the default severities, because the settings of a surrounding project do not apply here.
    loaded = load(root, [directory], rules={}, versions="auto")
    if any(problem.severity == "error" for problem in loaded.problems):
        raise InvalidProject(loaded.problems)
    if not loaded.files:
        raise TargetError(f"The seed {directory} contains no environment files.")
    for declaration in loaded.declarations:
        yield _new(declaration, settings)


def _new(declaration: Declaration, settings: Settings) -> NewVersion:
    spec, uri = declaration.spec, None
    if spec.build is not None and spec.local_context is not None:
        uri = _uploaded(spec.local_context, settings)
        spec = replace(spec, build=replace(spec.build, context=uri))
    key = EnvironmentKey(declaration.name, declaration.version or "1")
    conda = spec.conda_file
    text = "" if conda is None else json.dumps(json.loads(conda), indent=2)
    extra: dict[str, JSON] = {"condaFile": text}
    return replace(new_version(Environment(key, spec, declaration.metadata)), extra=extra)


def _uploaded(context: BuildContext, settings: Settings) -> str:
    # The URL contains the SHA-256 digest of the files, as in new releases of azure-ai-ml.
    digest = next(iter(context.uploads["sha256"]))
    container = settings.blob_container(settings.workspaces[0])
    directory = Path(context.directory or "context").name
    return f"{settings.blob_endpoint}/{container}/LocalUpload/{digest}/{directory}/"
