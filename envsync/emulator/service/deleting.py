"""`DELETE` of environments and their versions, which the service has and its SDK and CLI hide."""

from __future__ import annotations

from envsync.emulator.service.assets import Assets
from envsync.emulator.service.errors import ServiceError, refused
from envsync.emulator.service.routing import Answer, Call
from envsync.targets.refusals import RuleViolation


def delete(assets: Assets, call: Call) -> bool:
    """Deletes the version that a path names, or else the container with all its versions.

    Returns:
        Whether it was there.

    Raises:
        ServiceError: it is curated (400).
    """
    if call.caller is None:
        raise ServiceError(401, "AuthenticationFailed", "Nobody is logged in.")
    try:
        name, version = call.names["name"], call.names.get("version")
        return assets.store.delete(name, version, call.caller.client)
    except RuleViolation as error:
        raise refused(error, 409) from error


def deleted(assets: Assets, call: Call) -> Answer:
    """200 where something was deleted and 204 where there was nothing, both empty (OpenAPI)."""
    return Answer(status=200 if delete(assets, call) else 204, empty=True)
