"""resolve_registry: a standalone Azure registry, a workspace's own, and the sign-in of both."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bedplate.clients.connections import Connections
from bedplate.errors import StepError
from bedplate.model import AcrRegistry, EnvSecret, Registry, RegistryEntry, Workspace, WorkspaceRegistry
from bedplate.specfile import load
from bedplate.step import Given
from steps import resolve_registry
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.signed_in import KeptLog, sign_in
from tests.azure.standin import StandIn

OWN = WorkspaceRegistry("token", None)
SPEC = "version: 1\nproject: demo\ntargets: {local: {registry: {kind: local}}}\n"
Resolve = Callable[..., "tuple[Registry, Any]"]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Resolve:
    """The output, and the client that the steps after it push with."""
    (tmp_path / "pipeline.yaml").write_text(SPEC)

    def resolve(azure: StandIn, entry: RegistryEntry, log: KeptLog | None = None) -> tuple[Registry, Any]:
        sign_in(azure, monkeypatch, tmp_path / "az")
        spec = load(tmp_path / "pipeline.yaml")
        target = replace(spec.target, registry=entry, workspace=Workspace(None, "rg", "demo"))
        spec = replace(spec, target=target)
        nothing_read: Any = None
        clients: Any = Connections(tmp_path, spec, log or KeptLog(), nothing_read, False, {})
        (task,) = resolve_registry.tasks(spec)
        output = resolve_registry.run(task.inputs, Given(task.name, "0" * 64, (), {}), clients)
        return output, clients.registry(output)

    return resolve


@pytest.mark.judges
@pytest.mark.parametrize("by", ["name", "login server"])
def test_a_registry_is_found_by_name_and_by_login_server(judged_azure: StandIn, resolve: Resolve, by: str) -> None:
    there, log = judged_azure.add_registry("standinacr", sku="Premium"), KeptLog()
    found, remote = resolve(judged_azure, _acr("standinacr" if by == "name" else there.login_server), log)
    assert found == Registry("acr", there.login_server, insecure=False) and found.kind == "acr"
    assert "Premium, public network access on, admin user off" in log.notes[0]
    assert remote.credentials().username == "00000000-0000-0000-0000-000000000000"


@pytest.mark.judges
def test_a_workspace_leads_to_its_own_registry(judged_azure: StandIn, resolve: Resolve) -> None:
    there = judged_azure.add_registry("standinacr")
    judged_azure.add_workspace("demo", there)
    found, _ = resolve(judged_azure, OWN)
    assert found.address == there.login_server and found.kind == "acr"


@pytest.mark.judges
def test_a_workspace_without_a_registry_says_so_and_what_to_do(judged_azure: StandIn, resolve: Resolve) -> None:
    judged_azure.add_workspace("demo")
    with pytest.raises(StepError, match="workspace demo has no registry yet") as refused:
        resolve(judged_azure, OWN)
    assert "fallback:" in refused.value.hint and "--container-registry" in refused.value.hint


@pytest.mark.judges
def test_the_fallback_is_taken_where_the_workspace_has_none(judged_azure: StandIn, resolve: Resolve) -> None:
    there = judged_azure.add_registry("otheracr")
    judged_azure.add_workspace("demo")
    found, _ = resolve(judged_azure, WorkspaceRegistry("token", _acr("otheracr")))
    assert found.address == there.login_server


def test_a_workspace_that_is_not_there_is_named(standin: StandIn, resolve: Resolve) -> None:
    with pytest.raises(StepError, match="no workspace demo in resource group rg"):
        resolve(standin, OWN)


def test_a_registry_that_is_not_there_is_named_with_those_that_are(standin: StandIn, resolve: Resolve) -> None:
    standin.add_registry("standinacr")
    with pytest.raises(StepError, match="no registry absent in subscription .*; there: standinacr"):
        resolve(standin, _acr("absent"))


def test_the_admin_user_is_taken_only_if_the_spec_says_so(standin: StandIn, resolve: Resolve) -> None:
    there = standin.add_registry("standinacr", admin_enabled=True)
    _, remote = resolve(standin, _acr("standinacr", sign_in="admin"))
    assert (remote.credentials().username, remote.credentials().password.reveal()) == ("standinacr", there.passwords[0])


def test_a_disabled_admin_user_is_said_with_both_ways_out(standin: StandIn, resolve: Resolve) -> None:
    standin.add_registry("standinacr")
    with pytest.raises(StepError, match="Admin user is disabled") as refused:
        resolve(standin, _acr("standinacr", sign_in="admin"))
    assert "take `sign_in: admin` out" in refused.value.hint and "--admin-enabled true" in refused.value.hint


def test_a_service_principal_signs_in_with_its_own_secret(
    standin: StandIn, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.add_registry("standinacr")
    monkeypatch.setenv("SP_SECRET", standin.tokens.secret)
    entry = AcrRegistry("standinacr", "service_principal", standin.client, EnvSecret("SP_SECRET"))
    _, remote = resolve(standin, entry)
    assert remote.credentials().username == standin.client
    monkeypatch.setenv("SP_SECRET", "wrong")
    with pytest.raises(StepError, match="401") as refused:
        resolve(standin, entry)
    hint = refused.value.hint
    assert hint.startswith(
        "its secret (the variable SP_SECRET) may be wrong or have expired, `az ad sp credential reset"
    )
    assert f"--id {standin.client}`" in hint and f'--assignee {standin.client} --role "AcrPush"' in hint
    assert "wrong" not in refused.value.message and "tenant" not in hint


@pytest.mark.parametrize("how", ["off", "firewall"])
def test_a_network_that_is_not_let_in_is_said(standin: StandIn, resolve: Resolve, how: str) -> None:
    standin.add_registry("standinacr", public_network_access="Disabled" if how == "off" else "Enabled")
    if how == "firewall":
        standin.faults.network_restricted()
    said = "public network access is off" if how == "off" else "firewall does not let this machine in"
    with pytest.raises(StepError, match=said) as refused:
        resolve(standin, _acr("standinacr"))
    mends = {
        "off": "`az acr update -n standinacr --public-network-enabled true`",
        "firewall": "`az acr network-rule add -n standinacr --ip-address 203.0.113.7`",
    }
    assert mends[how] in refused.value.hint


def test_an_account_that_the_login_server_refuses_is_told_the_role_and_the_tenant(
    standin: StandIn, resolve: Resolve
) -> None:
    standin.add_registry("standinacr")
    standin.faults.login_refused()
    with pytest.raises(StepError, match="oauth2/exchange: 401 UNAUTHORIZED: authentication required") as refused:
        resolve(standin, _acr("standinacr"))
    assert f'--assignee {standin.client} --role "AcrPush" --scope /subscriptions/' in refused.value.hint
    assert f"another tenant than {standin.tenant}: `az login --tenant TENANT`" in refused.value.hint
    assert refused.value.hint.count("AcrPush") == 2


def test_a_token_that_the_login_server_refuses_is_had_anew_once(standin: StandIn, resolve: Resolve) -> None:
    standin.add_registry("standinacr")
    standin.faults.refuse("/oauth2/exchange", 401, "UNAUTHORIZED", "expired", times=1)
    resolve(standin, _acr("standinacr"))
    assert len(standin.recorder.matching("POST", "/oauth2/exchange")) == 2


def _acr(name: str, sign_in: str = "token") -> AcrRegistry:
    return AcrRegistry(name, sign_in, None, None)
