"""The version from which `envsync import --as` starts a new environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from envsync.api.importing import started_from
from envsync.cli.session import Session
from envsync.model.errors import EnvsyncError, UsageError
from envsync.plan.hints import name_hint
from envsync.plan.imports import Import, version_in
from envsync.project.environment.identity import name_problem
from envsync.project.project import Project
from envsync.project.settings.targets import TargetConfig

if TYPE_CHECKING:
    from envsync.model.state import RegisteredVersion
    from envsync.model.target import Target

_IN_REGISTRY: Final = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/environments/(?P<name>[^/]+)"
    r"/(?:versions/(?P<version>[^/]+)|labels/(?P<label>[^/]+))",
    re.IGNORECASE,
)
_IN_TARGET: Final = re.compile(
    r"(?:azureml:)?(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@(?P<label>[^:@/]+))?"
)


class Source(Struct, frozen=True):
    """The address of one version.

    Attributes:
        address: the address as the user wrote it.
        name: the name of the environment.
        version: the version. If None, the label selects the version.
        label: the label. If both are None, the newest version is selected.
        registry: the registry. If None, the version is in the target.
    """

    address: str
    name: str
    version: str | None
    label: str | None
    registry: str | None = None


def parse_source(address: str) -> Source:
    """Parses the address of a version.

    Raises:
        UsageError: the text is not an address.
    """
    if found := _IN_REGISTRY.fullmatch(address):
        return Source(address, found["name"], found["version"], found["label"], found["registry"])
    if found := _IN_TARGET.fullmatch(address):
        return Source(address, found["name"], found["version"], found["label"])
    raise UsageError(
        f"'{address}' is not the address of a version. Write "
        "azureml://registries/REGISTRY/environments/NAME/labels/latest, "
        "azureml://registries/REGISTRY/environments/NAME/versions/VERSION, NAME:VERSION or "
        "NAME@latest."
    )


@contextmanager
def open_source(
    session: Session, project: Project, target: str | None, source: Source | None
) -> Iterator[Target]:
    """Opens the target or the registry that contains the versions to import.

    Args:
        session: the global options.
        project: the project.
        target: the name of the target on the command line.
        source: the version from which a new environment starts. If None, the target is opened.

    Raises:
        UsageError: the settings contain no target of this name.
    """
    if source is None or source.registry is None:
        with session.target(project.config, target) as opened:
            yield opened
        return
    with open_registry(session, project, source.registry, target) as opened:
        yield opened


@contextmanager
def open_registry(
    session: Session, project: Project, registry: str, target: str | None = None
) -> Iterator[Target]:
    """Opens a registry, which does not have to be a target of the project.

    Args:
        session: the global options.
        project: the project.
        registry: the name of the registry.
        target: the name of a target. Its cloud and its credential are used for the registry.

    Raises:
        UsageError: the settings contain no target of this name.
    """
    from envsync.targets.kinds import open_target

    config = _registry(project, target, registry)
    connection = session.connection(config.name)
    with closing(open_target(config, project.config.root, connection)) as opened:
        yield opened


def _registry(project: Project, target: str | None, registry: str) -> TargetConfig:
    """Returns the settings of a registry, which does not have to be a target of the project.

    The cloud and the credential come from the target on the command line, or from the target for
    this registry.
    """
    config = project.config
    if target is not None:
        like = config.target(target).settings
    else:
        same = (
            item.settings
            for item in config.targets.values()
            if item.settings.get("registry", "").casefold() == registry.casefold()
        )
        like = next(same, {})
    kept = {key: like[key] for key in ("cloud", "credential") if key in like}
    return TargetConfig(registry, "registry", {"registry": registry, **kept})


def new_import(
    project: Project, target: Target, source: Source, name: str, *, unversioned: bool
) -> Import:
    """Returns a new environment that starts as a copy of a registered version.

    Args:
        project: the project.
        target: the open target or registry that contains the version.
        source: the address of the version.
        name: the name of the new environment.
        unversioned: whether the new file has no `version`.

    Raises:
        UsageError: the name is not valid.
        EnvsyncError: a file declares the name already, or the version does not exist.
    """
    if problem := name_problem(name):
        raise UsageError(" ".join(problem))
    taken = next((item for item in project.declarations if item.name == name), None)
    if taken is not None:
        raise EnvsyncError(
            f"{taken.source.file} already declares an environment '{name}'. Pass another name with "
            "--as."
        )
    container = target.read([source.name]).get(source.name)
    where = f"registry {source.registry}" if source.registry else f"target {target.identity.name}"
    if container is None:
        hint = name_hint(source.name, target.read(None)) or "Check the name."
        raise EnvsyncError(f"The {where} has no environment '{source.name}'. {hint}")
    item = version_in(container, source.version, source.label)
    origin = (
        f"azureml://registries/{source.registry}/environments/{source.name}/versions/{item.version}"
        if source.registry
        else f"{source.name}:{item.version} in the {_place(target)}"
    )
    return started_from(
        item,
        name,
        None if unversioned else "1",
        origin=origin,
        base_image=_published_image(item, source),
    )


def _place(target: Target) -> str:
    """Returns a phrase such as `workspace ws-dev`, which is the same on every machine."""
    identity = target.identity
    return (
        f"{identity.kind} {identity.id.rpartition('/')[2]}"
        if identity.kind != "local"
        else f"local target {identity.name}"
    )


def _published_image(item: RegisteredVersion, source: Source) -> str | None:
    """Returns the image that Microsoft publishes for a curated environment, otherwise None.

    https://learn.microsoft.com/azure/machine-learning/resource-curated-environments
    """
    is_public = source.registry is not None and source.registry.casefold() == "azureml"
    if not (item.curated or is_public):
        return None
    name = re.sub("^azureml-", "", source.name, flags=re.IGNORECASE)
    return f"mcr.microsoft.com/azureml/curated/{name}:{item.version}"
