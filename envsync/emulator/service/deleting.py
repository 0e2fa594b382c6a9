"""Handles `DELETE` of environments and versions. azure-ai-ml never sends such requests."""

from __future__ import annotations

from envsync.emulator.service.assets import Assets
from envsync.emulator.service.errors import refused
from envsync.emulator.service.routing import Answer, Call
from envsync.targets.refusals import RuleViolation


def delete(assets: Assets, call: Call) -> bool:
    """Deletes the version that the path names, or the container with all its versions.

    Returns:
        True if the version or container existed.

    Raises:
        ServiceError: the environment is curated (400).
    """
    actor = call.actor
    try:
        name, version = call.names["name"], call.names.get("version")
        return assets.store.delete(name, version, actor)
    except RuleViolation as error:
        raise refused(error, 409) from error


def deleted(assets: Assets, call: Call) -> Answer:
    """Deletes an environment or a version.

    Returns 200, or 204 if the resource did not exist. The response has no body (OpenAPI).
    """
    # In Azure ML, a DELETE of a missing resource succeeds, because DELETE is idempotent.
    return Answer(status=200 if delete(assets, call) else 204, empty=True)
