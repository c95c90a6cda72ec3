"""azure.account: who we are in Azure, and where it is."""

from __future__ import annotations

from bedplate.frozen import dataclass


@dataclass(frozen=True)
class Account:
    """`cloud`: its name; `arm`: address of the Resource Manager; `scope`: of its tokens."""

    cloud: str
    arm: str
    scope: str
    subscription: str
    tenant: str
    user: str
