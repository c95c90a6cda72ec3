"""The Resource Manager: tenants, subscriptions, resource groups, and finding resources."""

from __future__ import annotations

import re
from typing import Any

from .exchange import Answer, Refused, Request, Route
from .state import LOCATION, TENANT, Azure, Registry, Workspace


def tenants(azure: Azure, request: Request) -> Answer:
    one = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Stand-in", "tenantCategory": "Home"}
    return Answer.of({"value": [one]})


def subscriptions(azure: Azure, request: Request) -> Answer:
    return Answer.of({"value": [_subscription(i, name) for i, name in azure.subscriptions.items()]})


def subscription(azure: Azure, request: Request, subscription: str) -> Answer:
    if subscription.lower() not in azure.subscriptions:
        raise Refused(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    return Answer.of(_subscription(subscription.lower(), azure.subscriptions[subscription.lower()]))


def _subscription(id: str, name: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{id}",
        "subscriptionId": id,
        "tenantId": TENANT,
        "displayName": name,
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


def resources(azure: Azure, request: Request, subscription: str) -> Answer:
    """`$filter`: resourceType eq '...', perhaps `and name eq '...'` or `substringof`."""
    text = request.query.get("$filter", "")
    kind = re.search(r"resourceType\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    name = re.search(r"\bname\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    found = []
    everything: list[Registry | Workspace] = [*azure.registries.values(), *azure.workspaces.values()]
    for one in everything:
        if one.subscription.lower() != subscription.lower():
            continue
        type_ = "/".join(one.id.split("/")[6:8])
        if kind and kind[1].lower() != type_.lower():
            continue
        if name and name[1].lower() != one.name.lower():
            continue
        found.append({"id": one.id, "name": one.name, "type": type_, "location": LOCATION, "tags": {}})
    return Answer.of({"value": found})


def group(azure: Azure, request: Request, subscription: str, group: str) -> Answer:
    azure.check_group(subscription, group)
    id = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return Answer.of(
        {
            "id": id,
            "name": group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": LOCATION,
            "properties": {"provisioningState": "Succeeded"},
        }
    )


def provider(azure: Azure, request: Request, subscription: str, provider: str) -> Answer:
    id = f"/subscriptions/{subscription}/providers/{provider}"
    return Answer.of({"id": id, "namespace": provider, "registrationState": "Registered", "resourceTypes": []})


ROUTES = (
    Route("GET", "/tenants", tenants),
    Route("GET", "/subscriptions", subscriptions),
    Route("GET", "/subscriptions/{subscription}", subscription),
    Route("GET", "/subscriptions/{subscription}/resources", resources),
    Route("GET", "/subscriptions/{subscription}/resourcegroups/{group}", group),
    Route("GET", "/subscriptions/{subscription}/providers/{provider}", provider),
)
