"""Creates versions with Microsoft's azure-ai-ml, which also uploads build contexts.

Importing azure-ai-ml takes more than a second and 100 MB of memory, so azure-ai-ml is imported only
when a version is created.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
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
from envsync.targets.azure.http.last_check import LastCheck
from envsync.targets.azure.http.uploads import Uploads
from envsync.targets.scratch import scratch_directory

if TYPE_CHECKING:
    from azure.ai.ml import MLClient, entities

_POLLING_INTERVAL = 1
"""Seconds between two polls of an operation, if the response has no `Retry-After`."""

_MOST_RETRIES = 500
"""The maximum number of retries.

This number is so high that the time limit always ends the retries first.
"""


class Creator:
    """Creates versions in one workspace or registry, with azure-ai-ml's client.

    The client is created at first use. Several threads can create versions at the same time. A lock
    lets only one thread create the client, because the constructor of the client sets environment
    variables of the process.
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
        """Prepares the creator. Does not connect, and does not import azure-ai-ml.

        Args:
            cloud: the cloud.
            credential: the credential that signs in.
            transport: the transport for requests to the service. Uploads use their own transport.
            scope: the arguments of `MLClient` that identify the workspace or registry.
            time_limit: the seconds for which a failing request is repeated.
        """
        self._cloud = cloud
        self._credential = credential
        self._transport = LastCheck(transport)
        self._scope = dict(scope)
        self._time_limit = time_limit
        self._uploads = Uploads(time_limit)
        self._lock = threading.Lock()
        self._made: MLClient | None = None

    def create(self, environment: Environment, check: Callable[[], object] = lambda: None) -> None:
        """Uploads the build context, if it is local, and registers the version.

        Args:
            environment: the version.
            check: a function that is called just before the version is sent. If the function raises
                an exception, the version is not sent, but the uploaded files stay. They are
                harmless, because equal content is stored only once.

        Raises:
            TargetError: the upload or the registration failed, the build context on disk has
                changed, or azure-ai-ml would register the version without its conda file or build
                context.
        """
        spec = environment.spec
        if spec.conda_file is not None and not json.loads(spec.conda_file):
            raise TargetError(
                f"{environment.key} has an empty conda file, which azure-ai-ml would leave out. "
                "Add dependencies to it, or remove `conda_file`."
            )
        with _directory(spec) as directory:
            try:
                client = self._client()
                with self._uploads.watched(), self._transport.calling(check):
                    client.environments.create_or_update(_entity(environment, directory))
            except AzureError as error:
                raise _explained(environment, error, self._cloud.manager) from error
            except TypeError as error:
                # If a registry already has the version, azure-ai-ml does not upload the build
                # context, and tries to register the local path of the build context. azure-ai-ml
                # then raises TypeError, because a `Path` cannot be sent as JSON.
                if directory is None:
                    raise
                raise TargetError(
                    f"{environment.key} was registered by another client at the same time, and its "
                    "build context was not uploaded. Run apply again."
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
                        "Creating an environment needs azure-ai-ml, and the package "
                        f"{error.name} is not installed: {install('azure')}"
                    ) from error
                self._made = MLClient(
                    self._credential,
                    **self._scope,
                    cloud=self._cloud.name,
                    # azure-ai-ml sends telemetry to Microsoft by default.
                    enable_telemetry=False,
                    # Without a progress bar, azure-ai-ml does not read the results of its upload
                    # workers, and a failed upload hangs for ever. `Uploads` hides the progress bar.
                    show_progress=True,
                    transport=self._transport,
                    polling_interval=_POLLING_INTERVAL,
                    # azure-core stops after a number of retries or at the timeout, whichever comes
                    # first.
                    retry_total=_MOST_RETRIES,
                    retry_status=_MOST_RETRIES,
                    timeout=self._time_limit,
                )
            return self._made


def _entity(environment: Environment, directory: Path | None) -> entities.Environment:
    """Converts a version to the entity class `Environment` of azure-ai-ml."""
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
        # azure-ai-ml converts the mapping to YAML text. The service converts the YAML to JSON.
        conda_file=None if spec.conda_file is None else json.loads(spec.conda_file),
        build=build,
        os_type=spec.os_type,
        inference_config=spec.inference_config and spec.inference_config.to_json(),
    )


@contextmanager
def _directory(spec: EnvironmentSpec) -> Iterator[Path | None]:
    """Yields a directory with a copy of the build context, or None if the context is not local.

    `copy_context` checks that the copied content is the content in the plan. azure-ai-ml hashes and
    uploads the copy, so later changes of the original files have no effect.

    Raises:
        TargetError: the content on disk has changed since the plan was made, or cannot be copied.
    """
    context = spec.local_context
    if context is None:
        yield None
        return
    if context.directory is None or context.files is None:
        raise TargetError(
            "The build context cannot be uploaded, because its directory is not known. Plan again "
            "from the project's files."
        )
    with scratch_directory() as parent:
        absolute = os.path.abspath(context.directory)  # noqa: PTH100 (pathlib keeps a `..`)
        # The name of the directory becomes part of the URL of the upload.
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
    from envsync.project.context.names import LEFT_OUT
    from envsync.project.context.scan import scan_context
    from envsync.project.context.upload_hashes import have_equal_uploads

    try:
        copy_context(context, place)
    except EnvsyncError as error:
        raise TargetError(str(error)) from error
    if have_equal_uploads(scan_context(place, place).context, context):
        return
    # azure-ai-ml's hash includes empty directories, so add empty directories to the copy.
    for folder, directories, _ in os.walk(source):
        directories[:] = [name for name in directories if name not in LEFT_OUT]
        (place / Path(folder).relative_to(source)).mkdir(parents=True, exist_ok=True)


def _explained(environment: Environment, error: AzureError, url: str) -> TargetError:
    from azure.ai.ml.exceptions import MlException

    if isinstance(error, MlException) and not isinstance(error, HttpResponseError):
        # azure-ai-ml wraps the service's response in an error that hides the reason.
        cause = error.__cause__ or error.__context__
        if isinstance(cause, HttpResponseError):
            return explained(cause, url)
        text = " ".join(str(error).split())
        return TargetError(f"{environment.key} could not be created by azure-ai-ml: {text}")
    return explained(error, url)
