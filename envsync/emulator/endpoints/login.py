"""The endpoints of the login host, which need no authentication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, pattern
from envsync.emulator.service.tokens import Tokens, instance_discovery, openid_configuration
from envsync.emulator.settings import LOGIN_HOST, TENANT_ID


def login_endpoints(tokens: Tokens) -> Sequence[Endpoint]:
    """Returns the endpoints for tokens and OpenID metadata. Every tenant id is accepted."""

    def token(call: Call) -> Answer:
        form = call.body if isinstance(call.body, dict) else {}
        fields = cast("dict[str, str]", form)
        return Answer(tokens.issue(call.names["tenant"], fields))

    def openid(call: Call) -> Answer:
        return Answer(openid_configuration(call.names["tenant"]))

    def instances(_call: Call) -> Answer:
        return Answer(instance_discovery(TENANT_ID))

    return (
        _at("GET", "/{tenant}/v2.0/.well-known/openid-configuration", openid),
        _at("GET", "/common/discovery/instance", instances),
        _at("POST", "/{tenant}/oauth2/v2.0/token", token),
        # Older clients use this endpoint, version 1 of the token endpoint.
        _at("POST", "/{tenant}/oauth2/token", token),
    )


def _at(method: str, path: str, handler: Handler) -> Endpoint:
    return Endpoint(
        host=LOGIN_HOST, method=method, pattern=pattern(path), action=None, handler=handler
    )
