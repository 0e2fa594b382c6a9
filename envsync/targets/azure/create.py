"""Creates versions with Microsoft's own azure-ai-ml, which also uploads build contexts.

Importing it takes over a second and some 100 MB, so nothing here does before something is created.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import HttpTransport

from envsync.model.environment import (
    BuildContext,
    Environment,
    EnvironmentSpec,
    all_tags,
)
from envsync.model.errors import EnvsyncError, TargetError
from envsync.model.wording import install
from envsync.targets.azure.http.clouds import Cloud
from envsync.targets.azure.http.errors import explained
from envsync.targets.azure.http.uploads import Uploads
from envsync.targets.scratch import scratch_directory

if TYPE_CHECKING:
    from azure.ai.ml import MLClient, entities

_POLLING_INTERVAL = 1
"""Seconds between two looks at a long-running operation that asks for no time of its own."""

_MOST_RETRIES = 500
"""More than fit into the time limit, which is what counts."""


class Creator:
    """azure-ai-ml's client for one workspace or registry, made when something is created.

    Creating may go on in several threads at once. Making the client may not: it sets variables of
    the process.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        scope: Mapping[str, str],
        *,
        time_limit: float,
    ) -> None:
        """Imports nothing yet.

        Args:
            cloud: which cloud.
            credential: who signs in.
            transport: what carries requests to the service; uploads go their own way.
            scope: `MLClient`'s arguments that say which workspace or registry.
            time_limit: seconds after which a request that keeps failing is given up.
        """
        self._cloud = cloud
        self._credential = credential
        self._transport = transport
        self._scope = dict(scope)
        self._time_limit = time_limit
        self._uploads = Uploads(time_limit)
        self._lock = threading.Lock()
        self._made: MLClient | None = None

    def create(self, environment: Environment) -> None:
        """Uploads the build context, if it is a local one, and registers the version.

        Raises:
            TargetError: it could not be uploaded or registered; the build context on disk is no
                longer what the spec says; or azure-ai-ml would register something else.
        """
        spec = environment.spec
        if spec.conda_file is not None and not json.loads(spec.conda_file):
            raise TargetError(
                f"{environment.key} has an empty conda file, which azure-ai-ml leaves out. Write "
                "its dependencies, or drop `conda_file`."
            )
        with _directory(spec) as directory:
            try:
                client = self._client()
                with self._uploads.watched():
                    client.environments.create_or_update(_entity(environment, directory))
            except AzureError as error:
                raise _explained(environment, error, self._cloud.manager) from error
            except TypeError as error:
                # In a registry azure-ai-ml uploads nothing where the version is there already, and
                # would register the path of this machine. It cannot send a `Path`, so it stops.
                if directory is None:
                    raise
                raise TargetError(
                    f"{environment.key} was registered by somebody else at the same time, and its "
                    "build context was not uploaded. Run it again."
                ) from error
            except OSError as error:
                raise TargetError(
                    f"{environment.key} could not be created: {' '.join(str(error).split())}."
                ) from error

    def _client(self) -> MLClient:
        with self._lock:
            if self._made is None:
                try:
                    from azure.ai.ml import MLClient
                except ModuleNotFoundError as error:
                    raise TargetError(
                        f"Creating needs azure-ai-ml, and {error.name} is not installed: "
                        f"{install('azure')}"
                    ) from error
                self._made = MLClient(
                    self._credential,
                    **self._scope,
                    cloud=self._cloud.name,
                    enable_telemetry=False,
                    # Only so it reads what became of its workers; `Uploads` leaves the bar out.
                    show_progress=True,
                    transport=self._transport,
                    polling_interval=_POLLING_INTERVAL,
                    retry_total=_MOST_RETRIES,
                    retry_status=_MOST_RETRIES,
                    timeout=self._time_limit,
                )
            return self._made


def _entity(environment: Environment, directory: Path | None) -> entities.Environment:
    """A version as azure-ai-ml takes it."""
    from azure.ai.ml import entities

    spec = environment.spec
    build = None
    if spec.build is not None:
        context = spec.build.context
        path = context if isinstance(context, str) else directory
        build = entities.BuildContext(path=path, dockerfile_path=spec.build.dockerfile_path)
    return entities.Environment(
        name=environment.key.name,
        version=environment.key.version,
        description=environment.metadata.description,
        tags=all_tags(environment.metadata, environment.provenance),
        image=spec.image,
        conda_file=None if spec.conda_file is None else json.loads(spec.conda_file),
        build=build,
        os_type=spec.os_type,
        inference_config=spec.inference_config and spec.inference_config.to_json(),
    )


@contextmanager
def _directory(spec: EnvironmentSpec) -> Iterator[Path | None]:
    """A copy of the local build context, proved to be what the plan saw; None where there is none.

    azure-ai-ml hashes and uploads from this copy, so that nothing can change under it. Its
    directory keeps its name, which becomes part of the address.

    Raises:
        TargetError: the content on disk has changed, or cannot be copied.
    """
    context = spec.local_context
    if context is None:
        yield None
        return
    if context.directory is None or context.files is None:
        raise TargetError("The build context cannot be uploaded: it is nowhere on this machine.")
    with scratch_directory() as parent:
        absolute = os.path.abspath(context.directory)  # noqa: PTH100 (pathlib keeps a `..`)
        place = Path(parent, Path(absolute).name or "context")
        try:
            _copy(context, Path(context.directory), place)
        except OSError as error:
            raise TargetError(
                f"The build context {context.directory} cannot be copied: {error}."
            ) from error
        yield place


def _copy(context: BuildContext, source: Path, place: Path) -> None:
    from envsync.project.context.copy import copy_context
    from envsync.project.context.scan import scan_context

    try:
        copy_context(context, place)
    except EnvsyncError as error:
        raise TargetError(str(error)) from error
    if scan_context(place, place).context.uploads == context.uploads:
        return
    # Directories without files are part of azure-ai-ml's hash.
    for folder, _, _ in os.walk(source):
        (place / Path(folder).relative_to(source)).mkdir(parents=True, exist_ok=True)


def _explained(environment: Environment, error: AzureError, url: str) -> TargetError:
    from azure.ai.ml.exceptions import MlException

    if isinstance(error, MlException) and not isinstance(error, HttpResponseError):
        cause = error.__cause__ or error.__context__
        if isinstance(cause, HttpResponseError):
            return explained(cause, url)
        text = " ".join(str(error).split())
        return TargetError(f"{environment.key} could not be created by azure-ai-ml: {text}")
    return explained(error, url)
