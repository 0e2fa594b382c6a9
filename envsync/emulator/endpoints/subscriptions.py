"""The resource manager's subscriptions and tenants: what a client looks for after logging in.

Every subscription id is answered for; a list has the one that the emulator's variables name.
https://learn.microsoft.com/rest/api/resources/subscriptions describes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, endpoint
from envsync.emulator.settings import MANAGEMENT_HOST, SUBSCRIPTION_ID, TENANT_ID
from envsync.model.canonical import JSON

_NAME = "envsync emulator"


def subscription_endpoints() -> Sequence[Endpoint]:
    """Lists of tenants and subscriptions, and each subscription."""

    def subscriptions(_call: Call) -> Answer:
        value: list[JSON] = [_subscription(SUBSCRIPTION_ID)]
        return Answer({"value": value, "count": {"type": "Total", "value": 1}})

    def subscription(call: Call) -> Answer:
        return Answer(_subscription(call.names["subscription"]))

    def tenants(_call: Call) -> Answer:
        return Answer({"value": [_tenant()]})

    return (
        _at("/subscriptions", "subscriptions/read", subscriptions),
        _at("/subscriptions/{subscription}", "subscriptions/read", subscription),
        _at("/tenants", "tenants/read", tenants),
    )


def _at(path: str, permission: str, handler: Handler) -> Endpoint:
    return endpoint(MANAGEMENT_HOST, "GET", path, f"Microsoft.Resources/{permission}", handler)


def _subscription(subscription: str) -> JSON:
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription,
        "tenantId": TENANT_ID,
        "displayName": _NAME,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _tenant() -> JSON:
    return {
        "id": f"/tenants/{TENANT_ID}",
        "tenantId": TENANT_ID,
        "countryCode": "US",
        "displayName": _NAME,
        "domains": ["envsync.example"],
        "tenantCategory": "Home",
        "defaultDomain": "envsync.example",
        "tenantType": "AAD",
    }
