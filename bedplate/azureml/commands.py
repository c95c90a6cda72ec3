"""azureml.commands: the command of `az` that shows a thing of Azure's to a person, or removes it."""

from __future__ import annotations

import re

PLACE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/[^/]+/workspaces/(?P<workspace>[^/]+)"
    r"/onlineEndpoints/(?P<endpoint>[^/]+)(?:/deployments/(?P<deployment>[^/]+))?$",
    re.IGNORECASE,
)


def show(place: str) -> str:
    """`place`: an ARM id."""
    return _command(place, "show")


def delete(place: str) -> str:
    """`place`: an ARM id."""
    return _command(place, "delete")


def _command(place: str, verb: str) -> str:
    found = PLACE.match(place)
    if found is None:
        return f"az resource {verb} --ids {place}"
    noun, which = "online-endpoint", f"--name {found['endpoint']}"
    if found["deployment"]:
        noun, which = "online-deployment", f"--name {found['deployment']} --endpoint-name {found['endpoint']}"
    where = f"--workspace-name {found['workspace']} --resource-group {found['group']}"
    return f"az ml {noun} {verb} {which} {where} --subscription {found['subscription']}"
