"""azure.sign_in: who we are in Azure: the account, cloud and subscription that `az login` left, and their tokens."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from typing import Any

from bedplate.clients.azure import cloud as azure_cloud
from bedplate.clients.azure import errors
from bedplate.clients.azure.account import Account
from bedplate.clients.azure.cloud import Cloud
from bedplate.errors import StepError
from bedplate.secrets import Secret

MARGIN_S = 300.0  # a token that ends sooner is not begun with


class SignIn:
    """Opened when first asked: azure-cli-core is imported then. Safe to share between threads.

    `subscription`: id or name; None: the active one of `az`."""

    def __init__(self, subscription: str | None) -> None:
        self._wanted = subscription
        self._lock = threading.RLock()
        self._account: Account | None = None
        self._cloud: Cloud | None = None
        self._credential: Any = None  # azure-cli-core has no types
        self._tokens: dict[str, tuple[Secret, float]] = {}

    @property
    def account(self) -> Account:
        """StepError where nobody is signed in, or the subscription is none of theirs."""
        with self._lock:
            if self._account is None:
                self._account, self._credential = _opened(self._wanted)
            return self._account

    @property
    def cloud(self) -> Cloud:
        """The active one. Nobody need be signed in."""
        with self._lock:
            if self._cloud is None:
                self._cloud = azure_cloud.of(azure_cloud.cli())
            return self._cloud

    def token(self, scope: str, *, afresh: bool = False, challenge: str = "") -> Secret:
        """`afresh`: the service refused the one we have; `challenge`: its WWW-Authenticate."""
        with self._lock:
            account = self.account
            known, ends = self._tokens.get(scope, (None, 0.0))
            if known and not afresh and time.time() < ends - MARGIN_S:
                return known
            more = {}
            if afresh:  # a managed identity's client heeds no claims: a new one has nothing in its cache
                more, (_, self._credential) = {"claims": _claims(challenge)}, _opened(self._wanted)
            try:
                found = self._credential.get_token(scope, **more)
            except Exception as error:  # azure-cli-core, msal and requests each have errors of their own
                raise _refused(error, account) from None
            self._tokens[scope] = (Secret(found.token), float(found.expires_on))
            return self._tokens[scope][0]


def _opened(wanted: str | None) -> tuple[Account, Any]:
    cli = azure_cloud.cli()
    cloud = azure_cloud.of(cli)
    try:
        from azure.cli.core._profile import Profile

        profile = Profile(cli_ctx=cli)
        known = profile.load_cached_subscriptions()
    except Exception as error:
        raise azure_cloud.unreadable(error) from None
    if not known:
        others = sorted({str(s["environmentName"]) for s in profile.load_cached_subscriptions(all_clouds=True)})
        there = f"; signed in to {', '.join(others)}: `az cloud set --name {others[0]}`" if others else ""
        raise StepError(f"nobody is signed in to Azure (cloud {cloud.name}){there}", "`az login`")
    try:
        chosen = profile.get_subscription(wanted)
    except Exception as error:
        raise _no_subscription(wanted, known, error) from None
    if chosen.get("state", "Enabled") != "Enabled":
        raise StepError(f"subscription {chosen['name']} is {chosen['state']}", "name another one: `subscription:`")
    if _is_tenant_only(chosen):
        raise StepError(
            f"{chosen['user']['name']} is signed in, but has no subscription", "`az login` with an account that has one"
        )
    try:
        credential, subscription, tenant = profile.get_login_credentials(subscription_id=chosen["id"])
    except Exception as error:
        if unreachable := _unreachable(error, cloud.name):
            raise unreachable from None
        raise StepError(
            f"the sign-in of `az` cannot be used: {_first_line(error)}", _login(chosen["tenantId"])
        ) from None
    account = Account(
        cloud=cloud.name,
        arm=cloud.arm,
        scope=cloud.scope,
        subscription=subscription,
        tenant=tenant,
        user=chosen["user"]["name"],
    )
    return account, credential


def _no_subscription(wanted: str | None, known: list[Any], error: Exception) -> StepError:
    names = ", ".join(str(s["name"]) for s in known[:5]) + (", ..." if len(known) > 5 else "")
    if wanted is None:
        return StepError(
            f"no subscription of `az` is active; there are {names}", f"`az account set -s {known[0]['id']}`"
        )
    if "Multiple" in str(error):
        return StepError(f"several subscriptions are named {wanted}", "give its id in `workspace.subscription`")
    return StepError(
        f"subscription {wanted} is none of those that `az` is signed in to: {names}",
        "correct `workspace.subscription`, or `az login --tenant TENANT` for one of another tenant",
    )


def _refused(error: Exception, account: Account) -> StepError:
    """In one line: what Entra said, and the command that mends it."""
    text = _first_line(error)
    code = re.search(r"AADSTS(\d+)", text)
    who = f"{account.user} in tenant {account.tenant}"
    hint = _login(account.tenant)
    number = code[1] if code else ""
    if number in ("7000215", "7000222", "700016"):
        hint = f"`az login --service-principal --username {account.user} --password ... --tenant {account.tenant}`"
    elif number in ("90002", "900023", "50020", "50034"):
        return StepError(f"wrong tenant for {account.user}: {text}", "`az account list` names the tenants; " + hint)
    elif number in ("50076", "50079", "53003"):
        hint = f'`az login --tenant {account.tenant} --scope "{account.scope}"`'
    elif not code and (busy := re.search(r"HTTP Error: (429|5\d\d)", text)):
        what = f"the sign-in service of cloud {account.cloud} answers {busy[1]}"
        return errors.OutOfSightError(what, "it is busy or down: run again in a minute; https://azure.status.microsoft")
    elif not code and (unreachable := _unreachable(error, account.cloud)):
        return unreachable
    return StepError(f"the sign-in of {who} is refused: {text}", hint)


def _unreachable(error: Exception, cloud: str) -> StepError | None:
    """Where the sign-in service gave no answer; None: it did."""
    if not errors.is_network(error):
        return None
    request = getattr(error, "request", None)  # requests keeps it, and msal hands its errors on
    url = str(getattr(request, "url", None) or "https://login")
    named = f"the sign-in service of cloud {cloud} (`az cloud show` names it)"
    return errors.unreachable(str(getattr(request, "method", None) or "GET"), url, error, named)


def _login(tenant: str) -> str:
    return f"`az login --tenant {tenant}`"


def _claims(challenge: str) -> str:
    """Claims challenge of Continuous Access Evaluation; without one: a token that is valid from now on."""
    found = re.search(r'claims="([A-Za-z0-9+/=_-]+)"', challenge)
    if found:
        try:
            return base64.urlsafe_b64decode(found[1].replace("+", "-").replace("/", "_") + "===").decode()
        except ValueError:
            pass
    return json.dumps({"access_token": {"nbf": {"essential": True, "value": str(int(time.time()))}}})


def _is_tenant_only(subscription: dict[str, Any]) -> bool:
    return str(subscription["name"]).startswith("N/A") and subscription["id"] == subscription["tenantId"]


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return " ".join(text.splitlines()[0].split())
