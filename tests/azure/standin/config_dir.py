"""The AZURE_CONFIG_DIR that `az login` leaves behind, as azure-cli-core reads it."""

from __future__ import annotations

import configparser
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .sign_in import CLOUD, encoded, id_token
from .state import SUBSCRIPTION, TENANT, Azure
from .tokens import CLIENT, OBJECT, USER

AZ = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # client id of the Azure CLI


def write(
    azure: Azure, folder: Path, how: str, subscription: str | None = None, cloud_name: str = CLOUD
) -> dict[str, str]:
    """`how`: service_principal | user | managed_identity | nobody. Returns environment variables that go with it.

    `cloud_name`: the active cloud. Of one that azure-cli-core knows only the addresses become the stand-in's."""
    folder.mkdir(parents=True, exist_ok=True)
    cloud = configparser.ConfigParser()
    host = azure.url.removeprefix("https://")
    cloud[cloud_name] = {
        "profile": "latest",
        "endpoint_resource_manager": azure.url,
        "endpoint_management": azure.url,
        "endpoint_active_directory": azure.url,
        "endpoint_active_directory_resource_id": azure.url,
        "endpoint_active_directory_graph_resource_id": f"{azure.url}/graph",
        "endpoint_microsoft_graph_resource_id": f"{azure.url}/graph",
    }
    if cloud_name == CLOUD:
        port = host.rsplit(":", 1)[-1]
        suffixes = {"suffix_acr_login_server_endpoint": host, "suffix_storage_endpoint": f"localhost:{port}"}
        cloud[cloud_name].update(suffixes)
    _ini(folder / "clouds.config", cloud)
    config = configparser.ConfigParser()
    config["cloud"] = {"name": cloud_name}
    config["core"] = {
        "instance_discovery": "false",
        "encrypt_token_cache": "false",
        "collect_telemetry": "false",
        "only_show_errors": "true",
    }
    _ini(folder / "config", config)
    subscriptions = (
        []
        if how == "nobody"
        else [
            {
                "id": id,
                "name": name,
                "state": "Enabled",
                "user": _account(how),
                "isDefault": id == (subscription or SUBSCRIPTION),
                "tenantId": TENANT,
                "homeTenantId": TENANT,
                "environmentName": cloud_name,
                "managedByTenants": [],
            }
            for id, name in azure.subscriptions.items()
        ]
    )
    profile = {"installationId": "00000000-0000-0000-0000-000000000001", "subscriptions": subscriptions}
    (folder / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8")
    if how == "service_principal":
        entry = {"client_id": CLIENT, "tenant": TENANT, "client_secret": azure.tokens.secret}
        (folder / "service_principal_entries.json").write_text(json.dumps([entry]), encoding="utf-8")
    elif how == "user":
        (folder / "msal_token_cache.json").write_text(json.dumps(_token_cache(azure)), encoding="utf-8")
    elif how == "managed_identity":
        return {"IDENTITY_ENDPOINT": f"{azure.url}/msi/token", "IDENTITY_HEADER": "stand-in"}
    return {}


def _account(how: str) -> dict[str, str]:
    if how == "managed_identity":
        return {"name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI"}
    if how == "user":
        return {"name": USER, "type": "user"}
    return {"name": CLIENT, "type": "servicePrincipal"}


def _token_cache(azure: Azure) -> dict[str, Any]:
    """MSAL's cache (its unified schema) after a user has signed in: an account and a refresh token."""
    host, home = str(urlsplit(azure.url).hostname), f"{OBJECT}.{TENANT}"
    common = {"home_account_id": home, "environment": host}
    account = {
        "realm": TENANT,
        "local_account_id": OBJECT,
        "username": USER,
        "authority_type": "MSSTS",
        "account_source": "authorization_code",
    }
    refresh = {
        "credential_type": "RefreshToken",
        "secret": azure.tokens.refresh_token,
        "client_id": AZ,
        "family_id": "1",
        "target": f"{azure.url}/.default",
        "last_modification_time": str(int(time.time())),
    }
    identity = {"credential_type": "IdToken", "secret": id_token(AZ), "realm": TENANT, "client_id": AZ}
    return {
        "Account": {f"{home}-{host}-{TENANT}": common | account},
        "RefreshToken": {f"{home}-{host}-refreshtoken-1--{encoded({})}": common | refresh},
        "IdToken": {f"{home}-{host}-idtoken-{AZ}-{TENANT}-": common | identity},
        "AppMetadata": {f"appmetadata-{host}-{AZ}": {"client_id": AZ, "environment": host, "family_id": "1"}},
    }


def _ini(path: Path, content: configparser.ConfigParser) -> None:
    with open(path, "w", encoding="utf-8") as file:
        content.write(file)
