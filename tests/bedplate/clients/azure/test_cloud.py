"""The active cloud decides on addresses, names of hosts and audiences; nothing belongs to the public one alone."""

# ruff: noqa: F811 -- fixtures are imported by name

from __future__ import annotations

import configparser
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from bedplate.clients import azureml_scoring, azureml_storage
from bedplate.clients.azure import registry, server_sign_in
from bedplate.clients.azure.client import Azure
from bedplate.clients.azure.patience import Patience
from bedplate.clients.credentials import anonymous
from bedplate.errors import StepError
from bedplate.model import Registry, Workspace, WorkspaceRegistry
from tests.azure.conftest import judged_azure, prism, standin  # noqa: F401  # fixtures
from tests.azure.signed_in import sign_in
from tests.azure.standin import StandIn

PRIVATE = "Contoso"
REGISTRY = "https://containerregistry.azure.net/.default"
CLOUDS = {  # ending of login servers, of storage, and Azure ML's audience
    "AzureCloud": (".azurecr.io", "core.windows.net", "https://ml.azure.com/.default"),
    "AzureUSGovernment": (".azurecr.us", "core.usgovcloudapi.net", "https://ml.azure.us/.default"),
    "AzureChinaCloud": (".azurecr.cn", "core.chinacloudapi.cn", "https://ml.azure.cn/.default"),
    PRIVATE: (".registry.contoso.example", "storage.contoso.example", "https://ml.azure.example/.default"),
}
Signed = Callable[..., Azure]


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Signed:
    """No other host than this machine is looked up."""
    known = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in ("127.0.0.1", "localhost") and not name.endswith(".localhost"):
            raise socket.gaierror(socket.EAI_NONAME, f"{name} was looked up")
        return known(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def signed(azure: StandIn, cloud: str, **settings: str) -> Azure:
        folder = tmp_path / "az"
        sign_in(azure, monkeypatch, folder, cloud=cloud)
        monkeypatch.delenv("ARM_CLOUD_METADATA_URL")  # the clouds that azure-cli-core knows are those of its own list
        if cloud == PRIVATE:
            settings = {
                "suffix_acr_login_server_endpoint": "registry.contoso.example",
                "suffix_storage_endpoint": "storage.contoso.example",
                "endpoint_portal": "https://portal.contoso.example/",
                **settings,
            }
        edit(folder / "clouds.config", cloud, settings)
        return Azure(Workspace(None, "rg", "demo"), Patience(5, 20, 1))

    return signed


def edit(path: Path, section: str, settings: dict[str, str]) -> None:
    config = configparser.ConfigParser()
    config.read(path)
    if not config.has_section(section):
        config.add_section(section)
    config[section].update(settings)
    with path.open("w") as file:
        config.write(file)


def scopes(azure: StandIn) -> list[str]:
    """What tokens were asked for, in order."""
    asked = azure.recorder.matching("POST", "/oauth2/v2.0/token")
    return [parse_qs(one.body.decode())["scope"][0].split()[0] for one in asked]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_names_its_hosts_and_audiences(standin: StandIn, signed: Signed, cloud: str) -> None:
    found = signed(standin, cloud).sign_in.cloud
    assert (found.name, found.arm, found.scope) == (cloud, standin.url, f"{standin.url}/.default")
    assert (found.registries, found.storage, found.ml_scope) == CLOUDS[cloud]
    assert found.registry_scope == REGISTRY


@pytest.mark.judges
@pytest.mark.parametrize("cloud", CLOUDS)
def test_resource_manager_and_registry_are_reached_in_each_cloud(
    judged_azure: StandIn, signed: Signed, cloud: str
) -> None:
    there = judged_azure.add_registry("standinacr")
    judged_azure.add_workspace("demo", there)
    azure = signed(judged_azure, cloud)
    assert registry.by_name(azure, "standinacr").login_server == there.login_server
    own = Registry("acr", there.login_server, insecure=False)
    login = server_sign_in.credentials(azure, WorkspaceRegistry("token", None), own, anonymous)()
    assert login and login.username == registry.EVERYONE
    assert scopes(judged_azure) == [f"{judged_azure.url}/.default", REGISTRY]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_registries_of_this_cloud_alone_are_given_its_token(standin: StandIn, signed: Signed, cloud: str) -> None:
    azure = signed(standin, cloud)
    for name, (ending, _, _) in CLOUDS.items():
        other = Registry("generic", f"other{ending}", insecure=False)
        asked = server_sign_in.credentials(azure, WorkspaceRegistry("token", None), other, anonymous)
        if name == cloud:
            with pytest.raises(StepError, match=f"https://other{ending}/oauth2/exchange: no such host"):
                asked()
        else:
            assert asked() is None
    hub = Registry("generic", "docker.io", insecure=False)
    assert server_sign_in.credentials(azure, WorkspaceRegistry("token", None), hub, anonymous)() is None


@pytest.mark.parametrize("cloud", CLOUDS)
def test_storage_of_a_datastore_that_does_not_name_its_cloud_is_the_active_ones(
    standin: StandIn, signed: Signed, cloud: str
) -> None:
    there = standin.add_workspace("demo")
    held = there.documents["datastores/workspaceblobstore"]["properties"]
    held.update(endpoint=None, protocol="https")
    found = azureml_storage.container(signed(standin, cloud))
    assert found.url == f"https://{held['accountName']}.blob.{CLOUDS[cloud][1]}/azureml-blobstore"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_whoever_calls_an_endpoint_by_microsoft_entra_is_known_to_azure_ml_of_this_cloud(
    standin: StandIn, signed: Signed, cloud: str
) -> None:
    there = standin.add_workspace("demo")
    there.documents["onlineEndpoints/iris"] = {"properties": {"authMode": "AADToken"}, "location": "westeurope"}
    azure = signed(standin, cloud)
    header = azureml_scoring.sign_in(azure, f"{azure.workspace_id}/onlineEndpoints/iris")
    assert header["Authorization"].startswith("Bearer ")
    assert scopes(standin)[-1] == CLOUDS[cloud][2]


def test_a_cloud_apart_may_know_registries_by_another_audience(
    standin: StandIn, signed: Signed, tmp_path: Path
) -> None:
    azure = signed(standin, PRIVATE)
    edit(tmp_path / "az" / "config", "acr", {"audience_resource": "https://registry.contoso.example"})
    assert azure.sign_in.cloud.registry_scope == "https://registry.contoso.example/.default"


def test_a_cloud_without_registries_and_storage_is_no_failure(standin: StandIn, signed: Signed) -> None:
    standin.add_workspace("demo")
    azure = signed(standin, "Bare")
    assert (azure.sign_in.cloud.registries, azure.sign_in.cloud.storage) == ("", "")
    assert not azure.sign_in.cloud.has_registry("other.azurecr.io")
    assert azure.sign_in.cloud.ml_scope == "https://ml.azure.com/.default"
    assert azure.subscription == standin.subscription


def test_a_cloud_without_a_resource_manager_is_told_with_the_command_that_mends_it(
    standin: StandIn, signed: Signed
) -> None:
    azure = signed(standin, PRIVATE, endpoint_resource_manager="")
    with pytest.raises(StepError, match="cloud Contoso of `az` names no Resource Manager") as refused:
        _ = azure.subscription
    assert "`az cloud update`" in refused.value.hint


def test_a_subscription_of_another_tenant_is_told_with_the_tenant_to_sign_in_to(
    standin: StandIn, signed: Signed
) -> None:
    azure = signed(standin, "AzureUSGovernment")
    said = (
        f"The access token is from the wrong issuer 'https://sts.windows.net/{standin.tenant}/'. It must match the "
        "tenant 'https://sts.windows.net/0000aaaa-11bb-cccc-dd22-eeeeee333333/' associated with this subscription. "
        "Please use the authority (URL) 'https://login.microsoftonline.us/0000aaaa-11bb-cccc-dd22-eeeeee333333' to "
        "get the token."
    )
    standin.faults.refuse("workspaces/demo", 401, "InvalidAuthenticationTokenTenant", said, times=None)
    with pytest.raises(StepError, match="401 InvalidAuthenticationTokenTenant: The access token") as refused:
        azure.get(azure.workspace_id, "2024-04-01")
    assert refused.value.hint == "`az login --tenant 0000aaaa-11bb-cccc-dd22-eeeeee333333`"
