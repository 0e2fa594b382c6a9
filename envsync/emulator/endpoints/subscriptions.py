"""The endpoints that `az login` uses: subscriptions and tenants.

The emulator accepts every subscription id. The list of subscriptions contains only the id that the
emulator sets in `AZURE_SUBSCRIPTION_ID`.
Source: https://learn.microsoft.com/rest/api/resources/subscriptions
"""

from __future__ import annotations

from collections.abc import Sequence

from envsync.emulator.service.routing import Answer, Call, Endpoint, ProviderEndpoints
from envsync.emulator.settings import MANAGEMENT_HOST, SUBSCRIPTION_ID, TENANT_ID
from envsync.model.canonical import JSON

_NAME = "envsync emulator"


def subscription_endpoints() -> Sequence[Endpoint]:
    """Returns the endpoints for lists of tenants and subscriptions, and for one subscription."""

    def subscriptions(_call: Call) -> Answer:
        value: list[JSON] = [_subscription(SUBSCRIPTION_ID)]
        # `az login` stores the subscriptions of this list.
        return Answer({"value": value, "count": {"type": "Total", "value": 1}})

    def subscription(call: Call) -> Answer:
        return Answer(_subscription(call.names["subscription"]))

    def tenants(_call: Call) -> Answer:
        return Answer({"value": [_tenant()]})

    at = ProviderEndpoints(MANAGEMENT_HOST, "Microsoft.Resources")
    return (
        at.get("/subscriptions", "subscriptions/read", subscriptions),
        at.get("/subscriptions/{subscription}", "subscriptions/read", subscription),
        at.get("/tenants", "tenants/read", tenants),
    )


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
