"""Sends YAML files of a team as azure-ai-ml does; run with that package's interpreter against the stand-in.

Its one argument is JSON: authority, tenant, client, secret, subscription, group, workspace, folder, files. Each
deployment goes to an endpoint of its own, named as `names` says. Prints JSON: what was refused, by file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(asked: dict[str, Any]) -> dict[str, str]:
    from azure.ai.ml import MLClient, load_environment, load_online_deployment
    from azure.ai.ml.entities import Environment, KubernetesOnlineEndpoint, ManagedOnlineEndpoint, Model
    from azure.identity import ClientSecretCredential

    credential = ClientSecretCredential(
        asked["tenant"],
        asked["client"],
        asked["secret"],
        authority=asked["authority"],
        disable_instance_discovery=True,
    )
    client = MLClient(credential, asked["subscription"], asked["group"], asked["workspace"])
    folder, refused = Path(asked["folder"]), {}
    client.environments.create_or_update(Environment(name="registered-env", version="1", image="r.io/a:1"))
    client.models.create_or_update(Model(name="registered-model", version="1", path=str(folder / asked["model"])))
    for file, name in asked["files"].items():
        try:
            if "/environment/" in file:
                client.environments.create_or_update(load_environment(folder / file))
                continue
            deployment = load_online_deployment(folder / file)
            deployment.endpoint_name = name
            kubernetes = deployment.type == "kubernetes"
            made = (
                KubernetesOnlineEndpoint(name=name, compute="k8s") if kubernetes else ManagedOnlineEndpoint(name=name)
            )
            client.online_endpoints.begin_create_or_update(made).result()
            client.online_deployments.begin_create_or_update(deployment).result()
        except Exception as error:  # whatever it is, it is told
            refused[file] = f"{type(error).__name__}: {error}"
    return refused


if __name__ == "__main__":
    print("\n" + json.dumps(main(json.loads(sys.argv[1]))))
