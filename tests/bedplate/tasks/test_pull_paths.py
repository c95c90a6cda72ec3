"""What `doit check` says of an Azure target: sign-in, registry, workspace, and who may pull; asked of the stand-in."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import steps
from bedplate import specfile
from bedplate.checks.finding import Finding
from bedplate.reads import Reads
from bedplate.stat_cache import StatCache
from bedplate.state import State
from bedplate.tasks import machine
from tests.azure.client import Client
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.signed_in import sign_in
from tests.azure.standin import StandIn, docker_registry

V2 = "environment: {kind: azureml}, deploy: {kind: online_endpoint, instance_type: Standard_DS3_v2}"
V1 = "environment: {kind: azureml_v1}, deploy: {kind: azureml_v1, compute_type: local}"
OWN, OTHER = "{kind: workspace}", "{kind: acr, name: otheracr}"
TEXT = """
version: 1
project: demo
images: {{base: {{{image}}}}}
environments: {{main: {{image: base, user_managed: true}}}}
services: {{iris: {{environment: main, code: code, entry_script: score.py}}}}
targets:
  azure:
    {{workspace: {{resource_group: rg, name: demo}}, builder: {{kind: acr_tasks}}, registry: {registry}, {kinds}}}
"""
Check = Callable[..., "tuple[dict[str, Finding], list[str]]"]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Check:
    """Findings by code, and the notes."""

    def check(
        azure: StandIn,
        registry: str,
        kinds: str = V2,
        image: str = "context: .",
        how: str = "service_principal",
        offline: bool = False,
    ) -> tuple[dict[str, Finding], list[str]]:
        sign_in(azure, monkeypatch, tmp_path / "az", how)
        text = TEXT.format(registry=registry, kinds=kinds, image=image)
        (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
        read, heard = specfile.load(tmp_path / "pipeline.yaml", None), machine.Heard()
        reads = Reads(tmp_path, StatCache(tmp_path / "cache"), lambda reference, platform: "")
        tasks = [task for step in steps.load().values() for task in step.tasks(read)]
        clients = machine.clients(tmp_path, read, reads, heard)
        before = len(list(azure.recorder))
        found = list(machine.find(read, tmp_path, tasks, State(tmp_path / "none"), clients, offline=offline))
        asked = list(azure.recorder)[before:]
        changing = [f"{one.method} {one.path}" for one in asked if one.method not in ("GET", "HEAD")]
        harmless = ("oauth2", "listCredentials", "listBuildSourceUploadUrl")
        assert all(any(name in one for name in harmless) for one in changing), changing
        assert not (offline and asked)
        return {finding.code: finding for finding in found}, heard.notes

    return check


@pytest.mark.judges
def test_the_workspaces_own_registry_needs_nothing_and_is_described(judged_azure: StandIn, check: Check) -> None:
    registry = judged_azure.add_registry("standinacr", sku="Premium")
    judged_azure.add_workspace("demo", registry)
    found, notes = check(judged_azure, OWN)
    assert found == {}
    assert notes == [
        "workspace demo has the registry standinacr",
        f"{registry.login_server}: Premium, public network access on, admin user off",
        f"{registry.login_server} answers, signed in by token",
    ]


def test_offline_azure_is_not_asked(standin: StandIn, check: Check) -> None:
    assert check(standin, OWN, offline=True) == ({}, [])


@pytest.mark.judges
def test_another_registry_needs_a_role_of_the_endpoints_identity(judged_azure: StandIn, check: Check) -> None:
    judged_azure.add_workspace("demo", judged_azure.add_registry("standinacr"))
    other = judged_azure.add_registry("otheracr")
    found, _ = check(judged_azure, OTHER)
    assert list(found) == ["PullRoleNeeded"]
    told = found["PullRoleNeeded"]
    assert told.weight == "note"
    assert told.mistake.message == (
        f"endpoint iris pulls from {other.login_server} with its identity, which needs the role 'AcrPull'"
    )
    assert "the endpoint is not there yet" in told.mistake.hint
    assert f'--role "AcrPull" --scope {other.id}' in told.mistake.hint
    assert _at(told).startswith("otheracr}")


@pytest.mark.judges
def test_an_endpoint_that_is_there_is_named_by_its_principal_until_it_has_pulled(
    judged_azure: StandIn, check: Check
) -> None:
    there = judged_azure.add_workspace("demo", judged_azure.add_registry("standinacr"))
    other = judged_azure.add_registry("otheracr")
    client = Client(judged_azure)
    endpoint = {"location": "westeurope", "properties": {"authMode": "Key"}, "identity": {"type": "SystemAssigned"}}
    answer = client.ask("PUT", f"{there.id}/onlineEndpoints/iris", endpoint)
    assert answer.status_code == 201, answer.text
    client.done(answer)
    principal = client.ask("GET", f"{there.id}/onlineEndpoints/iris").json()["identity"]["principalId"]
    found, _ = check(judged_azure, OTHER)
    assert f"--assignee {principal} --role" in found["PullRoleNeeded"].mistake.hint
    image = {"properties": {"image": f"{other.login_server}/demo/base@sha256:{'a' * 64}"}}
    client.ask("PUT", f"{there.id}/environments/main/versions/1", image)
    works = {
        "location": "westeurope",
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS3_v2",
            "environmentId": f"{there.id}/environments/main/versions/1",
        },
        "sku": {"name": "Default", "capacity": 1},
    }
    client.done(client.ask("PUT", f"{there.id}/onlineEndpoints/iris/deployments/blue", works))
    assert check(judged_azure, OTHER)[0] == {}


def test_what_azure_refuses_is_told_with_what_mends_it(standin: StandIn, check: Check) -> None:
    found, _ = check(standin, OWN)
    assert "no workspace demo in resource group rg" in found["AzureRefused"].mistake.message
    assert _at(found["AzureRefused"]).startswith("{resource_group: rg, name: demo}")
    standin.add_registry("otheracr")
    found, _ = check(standin, OTHER)
    assert "no workspace demo in resource group rg" in found["AzureRefused"].mistake.message
    standin.add_workspace("demo")
    found, _ = check(standin, OWN)
    assert "workspace demo has no registry yet" in found["RegistryRefused"].mistake.message
    assert _at(found["RegistryRefused"]).startswith("workspace}, environment:")
    found, _ = check(standin, "{kind: acr, name: otheracr, sign_in: admin}")
    assert "Admin user is disabled" in found["RegistryRefused"].mistake.message
    assert _at(found["RegistryRefused"]).startswith("otheracr, sign_in")
    found, _ = check(standin, "{kind: acr, name: absent}")
    assert _at(found["RegistryRefused"]).startswith("absent}")
    found, _ = check(standin, OTHER, how="nobody")
    assert list(found) == ["AzureRefused"] and "az login" in found["AzureRefused"].mistake.hint


def test_a_sign_in_that_is_refused_is_not_the_registrys_refusal(standin: StandIn, check: Check) -> None:
    standin.add_workspace("demo")
    standin.add_registry("otheracr")
    standin.tokens.refuse = "AADSTS7000222: The provided client secret keys are expired."
    found, _ = check(standin, OTHER.replace("}", ", sign_in: admin}"), V1)
    assert list(found) == ["AzureRefused"]
    assert "AADSTS7000222" in found["AzureRefused"].mistake.message


@pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed")
def test_version_1_is_tried_with_the_account_that_it_will_have(
    standin: StandIn, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.add_workspace("demo", standin.add_registry("standinacr"))
    other = standin.add_registry("otheracr", program=True)
    account = f"{{kind: acr, name: otheracr, username: {standin.client}, password: {{env: V1_PASSWORD}}}}"
    monkeypatch.setenv("V1_PASSWORD", standin.tokens.secret)
    assert check(standin, account, V1)[0] == {}
    monkeypatch.setenv("V1_PASSWORD", "geheim-1")
    found, _ = check(standin, account, V1)
    assert list(found) == ["PullRefused"]
    told = str(found["PullRefused"])
    assert f"as {standin.client}, which may not" in told and '--role "AcrPull"' in told and "geheim-1" not in told
    found, _ = check(standin, OTHER, V1)
    assert list(found) == ["PullRoleNeeded"] and other.login_server in found["PullRoleNeeded"].mistake.message


def test_version_1_needs_no_account_for_the_workspaces_own(standin: StandIn, check: Check) -> None:
    standin.add_workspace("demo", standin.add_registry("standinacr"))
    assert check(standin, OWN, V1)[0] == {}


@pytest.mark.skipif(not docker_registry.installed(), reason="docker-registry is not installed")
def test_an_image_of_others_has_to_be_there_for_everybody(standin: StandIn, check: Check) -> None:
    standin.add_workspace("demo", standin.add_registry("standinacr"))
    private = standin.add_registry("privateacr", program=True)
    found, _ = check(standin, OWN, image=f"reference: '{private.login_server}/team/app:1'")
    assert list(found) == ["PullRefused"]
    assert "without an account, and is refused" in found["PullRefused"].mistake.message
    assert _at(found["PullRefused"]).startswith(f"'{private.login_server}/team/app:1'")


def _at(finding: Finding) -> str:
    """What stands in pipeline.yaml where the finding points."""
    assert finding.mistake.line and finding.mistake.column
    return finding.mistake.source[finding.mistake.column - 1 :]
